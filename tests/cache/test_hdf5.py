"""A full disk is an error, not the end of the process."""

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from cache.hdf5 import new_hdf5


def fill(file: h5py.File) -> None:
    for number in range(30):
        data = np.random.default_rng(number).normal(size=1000)
        file.create_group(f"g{number}").create_dataset("d", data=data, chunks=True, fletcher32=True)


@pytest.mark.parametrize("limit", [0, 500, 5_000, 50_000, 200_000])
def test_a_full_disk_raises_and_leaves_nothing(
    tmp_path: Path, file_size_limit: Callable, limit: int
) -> None:
    with (
        file_size_limit(limit),
        pytest.raises(OSError, match="File too large"),
        new_hdf5(tmp_path / "a.h5") as file,
    ):
        fill(file)
    assert list(tmp_path.iterdir()) == []


def test_an_exception_inside_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    path.write_bytes(b"old")
    with pytest.raises(RuntimeError), new_hdf5(path) as file:
        fill(file)
        raise RuntimeError
    assert path.read_bytes() == b"old" and list(tmp_path.iterdir()) == [path]


def test_the_file_is_an_ordinary_one(tmp_path: Path) -> None:
    with new_hdf5(tmp_path / "a.h5") as file:
        fill(file)
    with h5py.File(tmp_path / "a.h5") as file:
        expected = np.random.default_rng(7).normal(size=1000)
        np.testing.assert_array_equal(file["g7/d"][:], expected)
