"""COCO's run-length masks, read and written: MeViS stores its masks so, and many programs theirs.

Runs alternate between 0 and 1, start with 0, and go down the columns; some programs go along the
rows. They stand as a list of numbers, or in a compact form, in which each run is written base 32,
least digit first, in characters from code 48 up, bit 5 meaning "more follows" and bit 4 of the last
digit the sign; from the third run on the number is the difference from the run two before.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from configs.errors import DataError

MAX_PIXELS = 2**28

Order = Literal["columns", "rows"]


def decode_rle(value: Any, where: str, order: Order = "columns") -> NDArray[np.bool_]:
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
        return flat.reshape(height, width) if order == "rows" else flat.reshape(width, height).T
    except (KeyError, TypeError, ValueError, IndexError, OverflowError):
        raise DataError(f"{where}: malformed run-length mask; write or download it again") from None


def encode_rle(mask: NDArray[np.bool_], compact: bool = True) -> dict[str, Any]:
    """``{"size": [H, W], "counts": ...}`` of a mask [H, W], in columns: text, or a list of runs."""
    runs = run_lengths(mask.ravel(order="F"))
    size = [int(side) for side in mask.shape]
    return {"size": size, "counts": _text(runs) if compact else runs}


def run_lengths(flat: NDArray[np.bool_]) -> list[int]:
    """How long it stays 0, then 1, and so on by turns, of pixels [N]; the first may be 0."""
    changes = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    runs = [int(run) for run in np.diff([0, *changes, flat.size])]
    return [0, *runs] if flat[0] else runs


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


def _text(runs: list[int]) -> str:
    letters = []
    for place, run in enumerate(runs):
        number = run - runs[place - 2] if place > 2 else run
        while True:
            digit, number = number & 31, number >> 5
            # The rest is nothing but the sign: bit 4 of the last digit says it.
            if number == (-1 if digit & 16 else 0):
                letters.append(chr(48 + digit))
                break
            letters.append(chr(48 + digit + 32))
    return "".join(letters)
