"""COCO's run-length masks, decoded: MeViS stores its masks so.

Runs alternate between 0 and 1, start with 0, and go down the columns. In the compact form each run
is written base 32, least digit first, in characters from code 48 up, bit 5 meaning "more follows"
and bit 4 of the last digit the sign; from the third run on the number is the difference from the
run two before.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from configs.errors import DataError

MAX_PIXELS = 2**28


def decode_rle(value: Any, where: str) -> NDArray[np.bool_]:
    """The mask [H, W] of ``{"size": [H, W], "counts": text or list}``; DataError when malformed."""
    try:
        height, width = (int(side) for side in value["size"])
        counts = value["counts"]
        runs = _runs(counts) if isinstance(counts, str) else [int(run) for run in counts]
        if not 0 < height * width <= MAX_PIXELS or min(height, width, *runs) < 0:
            raise ValueError
        if sum(runs) != height * width:
            raise ValueError
        flat = np.repeat(np.arange(len(runs)) % 2 == 1, runs)
        return flat.reshape(width, height).T
    except (KeyError, TypeError, ValueError, IndexError, OverflowError):
        raise DataError(f"{where}: malformed run-length mask; download the file again") from None


def _runs(text: str) -> list[int]:
    runs: list[int] = []
    number = shift = 0
    for letter in text:
        digit = ord(letter) - 48
        if not 0 <= digit < 64:
            raise ValueError
        number |= (digit & 31) << shift
        shift += 5
        if digit & 32:
            continue
        if digit & 16:
            number -= 1 << shift
        if len(runs) > 2:
            number += runs[-2]
        runs.append(number)
        number = shift = 0
    if shift:
        raise ValueError
    return runs
