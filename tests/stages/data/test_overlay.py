"""Pictures: what is drawn where, checked on the pixels."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from configs.errors import FsrvosError
from stages.data import overlay
from stages.data.palette import davis_palette

GREY = np.full((96, 128, 3), 100, dtype=np.uint8)


def square() -> np.ndarray:  # type: ignore[type-arg]
    mask = np.zeros((96, 128), dtype=bool)
    mask[30:60, 40:80] = True
    return mask


def test_palette_is_the_one_of_davis() -> None:
    colours = np.reshape(davis_palette(), (256, 3))
    # as in the header of the published annotation files
    first = [0, 0, 0, 128, 0, 0, 0, 128, 0, 128, 128, 0, 0, 0, 128, 128, 0, 128, 0, 128, 128]
    assert colours.ravel()[:21].tolist() == first
    assert colours[8:13].tolist() == [
        [64, 0, 0],
        [191, 0, 0],
        [64, 128, 0],
        [191, 128, 0],
        [64, 0, 128],
    ]
    assert colours[19:24].tolist() == [
        [128, 191, 0],
        [0, 64, 128],
        [128, 64, 128],
        [22] * 3,
        [23] * 3,
    ]
    assert colours[255].tolist() == [255, 255, 255]


@given(st.integers(1, 20), st.integers(1, 20), st.integers(0, 2**32 - 1))
def test_mask_png_keeps_the_ids(
    tmp_path_factory: pytest.TempPathFactory, height: int, width: int, seed: int
) -> None:
    ids = np.random.default_rng(seed).integers(0, 256, (height, width), dtype=np.uint8)
    path = tmp_path_factory.mktemp("masks") / "m.png"
    overlay.write_mask_png(path, ids)
    with Image.open(path) as image:
        assert image.mode == "P"
        np.testing.assert_array_equal(np.asarray(image), ids)


def test_boolean_masks_become_object_one(tmp_path: Path) -> None:
    overlay.write_mask_png(tmp_path / "new" / "m.png", square())
    with Image.open(tmp_path / "new" / "m.png") as image:
        np.testing.assert_array_equal(np.asarray(image), square().astype(np.uint8))
        assert image.getpalette()[3:6] == [128, 0, 0]  # type: ignore[index]
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["m.png"]


def test_unwritable_place(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(FsrvosError, match=r"m\.png: cannot be written"):
        overlay.write_mask_png(tmp_path / "file" / "m.png", square())


def test_inside_is_tinted_outside_is_untouched() -> None:
    before = GREY.copy()
    drawn = overlay.draw_mask(GREY, square(), (200, 0, 0), opacity=0.5)
    assert drawn[45, 60].tolist() == [150, 50, 50]
    far = np.ones((96, 128), dtype=bool)
    far[27:63, 37:83] = False
    np.testing.assert_array_equal(drawn[far], GREY[far])
    assert np.abs(drawn[30, 60].astype(int) - (200, 0, 0)).max() < 60  # the outline
    np.testing.assert_array_equal(GREY, before)


def test_empty_mask_draws_nothing_and_wrong_size_is_refused() -> None:
    np.testing.assert_array_equal(overlay.draw_mask(GREY, np.zeros((96, 128), dtype=bool)), GREY)
    with pytest.raises(ValueError, match="mask"):
        overlay.draw_mask(GREY, np.zeros((9, 9), dtype=bool))


def test_band_lies_below_the_frame_and_keeps_its_height() -> None:
    drawn = [overlay.overlay_frame(GREY, square(), "a dog", score) for score in (None, 0.1, 0.95)]
    assert len({d.shape for d in drawn}) == 1
    assert drawn[0].shape[1:] == (128, 3) and drawn[0].shape[0] > 96
    np.testing.assert_array_equal(drawn[1][:96], overlay.draw_mask(GREY, square()))
    assert (drawn[1][96:] != drawn[0][96:]).any()  # the score is written
    assert (drawn[1][96:] != drawn[2][96:]).any()
    long = overlay.overlay_frame(GREY, square(), "a very long sentence " * 40, 0.5)
    assert long.shape[0] < 96 + 60  # two lines at most
    assert overlay.overlay_frame(GREY, square(), "", 0.5).shape[0] > 96


@pytest.mark.parametrize("size", [(8, 8), (20, 300), (300, 20), (720, 1280)])
def test_any_frame_size_takes_a_band(size: tuple[int, int]) -> None:
    frame = np.zeros((*size, 3), dtype=np.uint8)
    drawn = overlay.overlay_frame(frame, np.ones(size, dtype=bool), "a brown dog barking", 0.5)
    assert drawn.shape[1] == size[1] and drawn.shape[0] > size[0]


@given(st.text(max_size=200), st.integers(20, 400), st.integers(1, 3))
def test_wrapped_lines_fit(text: str, room: int, rows: int) -> None:
    font = overlay.font_for("", 12)
    lines = overlay.wrap(text, font, room, rows)
    assert 1 <= len(lines) <= rows
    assert all(font.getlength(line) <= room for line in lines)
    if not any("..." in line for line in lines):
        assert " ".join(lines).split() == text.split()


def test_other_scripts_do_not_fail() -> None:
    drawn = overlay.overlay_frame(GREY, square(), "一只棕色的狗 собака 🐕", 0.5)
    assert drawn.shape[0] > 96


def test_evenly() -> None:
    assert overlay.evenly(3, 5) == (0, 1, 2)
    assert overlay.evenly(9, 5) == (0, 2, 4, 6, 8)
    assert overlay.evenly(0, 5) == ()
    for count in range(2, 60):
        numbers = overlay.evenly(count, 7)
        assert numbers[0] == 0 and numbers[-1] == count - 1
        assert len(set(numbers)) == min(count, 7)


def test_contact_sheet_places_tiles_in_rows() -> None:
    colours = [(250, 0, 0), (0, 250, 0), (0, 0, 250)]
    tiles = [
        overlay.Tile(np.full((50, 100, 3), colour, dtype=np.uint8), f"tile {i}")
        for i, colour in enumerate(colours)
    ]
    sheet = overlay.contact_sheet(tiles, "a title", columns=2, tile_width=100)
    assert sheet.shape[1] == 3 * 10 + 2 * 100
    where = [np.argwhere((sheet == colour).all(axis=-1)) for colour in colours]
    assert all(len(spots) == 50 * 100 for spots in where)
    corners = [spots.min(axis=0) for spots in where]
    assert corners[0][0] == corners[1][0] < corners[2][0]
    assert corners[0][1] == corners[2][1] == 10 and corners[1][1] == 120
    assert corners[0][0] > 10  # room for the title
    with pytest.raises(ValueError, match="at least one"):
        overlay.contact_sheet([])
