"""Natural order, and that nothing orders frame files in another way."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.data.order import frame_files, in_natural_order, natural_key

SOURCE = Path(__file__).parents[3]
PACKAGES = ("configs", "cache", "stages", "fsrvos_cli")


@pytest.mark.parametrize(
    "names",
    [
        [str(i) for i in range(12)],
        [f"frame_{i}" for i in range(1, 13)],
        ["a", "a0", "a1", "a1b", "a1b2", "a1b10", "a02", "a10", "b"],
        ["00000", "00005", "00010"],
        ["shot1-9", "shot1-10", "shot2-1", "shot10-1"],
        ["07", "7", "8"],
    ],
)
def test_numbers_count_as_numbers(names: list[str]) -> None:
    assert list(in_natural_order(reversed(names))) == names


def test_numbers_of_any_length_are_taken() -> None:
    long = "9" * 5000  # more digits than `int` reads
    assert in_natural_order([long + "0", long, "1"]) == ("1", long, long + "0")


@given(st.lists(st.integers(0, 10**12), unique=True))
def test_as_the_numbers_themselves(numbers: list[int]) -> None:
    assert list(in_natural_order(map(str, numbers))) == [str(n) for n in sorted(numbers)]


@given(st.lists(st.text(st.sampled_from("a0129-")), unique=True))
def test_the_order_is_total_and_takes_no_notice_of_the_one_given(names: list[str]) -> None:
    assert in_natural_order(names) == in_natural_order(sorted(names))
    assert len({natural_key(name) for name in names}) == len(names)


def test_files_that_are_frames(tmp_path: Path) -> None:
    for name in ("10.jpg", "2.JPG", "1.png", "._1.png", ".DS_Store", "notes.txt", "3.WebP"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "4.png").mkdir()
    assert [f.name for f in frame_files(tmp_path)] == ["1.png", "2.JPG", "3.WebP", "10.jpg"]


LISTING = {"glob", "rglob", "iterdir", "scandir", "listdir", "walk"}
ORDERS = {"sorted", "sort", "argsort"}
FRAMES = {"frame", "frames", "image", "images", "mask", "masks", "picture", "pictures"}

# Listings and orders outside the cache that are not of frame files, each with what it is of.
OTHERS = {
    ("configs/loading.py", "iterdir"): "presets",
    ("configs/loading.py", "sorted"): "presets",
    ("fsrvos_cli/places.py", "glob"): "runs by age",
    ("fsrvos_cli/commands/data.py", "iterdir"): "whether a folder is empty",
    ("stages/benchmark/cache_rows.py", "rglob"): "the cache's files",
    ("stages/data/builders/jhmdb.py", "glob"): "clips by name",
    ("stages/data/builders/jhmdb.py", "sorted"): "clips by name",
    ("stages/data/builders/ref_davis17.py", "glob"): "files of sentences",
    ("stages/data/builders/ref_davis17.py", "sorted"): "files of sentences, and objects by number",
    ("stages/data/builders/refcoco.py", "glob"): "files of sentences",
    ("stages/data/builders/refcoco.py", "sorted"): "files of sentences",
    ("stages/data/builders/sources.py", "glob"): "folders that may hold a dataset",
    ("stages/data/builders/sources.py", "sorted"): "folders that may hold a dataset",
    ("stages/data/building_folder.py", "iterdir"): "clips, and whether a folder is empty",
    ("stages/data/episode_files.py", "glob"): "lists of episodes by seed",
    ("stages/data/episode_files.py", "sorted"): "lists of episodes by seed",
    ("stages/data/index.py", "scandir"): "names that are looked up, in the order of the JSON",
    ("stages/data/order.py", "iterdir"): "the one place",
    ("stages/data/order.py", "sorted"): "the one place",
    ("stages/data/photo_clips/catalogue.py", "glob"): "annotation files",
    ("stages/data/photo_clips/catalogue.py", "sorted"): "annotation files",
    ("stages/data/photo_clips/voc.py", "sorted"): "photographs of their own, in no sequence",
    ("stages/data/photo_clips/voc.py", "glob"): "photographs of their own, in no sequence",
    ("stages/data/photo_clips/sources.py", "sorted"): "licence numbers",
    ("stages/data/sample/backgrounds.py", "sort"): "places in a drawing",
    ("stages/data/sample/generator.py", "glob"): "clips and half-made folders",
    ("stages/data/sample/generator.py", "iterdir"): "whether a folder is empty",
    ("stages/data/sample/render.py", "sorted"): "objects by their height",
    ("stages/data/sample/writer.py", "sorted"): "objects by number",
    ("stages/data/splits.py", "iterdir"): "lists of categories",
    ("stages/data/splits.py", "sorted"): "lists of categories",
    ("stages/data/support/coco.py", "rglob"): "files that are looked up by name",
    ("stages/data/support/formats.py", "glob"): "annotation files",
    ("stages/data/support/formats.py", "iterdir"): "annotation files and videos",
    ("stages/data/support/formats.py", "sorted"): "annotation files and videos",
    ("stages/data/support/mask_files.py", "iterdir"): "folders by name",
    ("stages/drawing/sketchbook.py", "iterdir"): "whether a folder is empty",
    ("stages/drawing/sketchbook.py", "rglob"): "files that are not the page's",
    ("stages/predicting/requests.py", "glob"): "videos, in natural order",
    ("stages/predicting/requests.py", "iterdir"): "videos, in natural order",
    ("stages/predicting/requests.py", "sorted"): "videos, in natural order",
    ("stages/predicting/shelf.py", "iterdir"): "folders of predictions",
    ("stages/predicting/shelf.py", "sorted"): "folders of predictions",
    ("stages/predictions/foreign/matching.py", "sorted"): "names in a message",
    ("stages/predictions/foreign/tree.py", "walk"): "files that are looked up by name",
    ("stages/runs/progress.py", "glob"): "checkpoints by step",
    ("stages/runs/progress.py", "sorted"): "checkpoints by step",
    ("stages/runs/folder.py", "glob"): "evaluations by age",
    ("stages/training/augmentation.py", "sorted"): "positions in a video, which are numbers",
}


def suspects(code: str) -> Iterator[str]:
    """Listings of folders, and orders of what is named after frames, images or masks."""
    tree = ast.parse(code)
    yield from _suspects(tree, set())


def _suspects(node: ast.AST, around: set[str]) -> Iterator[str]:
    """`around`: the words in the name of the function that `node` is in."""
    if isinstance(node, ast.FunctionDef):
        around = set(node.name.split("_"))
    if isinstance(node, ast.Call):
        called = _name(node.func)
        inside = {_name(part) for child in ast.iter_child_nodes(node) for part in ast.walk(child)}
        if called in LISTING or (called in ORDERS and (inside | around) & (LISTING | FRAMES)):
            yield called
    for child in ast.iter_child_nodes(node):
        yield from _suspects(child, around)


def _name(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def known(path: str, call: str) -> bool:
    return path.startswith("cache/") or (path, call) in OTHERS


def test_nothing_else_orders_or_lists_frame_files() -> None:
    found = {
        (path.relative_to(SOURCE).as_posix(), call)
        for package in PACKAGES
        for path in (SOURCE / package).rglob("*.py")
        for call in suspects(path.read_text("utf-8"))
    }
    assert not [spot for spot in sorted(found) if not known(*spot)]
    assert not [spot for spot in OTHERS if spot not in found], "stale"


@pytest.mark.parametrize(
    "code",
    [
        "for f in sorted(folder.iterdir()): pass",
        "files = sorted(folder.glob('*.jpg'))",
        "names = sorted(video.frames)",
        "masks.sort()",
        "import os\nnames = os.listdir(folder)",
        "sorted((f for f in images), key=str)",
        "def _frames(value):\n    return tuple(sorted(value))",
    ],
)
def test_the_search_finds_what_it_looks_for(code: str) -> None:
    assert list(suspects(code))
