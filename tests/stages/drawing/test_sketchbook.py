"""What is drawn and the folder it becomes: gone on with, and never in place of something else."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from configs.errors import DataError, FsrvosError, UsageError
from stages.data.files import plain_expression
from stages.data.support import load_support
from stages.drawing.film import Film
from stages.drawing.sketchbook import Sketchbook
from tests.stages.drawing.conftest import FRAMES, block, block_frame


def test_a_folder_that_was_drawn_is_gone_on_with(tmp_path: Path) -> None:
    first = Sketchbook(tmp_path / "s")
    first.keep("a", block_frame(0), block())
    first.keep("b", block_frame(1), block(1))
    first.save("a red block")
    notes = tmp_path / "s/support.toml"
    notes.write_text(notes.read_text() + 'category = "block"\n')
    second = Sketchbook(tmp_path / "s")
    assert ([sketch.name for sketch in second], second.sentence) == (["a", "b"], "a red block")
    assert second.keep("a", block_frame(0), block(3)) == "a"  # the same frame, drawn anew
    assert second.keep("a", block_frame(4), block(4)) == "a-2"  # another frame of that name
    second.remove("b")
    second.save("a block")
    saved = load_support(tmp_path / "s")
    assert (saved.names, saved.expression, saved.category) == (("a", "a-2"), "a block", "block")
    np.testing.assert_array_equal(saved.masks[0], block(3))
    np.testing.assert_array_equal(saved.frames[1], block_frame(4))


@pytest.mark.parametrize("foreign", ["letter.txt", "frames/extra.png", "masks/b.txt", "frames/l"])
def test_a_folder_with_anything_else_is_refused(tmp_path: Path, foreign: str) -> None:
    book = Sketchbook(tmp_path / "s")
    book.keep("a", block_frame(0), block())
    book.save("a red block")
    path = tmp_path / "s" / foreign
    if path.name == "l":
        path.symlink_to(tmp_path)
    elif path.name == "extra.png":
        os.link(tmp_path / "s/frames/a.png", path)
    else:
        path.write_text("of mine")
    with pytest.raises(UsageError, match=path.name):
        Sketchbook(tmp_path / "s")
    assert path.exists()


def test_a_support_of_another_layout_is_refused(tmp_path: Path) -> None:
    (tmp_path / "s").mkdir()
    (tmp_path / "s/a.jpg").write_bytes(b"")
    with pytest.raises(UsageError, match=r"a\.jpg, which is no former result"):
        Sketchbook(tmp_path / "s")


def test_what_cannot_be_written_leaves_what_is_there(tmp_path: Path) -> None:
    book = Sketchbook(tmp_path / "s")
    book.keep("a", block_frame(0), block())
    book.save("a red block")
    (tmp_path / "s/letter").write_text("put there while drawing")
    book.keep("b", block_frame(1), block(1))
    with pytest.raises(FsrvosError, match="letter"):
        book.save("two red blocks")
    assert (tmp_path / "s/letter").exists()
    assert load_support(tmp_path / "s").expression == "a red block"
    assert [path.name for path in tmp_path.iterdir()] == ["s"]


def test_more_frames_than_a_support_takes(tmp_path: Path) -> None:
    book = Sketchbook(tmp_path / "s")
    for number in range(100):
        book.keep(f"{number}", block_frame(0), block())
    with pytest.raises(DataError, match="100 frames at most"):
        book.keep("more", block_frame(0), block())
    book.keep("7", block_frame(0), block(1))


@given(st.text(min_size=1, max_size=40))
def test_any_sentence_is_read_as_it_was_written(text: str) -> None:
    try:
        sentence = plain_expression(text)
    except ValueError:
        return
    notes = Sketchbook(Path("nowhere"))._notes(sentence)
    assert tomllib.loads(notes) == {"expression": sentence, "object_id": 1}


def test_frames_of_a_film_in_any_order(clip: Path) -> None:
    film = Film(clip)
    shown = [film.frame(number) for number in (5, 0, 5, 3)]
    assert film.counted() == FRAMES and film.strip() == list(range(FRAMES))
    assert film.name == "block-1" and film.lack is None
    for number, frame in zip((5, 0, 5, 3), shown, strict=True):
        # Coded with loss: nearer to its own drawing than to that of the frame beside it.
        drawings = (block_frame(number), block_frame(number + 1))
        own, other = (np.abs(frame - drawing.astype(int)).mean() for drawing in drawings)
        assert own < other
    with pytest.raises(DataError, match="no frame lies from 7f"):
        film.frame(FRAMES)
