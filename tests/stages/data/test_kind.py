"""The kind of a dataset is what its builder wrote, whatever the folder is called."""

import json
from pathlib import Path

import pytest

from configs.errors import DataError
from stages.data.index import load_dataset
from stages.data.kind import write_kind


def test_the_note_goes_where_the_folder_goes(root: Path, tmp_path: Path) -> None:
    assert load_dataset(root).kind is None
    write_kind(root, "mini-mevis")
    moved = tmp_path / "mini-ref-youtube-vos"
    root.rename(moved)
    assert load_dataset(moved).kind == "mini-mevis"


def test_the_note_is_no_part_of_what_the_dataset_holds(root: Path) -> None:
    before = load_dataset(root).digest
    write_kind(root, "sample")
    assert load_dataset(root).digest == before


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ([], "expected a JSON object, found a list"),
        ({}, "dataset.json: kind is missing; add it"),
        ({"kind": " "}, "the kind is empty; name it"),
        ({"kind": 3}, "the kind is empty; name it"),
    ],
)
def test_a_note_is_checked(root: Path, content: object, says: str) -> None:
    (root / "dataset.json").write_text(json.dumps(content))
    with pytest.raises(DataError, match=says):
        load_dataset(root)


def test_no_link_leads_out(root: Path, tmp_path: Path) -> None:
    (tmp_path / "note.json").write_text('{"kind": "sample"}')
    (root / "dataset.json").symlink_to(tmp_path / "note.json")
    with pytest.raises(DataError, match="a link leads out of the dataset's folder"):
        load_dataset(root)
