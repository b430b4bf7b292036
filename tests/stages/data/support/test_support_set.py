"""Support folders: the layouts that work, and each way to get one wrong."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from configs.errors import DataError, FsrvosError, MissingError
from stages.data.support import load_support


@pytest.fixture
def folder(tmp_path: Path, paint: Callable[..., None], photograph: Callable[..., None]) -> Path:
    """Three annotated frames; object 2 is the target, object 5 another one."""
    folder = tmp_path / "support"
    for i, name in enumerate("abc"):
        ids = np.zeros((24, 40), dtype=np.uint8)
        ids[2:8, 2 + i : 8 + i] = 2
        ids[12:20, 30:38] = 5
        paint(folder / f"{name}.png", ids)
        photograph(folder / f"{name}.jpg", i)
    (folder / "support.toml").write_text(
        'expression = "A brown  Dog"\nobject_id = 2\ncategory = "dog"\n'
    )
    return folder


def test_reads_frames_masks_and_notes(folder: Path) -> None:
    support = load_support(folder)
    assert support.names == ("a", "b", "c")
    assert (support.expression, support.object_id, support.category) == ("a brown dog", 2, "dog")
    for i, (frame, mask) in enumerate(zip(support.frames, support.masks, strict=True)):
        assert frame.shape == (24, 40, 3) and mask.dtype == np.bool_
        expected = np.zeros((24, 40), dtype=bool)
        expected[2:8, 2 + i : 8 + i] = True
        np.testing.assert_array_equal(mask, expected)


def test_masks_in_their_own_folder_allow_png_images(folder: Path) -> None:
    (folder / "masks").mkdir()
    for name in "abc":
        (folder / f"{name}.png").rename(folder / "masks" / f"{name}.png")
        Image.open(folder / f"{name}.jpg").save(folder / f"{name}.png")
        (folder / f"{name}.jpg").unlink()
    assert load_support(folder).masks[1].sum() == 36


def test_a_single_object_needs_no_id(folder: Path, paint: Callable[..., None]) -> None:
    (folder / "support.toml").write_text('expression = "a dog"\n')
    with pytest.raises(DataError, match="the masks hold objects 2, 5; say which one"):
        load_support(folder)
    for name in "abc":
        ids = np.zeros((24, 40), dtype=np.uint8)
        ids[1:4, 1:4] = 255  # a plain black-and-white mask
        Image.fromarray(ids).save(folder / f"{name}.png")
    support = load_support(folder)
    assert support.object_id is None and support.masks[0].sum() == 9 and support.category is None


def _toml(text: str) -> Callable[[Path], object]:
    return lambda folder: (folder / "support.toml").write_text(text)


def _mask(ids: np.ndarray) -> Callable[[Path], object]:  # type: ignore[type-arg]
    return lambda folder: Image.fromarray(ids.astype(np.uint8)).save(folder / "b.png")


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()


def _only_png(folder: Path) -> None:
    for path in folder.glob("*.jpg"):
        path.unlink()


def _link(folder: Path) -> None:
    (folder / "b.jpg").rename(folder.parent / "out.jpg")
    (folder / "b.jpg").symlink_to("../out.jpg")


def _link_toml(folder: Path) -> None:
    (folder / "support.toml").rename(folder.parent / "out.toml")
    (folder / "support.toml").symlink_to("../out.toml")


BREAK: list[tuple[Callable[[Path], object], type[FsrvosError], str]] = [
    (_empty, MissingError, "the support folder holds no images"),
    (_only_png, MissingError, "holds only PNG files"),
    (lambda f: (f / "b.png").unlink(), MissingError, "b.png: the mask of b.jpg is missing"),
    (lambda f: (f / "support.toml").unlink(), MissingError, "support.toml: no such file"),
    (_mask(np.ones((20, 40))), DataError, "b.png: the mask has 40 x 20 pixels, its image 40 x 24"),
    (_mask(np.zeros((24, 40))), DataError, "b.png: the mask is all background"),
    (_mask(np.full((24, 40), 5)), DataError, "object 2 is not in the mask .it has 5."),
    (_mask(np.zeros((24, 40, 3))), DataError, "b.png: the mask is all background"),
    (lambda f: (f / "b.png").write_text("x"), DataError, "b.png: not a readable mask"),
    (lambda f: (f / "b.jpg").write_text("x"), DataError, "b.jpg: not a readable image"),
    (lambda f: (f / "b.bmp").write_text("x"), DataError, "another image has the same name"),
    (_link, DataError, "b.jpg: a link leads out of the support folder"),
    (_link_toml, DataError, "support.toml: a link leads out of the support folder"),
    (_toml("expression = "), DataError, "malformed TOML"),
    (_toml("object_id = 2"), DataError, "the expression is empty"),
    (_toml('expression = " "\nobject_id = 2'), DataError, "the expression is empty"),
    (_toml(f'expression = "{"x" * 5000}"'), DataError, "has 5000 characters"),
    (_toml('expression = "x"\nobject_id = 0'), DataError, "object 0 is not in the mask"),
    (_toml('expression = "x"\nobject_id = true'), DataError, "must be a whole number of 0 or"),
    (_toml('expression = "x"\nobject_id = -1'), DataError, "must be a whole number of 0 or mor"),
    (_toml('expression = "x"\nobject_id = 9'), DataError, "object 9 is not in the mask"),
    (_toml('expression = "x"\nobject_id = 2\ncategory = ""'), DataError, "category is empty"),
    (_toml('expression = "x"\nobject = 2'), DataError, "unknown key 'object'"),
]


@pytest.mark.parametrize(("damage", "kind", "says"), BREAK)
def test_refuses_in_one_line(
    folder: Path, damage: Callable[[Path], object], kind: type[FsrvosError], says: str
) -> None:
    damage(folder)
    with pytest.raises(kind, match=says) as caught:
        load_support(folder)
    assert type(caught.value) is kind
    assert "\n" not in str(caught.value) and str(folder) in str(caught.value)


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match="no such support folder"):
        load_support(tmp_path / "nothing")


def test_every_mask_empty_without_an_id(folder: Path) -> None:
    (folder / "support.toml").write_text('expression = "a dog"\n')
    for name in "abc":
        Image.fromarray(np.zeros((24, 40), dtype=np.uint8)).save(folder / f"{name}.png")
    with pytest.raises(DataError, match="every mask is all background"):
        load_support(folder)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_does_not_hang_the_reader(folder: Path) -> None:
    os.mkfifo(folder / "d.jpg")
    assert load_support(folder).names == ("a", "b", "c")
