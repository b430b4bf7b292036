"""The sections on encoders, cache, prediction and scoring: what is promised, at small sizes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from cache.quantise import bytes_per_frame
from cache.stored_types import STORED_TYPES
from configs import FeaturesConfig, load_config
from configs.model import STRIDES
from stages.benchmark import cache_rows, encoder_rows, filling, predict_rows, score_rows
from stages.benchmark.davis_reference import boundary, frame_scores
from stages.benchmark.material import rendered_frames, resnet50, save_resnet50
from stages.benchmark.setting import Setting
from stages.encoders import load_vision
from stages.scoring.metrics import contour_f, region_j

TINY, LITE = load_config("tiny", []), load_config("lite", [])


@pytest.fixture
def setting(tmp_path: Path) -> Setting:
    return Setting("cpu", 1, 1, tmp_path)


def test_the_plain_loop_says_what_the_tuned_encoder_says() -> None:
    frames = torch.from_numpy(rendered_frames(2, (64, 96)))
    plain, tuned = (load_vision(LITE.encoder, tuned=tuned) for tuned in (False, True))
    loop = zip(*encoder_rows.plain_loop(plain, frames), strict=True)
    for level, wanted in zip(loop, tuned(frames), strict=True):
        torch.testing.assert_close(torch.cat(level), wanted, rtol=1e-4, atol=1e-4)


def test_resnet50_is_one() -> None:
    encoder = resnet50(True, "cpu")
    assert encoder.name == "resnet-50" and encoder.channels == (256, 512, 1024, 2048)
    convolutions = [m.weight for m in encoder.modules() if isinstance(m, torch.nn.Conv2d)]
    assert len(convolutions) == 53  # 49, and 4 shortcuts; the fiftieth layer classifies
    assert sum(weight.numel() for weight in convolutions) == 23_454_912


def test_speedups_have_a_row_for_bf16_where_the_device_has_it(
    setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = rendered_frames(2, (64, 96))
    for there in (False, True):
        monkeypatch.setattr(encoder_rows, "has_bf16", lambda device, there=there: there)
        monkeypatch.setattr(encoder_rows, "use_bf16", lambda encoder: None)
        found = encoder_rows.speedups(
            setting, "s", lambda tuned: load_vision(TINY.encoder, tuned=tuned), frames
        )
        assert set(found) == ({"s", "s.bf16"} if there else {"s"})
        assert min(found.values()) > 0


def test_filling_runs_on_a_fresh_cache_every_time(setting: Setting) -> None:
    found = filling.fill(setting, TINY, videos=1)
    assert set(found) == {"fill_share", "fill_start_frames", "fill_sentence_frames"}
    assert all(np.isfinite(value) for value in found.values())


def test_the_saved_resnet50_is_the_one_measured_elsewhere(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_resnet50(tmp_path / "encoder")
    assert capsys.readouterr() == ("", "")
    saved = load_config("lite", [f'encoder.vision="{tmp_path / "encoder"}"']).encoder
    frames = torch.from_numpy(rendered_frames(1, (64, 96)))
    for level, wanted in zip(
        load_vision(saved)(frames), resnet50(True, "cpu")(frames), strict=True
    ):
        torch.testing.assert_close(level, wanted)


def test_filling_takes_the_start_apart_from_the_steady_state() -> None:
    # 2 s to start, 0.1 s a frame, 5 ms a sentence; the encoder alone takes 0.08 s a frame.
    seconds = {"bare": 8.0, "one": 4.5, "four": 12.0, "nothing": 2.0, "text": 2.2}
    assert filling.figures(seconds, frames=100, sentences=40) == pytest.approx(
        {"fill_share": 0.8, "fill_start_frames": 25.0, "fill_sentence_frames": 0.0625}
    )


def test_bytes_on_disk_are_those_that_the_plan_promises(setting: Setting) -> None:
    tiny = load_vision(TINY.encoder)
    lite, paper = (
        cache_rows.encoded(tiny, rendered_frames(3, size)) for size in ((64, 96), (96, 128))
    )
    found = cache_rows.sizes(setting, paper, lite)
    names = [
        f"bytes_per_frame.{stored_type}{end}"
        for stored_type in STORED_TYPES
        for end in ("", ".lite")
    ]
    assert set(found) == {
        *names,
        *(f"relative_error.{stored_type}" for stored_type in STORED_TYPES),
    }
    for end, (height, width) in (("", (96, 128)), (".lite", (64, 96))):
        cells = [(-(-height // s), -(-width // s)) for s in STRIDES]
        for stored_type in STORED_TYPES:
            promised = bytes_per_frame(list(tiny.channels), cells, stored_type)
            # Scales of three frames share a chunk, and so its checksum, which no frame counts.
            shared = 2 * 4 * len(cells) / 3 if STORED_TYPES[stored_type].scaled else 0
            assert found[f"bytes_per_frame.{stored_type}{end}"] == pytest.approx(promised + shared)
    assert found["relative_error.fp32"] == 0
    assert 0 < found["relative_error.fp16"] < 5e-4
    assert 5e-4 < found["relative_error.uint8"] < 2e-2


def test_zstd_is_weighed_on_the_bytes_that_are_stored() -> None:
    """Noise cannot be coded; a map of one value takes next to nothing."""
    noise = np.random.default_rng(0).random((2, 8, 32, 32), np.float32)
    flat = np.ones_like(noise)
    assert cache_rows.coded(1, [noise], "")["zstd_share"] == pytest.approx(1, abs=0.05)
    found = cache_rows.coded(1, [noise, flat], ".x")
    assert set(found) == {"zstd_share.x", "zstd_ms.x"}
    assert found["zstd_share.x"] == pytest.approx(0.5, abs=0.05)


def test_reading_gives_both_latencies_and_the_maps(setting: Setting) -> None:
    maps = cache_rows.encoded(load_vision(TINY.encoder), rendered_frames(10, (64, 96)))
    found = cache_rows.reading(setting, maps)
    assert set(found) == {"read_ms_warm", "read_ms_cold"}
    assert min(found.values()) > 0
    store = cache_rows.filled_store(setting.work / "reading", FeaturesConfig().stored, {})
    assert sorted(store.items()) == [cache_rows.QUERY, cache_rows.SUPPORT]
    assert cache_rows.worst_error(store, cache_rows.SUPPORT, [m[5:] for m in maps]) < 2e-2


def test_evicted_files_are_read_again_unchanged(tmp_path: Path) -> None:
    path = tmp_path / "pages"
    path.write_bytes(bytes(range(256)) * 64)
    cache_rows.drop_pages(path)
    assert path.read_bytes() == bytes(range(256)) * 64


def test_prediction_gives_its_rows_and_takes_its_start_apart(setting: Setting) -> None:
    names = {"predict_fps", "predict_bare_fps", "predict_encoder_fps"}
    names |= {"predict_share", "predict_encoder_share", "predict_start_frames"}
    assert set(predict_rows.speed(setting, "tiny", (64, 96), (2, 4))) == names
    # 3 s to start, 0.2 s a frame; encoder and network take 0.1 s a frame, the encoder 0.04 s.
    seconds = {"encoder": 4.0, "bare": 10.0, "short": 7.0, "long": 23.0}
    assert predict_rows.figures(seconds, 20, 100) == pytest.approx(
        {
            "predict_fps": 5.0,
            "predict_bare_fps": 10.0,
            "predict_encoder_fps": 25.0,
            "predict_share": 0.5,
            "predict_encoder_share": 0.2,
            "predict_start_frames": 30.0,
        }
    )


def test_memory_is_that_of_a_whole_prediction(setting: Setting) -> None:
    found = predict_rows.memory(setting, (12,))
    assert set(found) == {"predict_peak_gb.12"}
    assert len([*(setting.work / "memory" / "12-masks" / "masks").iterdir()]) == 12
    assert 0 < found["predict_peak_gb.12"] < 1


def test_the_published_algorithm_and_ours_give_the_same_scores() -> None:
    pred, truth = score_rows.blobs(4, (120, 214))
    pred[1], truth[2] = False, False
    pred[3] = truth[3] = False
    published = [frame_scores(*pair) for pair in zip(pred, truth, strict=True)]
    ours = np.stack([region_j(pred, truth), contour_f(pred, truth)], axis=1)
    np.testing.assert_allclose(published, ours, rtol=0, atol=1e-12)
    assert 0.5 < published[0][0] < 1 and 0 < published[0][1] < 1
    assert published[1] == published[2] == (0.0, 0.0) and published[3] == (1.0, 1.0)


def test_a_boundary_lies_left_and_above_of_what_differs() -> None:
    mask = np.zeros((4, 5), bool)
    mask[1:3, 2:] = True
    assert boundary(mask).astype(int).tolist() == [
        [0, 1, 1, 1, 1],
        [0, 1, 0, 0, 0],
        [0, 1, 1, 1, 1],
        [0, 0, 0, 0, 0],
    ]


def test_scoring_rows(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(score_rows, "SIZE", (60, 107))
    monkeypatch.setattr(score_rows, "FRAMES", 3)
    found = score_rows.rows(setting)
    assert set(found) == {"score_speedup"} and found["score_speedup"] > 0


def test_masks_to_score_are_like_those_of_davis() -> None:
    pred, truth = score_rows.blobs(3, score_rows.SIZE)
    assert pred.shape == truth.shape == (3, 480, 854)
    assert 0.02 < truth.mean() < 0.12
    assert 0.7 < region_j(pred, truth).mean() < 0.95
