"""The library: the same answers as the command's, streamed, previewed, and as the README has it."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from configs import DataError, UsageError
from stages.data.images import read_ids
from stages.data.overlay import write_mask_png, write_png
from stages.data.video import read_video
from stages.data.video_writer import write_video
from stages.predict import Predictor, predict

Frame = NDArray[np.uint8]
LENGTH = 13
MASK = np.zeros((64, 96), bool)
MASK[20:44, 8:32] = True


def picture(when: int) -> Frame:
    frame = np.full((64, 96, 3), 90, dtype=np.uint8)
    frame[20:44, 6 + when : 30 + when] = (0, 255, 0)
    return frame


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    write_video(tmp_path / "clip.mp4", map(picture, range(LENGTH)), 25)
    return tmp_path / "clip.mp4"


def test_answers_are_the_commands(clip: Path, untrained_run: Path, tmp_path: Path) -> None:
    write_png(tmp_path / "support/a.png", picture(2))
    write_mask_png(tmp_path / "support/masks/a.png", MASK)
    (tmp_path / "support/support.toml").write_text('expression = "an ant"\n')
    out = tmp_path / "out"
    predict(
        video=clip, expression="The ant", support=tmp_path / "support", run=untrained_run, out=out
    )
    written = [read_ids(path) > 0 for path in sorted((out / "masks").iterdir())]
    shown = Predictor.load(untrained_run).support([picture(2)], [MASK], "an ant")
    found = shown.predict(clip, "The ant")
    np.testing.assert_array_equal(found.masks(), written)
    for again in (shown.predict(list(read_video(clip)), "the ant"), found):
        np.testing.assert_array_equal(again.masks(), written)
    folder = Predictor.load(untrained_run).support_from(tmp_path / "support")
    answers = list(folder.predict(clip, "the ant"))
    np.testing.assert_array_equal([answer.mask for answer in answers], written)
    assert [round(answer.at * 25) for answer in answers] == list(range(LENGTH))
    assert all(0 <= answer.presence <= 1 for answer in answers)


def test_answers_come_before_the_frames_end(untrained_run: Path) -> None:
    """An endless video is answered as it goes, a few windows ahead at most."""
    given = 0

    def endless() -> Iterator[Frame]:
        nonlocal given
        while True:
            yield picture(given % 60)
            given += 1

    shown = Predictor.load(untrained_run).support([picture(2)], [MASK], "an ant")
    found = shown.predict(endless(), "the ant", fps=25)
    for index, answer in zip(range(40), found, strict=False):
        assert (answer.index, answer.name) == (index, f"{index:05d}")
        assert answer.mask.shape == (64, 96) and answer.mask.dtype == bool
        assert given < index + 120
    with pytest.raises(UsageError, match="are used up; give a list"):
        next(iter(found))


def test_a_notebook_shows_what_was_found(clip: Path, untrained_run: Path) -> None:
    shown = Predictor.load(untrained_run).support([picture(2)], [MASK], "an ant")
    found = shown.predict(clip, "the ant")
    sheet = Image.open(io.BytesIO(found._repr_png_()))
    assert sheet.format == "PNG" and sheet.width > 900
    answer = next(iter(found))
    seen = np.asarray(Image.open(io.BytesIO(answer._repr_png_())))
    assert seen.shape == (64, 96, 3)
    assert (seen != answer.frame).any() == answer.mask.any()
    assert "'the ant'" in repr(found)


@pytest.mark.parametrize(
    ("frames", "masks", "says"),
    [
        ([], [], "0 frames and 0 masks; give a mask for each frame"),
        ([picture(0)], [MASK, MASK], "1 frames and 2 masks"),
        ([picture(0)], [MASK[1:]], r"frame 0 has \[64, 96\] pixels and its mask \[63, 96\]"),
        ([picture(0)], [MASK & False], "frame 0: its mask is empty"),
        ([picture(0) / 255], [MASK], r"frame 0 is an array of float64 \[64, 96, 3\]; give RGB"),
        ([picture(0)[..., 0]], [MASK], r"frame 0 is an array of uint8 \[64, 96\]"),
    ],
)
def test_what_is_given_wrongly_is_one_line(
    untrained_run: Path, frames: list[Frame], masks: list[Frame], says: str
) -> None:
    with pytest.raises(DataError, match=says) as caught:
        Predictor.load(untrained_run).support(frames, masks, "an ant")
    assert "\n" not in str(caught.value)


def test_without_a_support_there_is_no_answer(untrained_run: Path) -> None:
    with pytest.raises(UsageError, match="has to be shown first"):
        Predictor.load(untrained_run).predict([picture(0)], "the ant")
    shown = Predictor.load(untrained_run).support([picture(2)], [MASK], "an ant")
    with pytest.raises(DataError, match="the expression is empty"):
        shown.predict([picture(0)], " ")
    with pytest.raises(DataError, match="frame 1 is of 95 x 64 pixels"):
        shown.predict([picture(0), picture(0)[:, 1:]], "the ant").masks()


def test_the_readmes_lines_run(
    clip: Path,
    untrained_run: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    readme = Path(__file__).parents[3] / "README.md"
    (lines,) = re.findall(r"```python\n(.*?)```", readme.read_text("utf-8"), re.DOTALL)
    assert len(lines.strip().splitlines()) <= 6 and "Predictor.load()" in lines
    monkeypatch.chdir(tmp_path)
    for name in "ab":
        Image.fromarray(picture(2)).save(f"{name}.jpg")
        write_mask_png(f"{name}.png", MASK)
    own = Predictor.load(untrained_run)
    monkeypatch.setattr(Predictor, "load", lambda: own)  # smaller than the one that is shipped
    exec(lines, {})
    printed = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [words[0] for words in printed] == [f"{number:05d}" for number in range(LENGTH)]
    assert all(0 <= float(words[1]) <= 1 and int(words[2]) >= 0 for words in printed)
