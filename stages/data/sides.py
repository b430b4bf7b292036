"""Left and right swapped in a sentence, for frames that are mirrored."""

from __future__ import annotations

import re

# "right behind" says how near, "left behind" what was done: neither is a side, unless something
# makes it one ("the cat on the right behind the sofa").
_NO_SIDE = (
    r"behind|next|beside|besides|above|below|under|underneath|beneath|against|by|near|after|before"
    r"|in front|in the middle|on top|away|now|there|here|alone|over"
)
_SIDE = r"the|its|his|her|their|to|on|at|from|far|top|bottom|upper|lower|front|back|facing"
_WORD = re.compile(
    rf"(?P<made_a_side>\b(?:{_SIDE})[\s-]+)?"
    r"(?<![^\W_])(?P<side>left|right)(?=(?:most|wards?|hand(?:ed)?|side)?(?![^\W_]))"
    rf"(?P<no_side>(?=\s+(?:{_NO_SIDE})\b))?",
    re.IGNORECASE,
)


def swap_sides(text: str) -> str:
    """`text` with left and right swapped, as words alone and in "leftmost" or "right-hand".

    Case is kept and applying it twice gives `text`. Words that hold them ("bright", "upright",
    "leftover") stay, as does "right" for nearness ("right behind"). What needs grammar is not
    seen: "the dog that left" is swapped.
    """
    return _WORD.sub(_swapped, text)


def _swapped(match: re.Match[str]) -> str:
    found, before = match["side"], match["made_a_side"] or ""
    if match["no_side"] is not None and not before:
        return match[0]
    other = "right" if found.lower() == "left" else "left"
    if found.isupper():
        other = other.upper()
    elif found[0].isupper():
        other = other.capitalize()
    return before + other
