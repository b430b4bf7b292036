"""A full disk is an error, not the end of the process."""

from pathlib import Path

import h5py
import numpy as np
import pytest

from cache.hdf5 import whole_hdf5
from cache.whole import UnwritableError
from tests.full_disk import files_up_to


def fill(file: h5py.File) -> None:
    for number in range(30):
        data = np.random.default_rng(number).normal(size=1000)
        file.create_group(f"g{number}").create_dataset("d", data=data, chunks=True, fletcher32=True)


@pytest.mark.parametrize("limit", [0, 500, 5_000, 50_000, 200_000])
def test_a_full_disk_raises_and_leaves_nothing(tmp_path: Path, limit: int) -> None:
    with (
        files_up_to(limit),
        pytest.raises(UnwritableError, match=r"a\.h5: cannot be written \(No space left"),
        whole_hdf5(tmp_path / "a.h5") as draft,
    ):
        fill(draft.file)
    assert list(tmp_path.iterdir()) == []


def test_an_exception_inside_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    path.write_bytes(b"old")
    with pytest.raises(RuntimeError), whole_hdf5(path) as draft:
        fill(draft.file)
        raise RuntimeError
    assert path.read_bytes() == b"old" and list(tmp_path.iterdir()) == [path]


def test_the_file_is_an_ordinary_one(tmp_path: Path) -> None:
    with whole_hdf5(tmp_path / "a.h5") as draft:
        fill(draft.file)
    with h5py.File(tmp_path / "a.h5") as file:
        expected = np.random.default_rng(7).normal(size=1000)
        np.testing.assert_array_equal(file["g7/d"][:], expected)
