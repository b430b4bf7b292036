"""Run-length masks in both of COCO's forms, against pycocotools' texts."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from configs.errors import DataError
from stages.data.rle import decode_rle


def encode(mask: Any) -> dict[str, Any]:
    """Plain run lengths of a mask [H, W], down the columns, of zeros first."""
    flat = mask.T.ravel()
    edges = np.flatnonzero(np.diff(flat, prepend=0)).tolist()
    return {"size": mask.shape, "counts": np.diff([0, *edges, flat.size]).tolist()}


def _disk(height: int, width: int) -> Any:
    y, x = np.mgrid[:height, :width]
    return (y - height // 2) ** 2 + (x - width // 3) ** 2 < (min(height, width) // 3) ** 2


def _bar() -> Any:
    mask = np.zeros((37, 300), dtype=bool)
    mask[:, 50:290] = True
    return mask


@pytest.mark.parametrize(
    ("counts", "mask"),
    [  # texts written by pycocotools 2.0.11
        ("01", np.ones((1, 1), dtype=bool)),
        ("S1", np.zeros((5, 7), dtype=bool)),
        ("ji1`e8b;", _bar()),
        ("h;9m04L4M2N2O0O2O0O2O0000000000000001N101N101N2N3L4LRU1", _disk(40, 64)),
    ],
)
def test_compact_run_lengths(counts: str, mask: Any) -> None:
    np.testing.assert_array_equal(decode_rle({"size": mask.shape, "counts": counts}, "x"), mask)


@given(st.integers(1, 12), st.integers(1, 12), st.integers(0, 2**32 - 1))
def test_plain_run_lengths(height: int, width: int, seed: int) -> None:
    mask = np.random.default_rng(seed).integers(0, 2, (height, width))
    np.testing.assert_array_equal(decode_rle(encode(mask), "x"), mask == 1)


@pytest.mark.parametrize(
    "value",
    [
        None,
        {},
        {"size": [2, 2], "counts": [3]},
        {"size": [2, 2], "counts": [5, -1]},
        {"size": [2], "counts": [4]},
        {"size": [10**9, 10**9], "counts": "0"},
        {"size": [2, 2], "counts": "P"},
        {"size": [2, 2], "counts": "é"},
        {"size": [2, 2], "counts": []},
        {"size": [2, 2], "counts": [float("inf"), 4]},
        {"size": [2, float("nan")], "counts": [4]},
    ],
)
def test_malformed_run_lengths(value: object) -> None:
    with pytest.raises(DataError, match="here: malformed run-length mask"):
        decode_rle(value, "here")
