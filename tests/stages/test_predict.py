"""Predicting one video: what is written, and that a failure at any moment leaves nothing."""

from __future__ import annotations

import json
import math
import os
import shutil
from collections.abc import Callable
from itertools import count
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from configs import DataError, UsageError
from fsrvos_cli.main import run as command_line
from stages.data.images import read_ids
from stages.data.overlay import write_mask_png, write_png
from stages.data.support import load_support
from stages.data.video import VideoSource
from stages.data.video_writer import VideoWriter
from stages.encoders.base import weights_digest
from stages.model.prediction import Followed
from stages.predict import predict
from stages.predicting.results import overlay as overlays
from stages.predicting.segmenter import Segmenter
from stages.runs.checkpoint import load_checkpoint
from tests.full_disk import refusal
from tests.stages.ants import FRAMES, picture
from tests.stages.error_lines import Captured, assert_one_line

SENTENCE = "The Left ant"


def test_all_results_are_there_and_of_the_right_size(
    clip: Path, support: Path, untrained_run: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    report = predict(video=clip, expression=SENTENCE, support=support, run=untrained_run, out=out)
    assert {path.name for path in out.iterdir()} == {
        "masks",
        "overlay.mp4",
        "contact_sheet.png",
        "scores.json",
    }
    names = [f"{number:05d}" for number in range(FRAMES)]
    assert sorted(path.stem for path in (out / "masks").iterdir()) == names
    for path in (out / "masks").iterdir():
        with Image.open(path) as mask:
            assert mask.mode == "P"
            assert mask.size == (96, 64)
            assert set(np.unique(np.asarray(mask))) <= {0, 1}
    with av.open(report.overlay) as film:
        drawn = [frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)]
    assert len(drawn) == FRAMES
    assert drawn[0].shape[1] == 96 and drawn[0].shape[0] > 64  # the frame and its caption
    with Image.open(report.contact_sheet) as sheet:
        assert sheet.width > 320
    scores = json.loads((out / "scores.json").read_text())
    assert scores.keys() == {
        *("video", "expression", "support", "run", "score", "frames", "provenance"),
        *("presence", "present", "threshold", "calibrated"),
        *("marked", "shortfall", "support_expression", "excerpt", "digest"),
        *("manner", "interrupted"),
    }
    digests = scores["provenance"]["digests"]
    weights = load_file(untrained_run / "model.safetensors")
    assert digests["weights"] == weights_digest(weights)
    assert digests["vision"] == load_checkpoint(untrained_run).encoders.vision_digest
    assert scores["marked"] == report.marked and scores["shortfall"] is None
    assert scores["expression"] == "the left ant"
    assert [entry["frame"] for entry in scores["frames"]] == names
    marked = 0
    for entry in scores["frames"]:
        assert 0 <= entry["score"] <= 1
        assert entry["present"] is (entry["score"] >= scores["threshold"])
        marked += bool(read_ids(Path(report.masks) / f"{entry['frame']}.png").any())
    assert scores["marked"] == marked
    assert scores["presence"] == max(entry["score"] for entry in scores["frames"])
    mean = np.mean([entry["score"] for entry in scores["frames"]])
    assert scores["score"] == pytest.approx(mean, abs=1e-3)
    assert (report.frames, report.video) == (FRAMES, str(clip))
    assert report.score == pytest.approx(scores["score"], abs=1e-3)


def test_a_folder_of_images_keeps_their_names(
    support: Path, untrained_run: Path, tmp_path: Path
) -> None:
    frames = tmp_path / "frames"
    for when, name in enumerate(("x", "y.1")):
        write_png(frames / f"{name}.png", picture(when, (45, 71)))
    out = tmp_path / "out"
    predict(video=frames, expression=SENTENCE, support=support, run=untrained_run, out=out)
    assert sorted(path.name for path in (out / "masks").iterdir()) == ["x.png", "y.1.png"]
    with Image.open(out / "masks/x.png") as mask:
        assert mask.size == (71, 45)


def test_masks_of_the_support_lie_where_its_frames_do(untrained_run: Path, support: Path) -> None:
    given = Segmenter(untrained_run, "cpu").support(load_support(support))
    assert given.masks.shape == (1, 2, 96, 96)
    assert given.frames.maps[0].shape[:2] == (1, 2)
    for row in range(2):
        assert given.masks[0, row, 20:44, 8:32].all()
        assert int(given.masks[0, row].sum()) == 24 * 24
    assert given.frames.padding is not None
    assert (~given.frames.padding).sum((0, 2, 3)).tolist() == [64 * 96, 64 * 96]
    assert given.frames.padding[0, 0, 64:].all() and given.frames.padding[0, 1, :, 64:].all()


def snapshot(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def late_damage(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a decoder reports it, after two windows of frames were written."""
    iterate = VideoSource.__iter__

    def damaged(self: object) -> object:
        for number, frame in zip(count(), iterate(self), strict=False):  # type: ignore[arg-type]
            if number == 12:
                raise DataError("clip.mp4: damaged after frame 11; re-encode it")
            yield frame

    monkeypatch.setattr(VideoSource, "__iter__", damaged)


def failing(name: str, error: BaseException) -> Callable[[pytest.MonkeyPatch], None]:
    """Make a function of the overlay raise when it is called for the third time, or ever."""

    def install(monkeypatch: pytest.MonkeyPatch) -> None:
        original, calls = getattr(overlays, name), count(1)

        def call(*arguments: object, **options: object) -> object:
            if next(calls) == 3:
                raise error
            return original(*arguments, **options)

        monkeypatch.setattr(overlays, name, call)

    return install


@pytest.mark.parametrize(
    ("fault", "code", "says"),
    [
        (late_damage, 1, "damaged after frame 11"),
        (failing("drawn", KeyboardInterrupt()), 130, "interrupted"),
    ],
)
@pytest.mark.parametrize("former", [False, True])
def test_a_failure_on_the_way_leaves_what_was_there(
    clip: Path,
    support: Path,
    untrained_run: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Captured,
    fault: Callable[[pytest.MonkeyPatch], None],
    code: int,
    says: str,
    former: bool,
) -> None:
    place = tmp_path / "place"
    place.mkdir()
    if former:
        (place / "out/masks").mkdir(parents=True)
        (place / "out/masks/00000.png").write_text("former")
        (place / "out/scores.json").write_text("former")
    before = snapshot(place)
    fault(monkeypatch)
    arguments = ["predict", str(clip), SENTENCE, "--support", str(support)]
    arguments += ["--checkpoint", str(untrained_run), "-o", str(place / "out")]
    assert command_line([*arguments, "--device", "cpu"]) == code
    assert_one_line(capsys, says)
    assert snapshot(place) == before
    assert [path.name for path in place.iterdir()] == (["out"] if former else [])


@pytest.mark.parametrize("limit", [0, 200, 4_000])
def test_a_full_disk_is_one_line_and_leaves_what_was_there(
    clip: Path, support: Path, untrained_run: Path, tmp_path: Path, limit: int
) -> None:
    """Among the masks, the pictures and the video."""
    place = tmp_path / "place"
    (place / "out/masks").mkdir(parents=True)
    (place / "out/scores.json").write_text("former")
    before = snapshot(place)
    out = place / "out"

    def write() -> None:
        predict(video=clip, expression=SENTENCE, support=support, run=untrained_run, out=out)

    said = refusal(write, limit)
    assert said.startswith(f"{out}: cannot be written (No space left on device)")
    assert snapshot(place) == before
    assert [path.name for path in place.iterdir()] == ["out"]


def test_a_new_result_replaces_a_former_one_whole(
    clip: Path, support: Path, untrained_run: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    (out / "masks").mkdir(parents=True)
    (out / "masks/99999.png").write_text("of a longer video")
    predict(video=clip, expression=SENTENCE, support=support, run=untrained_run, out=out)
    assert len(list((out / "masks").iterdir())) == FRAMES
    assert not (out / "masks/99999.png").exists()
    (out / "notes.txt").write_text("mine")
    before = snapshot(out)
    with pytest.raises(UsageError, match=r"holds notes\.txt"):
        predict(video=clip, expression=SENTENCE, support=support, run=untrained_run, out=out)
    assert snapshot(out) == before


def test_a_video_cut_short_is_segmented_as_far_as_it_goes(
    support: Path, untrained_run: Path, tmp_path: Path, capsys: Captured
) -> None:
    video = tmp_path / "clip.mkv"
    with av.open(str(video), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.height, stream.width, stream.pix_fmt = 64, 96, "yuv420p"
        stream.options = {"g": "1", "crf": "10"}
        for when in range(30):
            frame = av.VideoFrame.from_ndarray(picture(when % 60), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    video.write_bytes(video.read_bytes()[: video.stat().st_size * 2 // 3])
    out = tmp_path / "out"
    arguments = ["predict", str(video), SENTENCE, "--support", str(support), "-o", str(out)]
    assert command_line([*arguments, "--run", str(untrained_run), "--device", "cpu"]) == 5
    said, error = capsys.readouterr()
    kept = len(list((out / "masks").iterdir()))
    assert 2 <= kept < 30 and f"of {kept} frames" in said
    assert f"the file is cut short (it claims 30 frames, {kept} could be read)" in error
    assert json.loads((out / "scores.json").read_text())["shortfall"] in error


def test_a_support_object_too_small_for_the_network_is_named(
    untrained_run: Path, support: Path
) -> None:
    ids = np.zeros((960, 640), np.uint8)
    ids[1, 1] = 2
    write_mask_png(support / "masks/b.png", ids)
    write_png(support / "b.png", picture(2, (960, 640)))
    with pytest.raises(DataError, match="object in b is smaller than a pixel of the 64 x 96 that"):
        Segmenter(untrained_run, "cpu").support(load_support(support))


def test_nothing_found_is_said(
    clip: Path,
    support: Path,
    untrained_run: Path,
    tmp_path: Path,
    capsys: Captured,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def nowhere(self: Segmenter, frames: list[np.ndarray], *_: object) -> Followed:  # type: ignore[type-arg]
        masks = torch.full((len(frames), 16, 24), -1.0)
        return Followed(masks, torch.full((len(frames),), -math.log(3)), (), None)

    monkeypatch.setattr(Segmenter, "follow", nowhere)
    arguments = ["predict", str(clip), SENTENCE, "--support", str(support)]
    arguments += ["--run", str(untrained_run), "--device", "cpu", "-o", str(tmp_path / "out")]
    assert command_line(arguments) == 0
    said = capsys.readouterr().out
    assert f"marked in 0 of {FRAMES} frames: nothing that fits was found; score 0.25" in said
    assert json.loads((tmp_path / "out/scores.json").read_text())["marked"] == 0


def test_two_predictions_never_share_a_folder_by_default(
    clip: Path,
    support: Path,
    untrained_run: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FSRVOS_WORK", str(tmp_path / "work"))
    other = tmp_path / "b" / "clip.mp4"
    other.parent.mkdir()
    shutil.copy(clip, other)
    options = ["--support", str(support), "--run", str(untrained_run), "--device", "cpu"]
    made = tmp_path / "work" / "predict"
    asked = [(clip, "an ant"), (other, "an ant"), (clip, "the left ant"), (clip, "AN  ant")]
    for video, sentence in asked:
        assert command_line(["predict", str(video), sentence, *options]) == 0
    assert sorted(path.name for path in made.iterdir()) == ["clip", "clip-2", "clip-3"]
    said = {p.name: json.loads((p / "scores.json").read_text()) for p in made.iterdir()}
    assert (said["clip"]["video"], said["clip"]["expression"]) == (str(clip), "an ant")
    assert (said["clip-2"]["video"], said["clip-2"]["expression"]) == (str(other), "an ant")
    assert said["clip-3"]["expression"] == "the left ant"


def test_the_supports_sentence_may_be_given_on_the_line(
    clip: Path, support: Path, untrained_run: Path, tmp_path: Path, capsys: Captured
) -> None:
    (support / "support.toml").unlink()
    out = tmp_path / "out"
    line = ["predict", str(clip), SENTENCE, "--support", str(support), "-o", str(out)]
    line += ["--run", str(untrained_run), "--device", "cpu"]
    assert command_line(line) == 4
    assert_one_line(capsys, "or give the sentence with --support-expression")
    assert command_line([*line, "--support-expression", " "]) == 2
    assert_one_line(capsys, "--support-expression: the expression is empty")
    assert command_line([*line, "--support-expression", "A  green ant"]) == 0
    scores = json.loads((out / "scores.json").read_text())
    assert scores["support_expression"] == "a green ant"
    assert "--support-expression 'a green ant'" in scores["provenance"]["command"]


def no_mask(folder: Path) -> None:
    (folder / "masks/b.png").unlink()


def another_size(folder: Path) -> None:
    write_mask_png(folder / "masks/b.png", np.ones((20, 20), np.uint8))


def background(folder: Path) -> None:
    write_mask_png(folder / "masks/b.png", np.zeros((96, 64), np.uint8))


def another_object(folder: Path) -> None:
    write_mask_png(folder / "masks/b.png", np.full((96, 64), 7, np.uint8))


def no_files(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir()


def no_folder(folder: Path) -> None:
    shutil.rmtree(folder)


def no_notes(folder: Path) -> None:
    (folder / "support.toml").unlink()


def long_sentence(folder: Path) -> None:
    (folder / "support.toml").write_text(f'expression = "{"ant " * 1250}"\nobject_id = 2\n')


def run_bad(
    capsys: Captured,
    tmp_path: Path,
    arguments: list[str],
    code: int,
    says: str,
) -> None:
    """Call `predict` with an output folder, and find that nothing was made of it."""
    place = tmp_path / "place"
    place.mkdir()
    assert command_line(["predict", *arguments, "-o", str(place / "out")]) == code
    assert_one_line(capsys, says)
    assert list(place.iterdir()) == []


@pytest.mark.parametrize(
    ("damage", "code", "says"),
    [
        (no_folder, 4, "no such support folder"),
        (no_files, 4, "holds no images"),
        (no_mask, 4, "masks/b.png: the mask of b.png is missing"),
        (another_size, 1, "has 20 x 20 pixels, its image 64 x 96"),
        (background, 1, "all background"),
        (another_object, 1, "object 2 is not in the mask (it has 7)"),
        (no_notes, 4, "support.toml: no such file"),
        (long_sentence, 1, "5000 characters"),
    ],
)
def test_bad_support_is_one_line(
    clip: Path,
    support: Path,
    untrained_run: Path,
    tmp_path: Path,
    capsys: Captured,
    damage: Callable[[Path], None],
    code: int,
    says: str,
) -> None:
    damage(support)
    arguments = [str(clip), SENTENCE, "--support", str(support)]
    arguments += ["--checkpoint", str(untrained_run), "--device", "cpu"]
    run_bad(capsys, tmp_path, arguments, code, says)


def missing(path: Path) -> Path:
    return path.with_name("none.mp4")


def text(path: Path) -> Path:
    path.write_text("this is no video\n" * 100)
    return path


def empty(path: Path) -> Path:
    path.write_bytes(b"")
    return path


def zero_frames(path: Path) -> Path:
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        container.start_encoding()
    return path


def cut(path: Path) -> Path:
    with VideoWriter(path, 25) as film:
        for when in range(FRAMES):
            film.write(picture(when))
    content = path.read_bytes()
    path.write_bytes(content[: content.find(b"mdat") + 100])  # within the first frame
    return path


def empty_folder(path: Path) -> Path:
    folder = path.with_name("frames")
    folder.mkdir()
    return folder


@pytest.mark.parametrize(
    ("make", "code", "says"),
    [
        (missing, 4, "none.mp4: no such video"),
        (text, 1, "bad.mp4: not a readable video"),
        (empty, 1, "bad.mp4: the file is empty"),
        (zero_frames, 1, "no frames"),
        (cut, 1, "bad.mp4: the file is cut short"),
        (empty_folder, 1, "frames: the folder holds no images"),
    ],
)
def test_a_bad_video_is_one_line(
    support: Path,
    untrained_run: Path,
    tmp_path: Path,
    capsys: Captured,
    make: Callable[[Path], Path],
    code: int,
    says: str,
) -> None:
    arguments = [str(make(tmp_path / "bad.mp4")), SENTENCE, "--support", str(support)]
    arguments += ["--checkpoint", str(untrained_run), "--device", "cpu"]
    run_bad(capsys, tmp_path, arguments, code, says)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read anything")
def test_a_video_without_permission_is_one_line(
    clip: Path, support: Path, untrained_run: Path, tmp_path: Path, capsys: Captured
) -> None:
    locked = Path(shutil.copy(clip, tmp_path / "locked.mp4"))
    locked.chmod(0)
    arguments = [str(locked), SENTENCE, "--support", str(support)]
    arguments += ["--checkpoint", str(untrained_run), "--device", "cpu"]
    run_bad(capsys, tmp_path, arguments, 1, "no permission to read it")


@pytest.mark.parametrize(
    ("sentence", "says"),
    [
        ("", "expression is empty"),
        (" \n\t", "expression is empty"),
        ("x" * 5000, "5000 characters"),
        ("a caf\udce9 fish", "holds bytes that are not UTF-8 text"),  # $'a caf\xe9 fish' in a shell
    ],
)
def test_a_bad_sentence_is_wrong_usage(
    clip: Path,
    support: Path,
    untrained_run: Path,
    tmp_path: Path,
    capsys: Captured,
    sentence: str,
    says: str,
) -> None:
    arguments = [str(clip), sentence, "--support", str(support)]
    run_bad(capsys, tmp_path, [*arguments, "--checkpoint", str(untrained_run)], 2, says)


def test_the_longest_sentence_is_taken(
    clip: Path, support: Path, untrained_run: Path, tmp_path: Path
) -> None:
    said, out = "ant " * 250, tmp_path / "out"
    report = predict(video=clip, expression=said, support=support, run=untrained_run, out=out)
    assert len(report.expression) == 999


def test_no_checkpoint_and_another_encoder(
    clip: Path, support: Path, untrained_run: Path, tmp_path: Path, capsys: Captured
) -> None:
    arguments = [str(clip), SENTENCE, "--support", str(support), "--device", "cpu", "--checkpoint"]
    run_bad(capsys, tmp_path, [*arguments, str(tmp_path / "none")], 4, "holds no config.toml")
    shutil.rmtree(tmp_path / "place")
    broken = Path(shutil.copytree(untrained_run, tmp_path / "broken"))
    weights = broken / "model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[: len(whole) // 2])
    run_bad(capsys, tmp_path, [*arguments, str(broken)], 1, "is damaged or truncated")
    shutil.rmtree(tmp_path / "place")
    digest = load_checkpoint(untrained_run).encoders.vision_digest
    weights.write_bytes(whole.replace(digest.encode(), b"f" * 64))
    run_bad(capsys, tmp_path, [*arguments, str(broken)], 1, "another vision encoder")


@pytest.mark.parametrize("command", ["predict", "evaluate"])
def test_a_device_that_is_not_there(
    clip: Path,
    support: Path,
    untrained_run: Path,
    blocks_root: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Captured,
    command: str,
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    out = tmp_path / "out"
    arguments = {
        "predict": [str(clip), SENTENCE, "--support", str(support), "-o", str(out)],
        "evaluate": ["--data", str(blocks_root)],
    }[command]
    before = snapshot(untrained_run)
    arguments += ["--run", str(untrained_run)] if command == "evaluate" else []
    arguments += ["--checkpoint", str(untrained_run)] if command == "predict" else []
    assert command_line([command, *arguments, "--device", "cuda"]) == 2
    assert_one_line(capsys, "there is no cuda device here")
    assert not out.exists() and snapshot(untrained_run) == before
