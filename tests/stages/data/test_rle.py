"""Run-length masks are COCO's: the same text and the same pixels as its own program gives."""

from __future__ import annotations

import numpy as np
import pycocotools.mask as coco
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from configs.errors import DataError
from stages.data.rle import decode_rle, encode_rle

MASKS = hnp.arrays(bool, st.tuples(st.integers(1, 40), st.integers(1, 40)))


@settings(max_examples=200, deadline=None)
@given(MASKS)
def test_the_compact_form_is_coco_s_own(mask: np.ndarray) -> None:
    theirs = coco.encode(np.asfortranarray(mask.astype(np.uint8)))
    ours = encode_rle(mask)
    assert ours == {"size": list(mask.shape), "counts": theirs["counts"].decode()}
    np.testing.assert_array_equal(decode_rle(ours, "here"), mask)


@settings(max_examples=100, deadline=None)
@given(MASKS)
def test_lists_of_runs_are_read_by_columns_and_by_rows(mask: np.ndarray) -> None:
    runs = encode_rle(mask, compact=False)
    assert sum(runs["counts"]) == mask.size
    np.testing.assert_array_equal(decode_rle(runs, "here"), mask)
    by_rows = {"size": list(mask.shape), "counts": encode_rle(mask.T, compact=False)["counts"]}
    np.testing.assert_array_equal(decode_rle(by_rows, "here", "rows"), mask)


def test_long_runs_take_several_letters() -> None:
    mask = np.zeros((700, 900), bool)
    mask[300:500, 100:850] = True
    theirs = coco.encode(np.asfortranarray(mask.astype(np.uint8)))
    assert encode_rle(mask)["counts"] == theirs["counts"].decode()


@pytest.mark.parametrize(
    "value",
    [
        None,
        {},
        {"size": [2, 2], "counts": [3]},
        {"size": [2, 2], "counts": [5, -1]},
        {"size": [2, 2], "counts": "\x7f"},
        {"size": [2, 2], "counts": "o"},
        {"size": [2**20, 2**20], "counts": [2**40]},
        {"size": ["a", 2], "counts": [4]},
        {"size": [2], "counts": [4]},
        {"size": [10**9, 10**9], "counts": "0"},
        {"size": [2, 2], "counts": "P"},
    ],
)
def test_malformed_masks_are_refused(value: object) -> None:
    with pytest.raises(DataError, match="here: malformed run-length mask"):
        decode_rle(value, "here")
