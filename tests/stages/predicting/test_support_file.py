"""An encoded kind in a file: the same maps, masks and words as its folder's, or a refusal."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from configs import DataError, MissingError, UsageError, load_config
from fsrvos_cli.main import run as command_line
from stages.data.overlay import write_mask_png, write_png
from stages.data.support import load_support
from stages.model.inputs import Support
from stages.predicting.encoded_support import EncodedSupport
from stages.predicting.kinds import read_kind
from stages.predicting.requests import Shown
from stages.predicting.segmenter import Segmenter
from stages.predicting.support_file import read_support, write_support
from stages.support import save_support
from tests.full_disk import refusal
from tests.stages.error_lines import Captured, assert_one_line


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two annotated frames of two sizes."""
    rng = np.random.default_rng(5)
    for name, (height, width) in (("a", (64, 96)), ("b", (96, 64))):
        ids = np.zeros((height, width), np.uint8)
        ids[20:44, 8:31] = 1
        write_mask_png(tmp_path / f"support/masks/{name}.png", ids)
        frame = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
        write_png(tmp_path / f"support/{name}.png", frame)
    (tmp_path / "support/support.toml").write_text('expression = "an ant"\ncategory = "ant"\n')
    return tmp_path / "support"


@pytest.fixture
def file(folder: Path, untrained_run: Path, tmp_path: Path) -> Path:
    path = tmp_path / "ant.support"
    save_support(folder=folder, file=path, run=untrained_run)
    return path


@pytest.fixture(scope="module")
def segmenter(untrained_run: Path) -> Segmenter:
    return Segmenter(untrained_run, "cpu")


def assert_half_as_exact(kept: Support, fresh: Support) -> None:
    """Maps within half precision's rounding, everything else equal."""
    for stored, exact in zip(kept.frames.maps, fresh.frames.maps, strict=True):
        assert stored.dtype == torch.float32
        torch.testing.assert_close(stored, exact, rtol=2**-11, atol=2**-24)
    assert torch.equal(kept.masks, fresh.masks)
    assert torch.equal(kept.frames.size, fresh.frames.size)
    assert kept.frames.padding is not None and fresh.frames.padding is not None
    assert torch.equal(kept.frames.padding, fresh.frames.padding)
    assert torch.equal(kept.words.tokens, fresh.words.tokens)


def test_a_file_gives_a_network_what_its_folder_does(
    folder: Path, file: Path, segmenter: Segmenter
) -> None:
    fresh = segmenter.support(load_support(folder))
    assert_half_as_exact(read_kind(Shown(file)).encoded(segmenter).as_input(segmenter), fresh)
    spoken = read_kind(Shown(file, "a red ant")).encoded(segmenter).as_input(segmenter)
    words = segmenter.words("a red ant")
    assert torch.equal(spoken.words.tokens, words.tokens)
    assert torch.equal(spoken.masks, fresh.masks)


def test_it_is_the_same_kind_wherever_it_lies_and_another_with_another_sentence(
    file: Path, tmp_path: Path, folder: Path, untrained_run: Path
) -> None:
    copy = tmp_path / "copy.support"
    copy.write_bytes(file.read_bytes())
    again = tmp_path / "again.support"
    save_support(folder=folder, file=again, run=untrained_run, command="fsrvos support save")
    digests = [read_kind(Shown(path)).digest for path in (file, copy, again)]
    assert len(set(digests)) == 1
    assert read_kind(Shown(file, "a fly")).digest != digests[0]
    assert read_support(again).made["command"] == "fsrvos support save"


def test_nothing_of_the_pictures_is_kept(folder: Path, file: Path) -> None:
    frame = load_support(folder).frames[0]
    content = file.read_bytes()
    rows = [frame[row].tobytes() for row in range(len(frame))]
    assert not any(row[:24] in content for row in rows)
    assert {name.split(".")[0] for name in load_file(file)} == {"maps", "mask"}


def test_values_beyond_half_precision_stay_exact(file: Path, tmp_path: Path) -> None:
    kept = read_support(file)
    maps = kept.encoded.maps
    first = maps[0][0].clone()
    first[0, 0, 0, 0] = 70_000.5
    large = replace(kept.encoded, maps=((first, *maps[0][1:]), *maps[1:]))
    write_support(tmp_path / "large.support", large, kept.seen_by, {})
    read = read_support(tmp_path / "large.support").encoded
    assert torch.equal(read.maps[0][0], first)
    assert load_file(tmp_path / "large.support")["maps.0.1"].dtype == torch.float16


def test_another_encoder_or_size_is_refused(
    file: Path, untrained_run: Path, segmenter: Segmenter, tmp_path: Path
) -> None:
    kept = read_support(file)
    other = tmp_path / "other.support"
    write_support(other, kept.encoded, replace(kept.seen_by, vision_digest="f" * 64), {})
    with pytest.raises(DataError, match="other.support: encoded with another vision encoder"):
        read_kind(Shown(other)).encoded(segmenter).as_input(segmenter)
    wide = load_config("tiny", ["features.long_side=128"])
    with pytest.raises(DataError, match="encoded with long side 96, and the run has 128; encode"):
        read_kind(Shown(file)).encoded(Segmenter(untrained_run, "cpu", wide))


def header(path: Path, **facts: object) -> None:
    """Write the file again with other facts and a digest that fits them."""
    kept = read_support(path)
    write_support(path, kept.encoded, kept.seen_by, {})
    content = path.read_bytes()
    for name, value in facts.items():
        old = json.dumps({name: 1})[1:-1].encode().replace(b'"', b'\\"')
        new = json.dumps({name: value})[1:-1].encode().replace(b'"', b'\\"')
        assert old in content and len(old) == len(new)
        content = content.replace(old, new)
    path.write_bytes(content)


def another_version(path: Path) -> None:
    header(path, version=9)


def a_bit_flipped(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-5] ^= 16
    path.write_bytes(content)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-40])


def no_support(path: Path) -> None:
    save_file({"a": torch.zeros(3)}, path)


def text(path: Path) -> None:
    path.write_text("expression")


def without_a_mask(path: Path) -> None:
    kept = read_support(path)
    masks = (np.zeros_like(kept.encoded.masks[0]), kept.encoded.masks[1])
    write_support(path, replace(kept.encoded, masks=masks), kept.seen_by, {})


def of_other_channels(path: Path) -> None:
    kept = read_support(path)
    maps = tuple(tuple(level[:, :1] for level in frame) for frame in kept.encoded.maps)
    write_support(path, replace(kept.encoded, maps=maps), kept.seen_by, {})  # type: ignore[arg-type]


def of_no_frames(path: Path) -> None:
    kept = read_support(path)
    write_support(path, EncodedSupport((), (), (), "an ant"), kept.seen_by, {})


def without_a_sentence(path: Path) -> None:
    kept = read_support(path)
    write_support(path, replace(kept.encoded, expression=" "), kept.seen_by, {})


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (another_version, r"of another version of the program \(format 9, here 1\)"),
        (a_bit_flipped, "damaged, its digest is not its content's"),
        (cut, "damaged, or no encoded support"),
        (text, "damaged, or no encoded support"),
        (no_support, "not an encoded support; `fsrvos support save` makes one"),
        (without_a_mask, "damaged, its parts do not fit together"),
        (of_other_channels, "damaged, its parts do not fit together"),
        (of_no_frames, "damaged, its parts do not fit together"),
        (without_a_sentence, "damaged, its parts do not fit together"),
    ],
)
def test_what_is_wrong_with_a_file_is_one_line(file: Path, fault: object, says: str) -> None:
    fault(file)  # type: ignore[operator]
    with pytest.raises(DataError, match=says) as caught:
        read_support(file)
    assert "\n" not in str(caught.value) and str(file) in str(caught.value)


def test_it_is_whole_or_absent(folder: Path, untrained_run: Path, tmp_path: Path) -> None:
    place = tmp_path / "place"
    place.mkdir()

    def write() -> None:
        save_support(folder=folder, file=place / "ant.support", run=untrained_run)

    assert "cannot be written (No space left on device)" in refusal(write, 4_000)
    assert list(place.iterdir()) == []
    with pytest.raises(UsageError, match=r"name it \*\.support"):
        save_support(folder=folder, file=place / "ant.h5", run=untrained_run)
    with pytest.raises(MissingError, match=r"gone\.support: no such support"):
        read_kind(Shown(tmp_path / "gone.support"))


def test_it_is_saved_and_used_from_the_command_line(
    folder: Path, untrained_run: Path, tmp_path: Path, capsys: Captured
) -> None:
    frames = tmp_path / "frames"
    for number in range(3):
        pixels = np.random.default_rng(number).integers(0, 256, (64, 96, 3), dtype=np.uint8)
        write_png(frames / f"{number}.png", pixels)
    (folder / "support.toml").unlink()
    run = ["--checkpoint", str(untrained_run), "--device", "cpu"]
    kept = str(tmp_path / "ant.support")
    save = ["support", "save", str(folder), kept, *run]
    assert command_line(save) == 4
    assert_one_line(capsys, "or give the sentence with --support-expression")
    assert command_line([*save, "--support-expression", "An  ant"]) == 0
    assert "expression     an ant" in capsys.readouterr().out
    masks = {}
    for support in (kept, str(folder)):
        out = tmp_path / f"out{len(masks)}"
        line = ["predict", str(frames), "the ant", "--support", support, "-o", str(out), *run]
        line += ["--support-expression", "an ant"] if support != kept else []
        assert command_line(line) == 0
        scores = json.loads((out / "scores.json").read_text())
        assert scores["support_expression"] == "an ant"
        masks[support] = [entry["score"] for entry in scores["frames"]]
    assert masks[kept] == pytest.approx(masks[str(folder)], abs=2e-3)
