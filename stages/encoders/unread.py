"""Saying which words of a sentence the text encoder takes for any other unknown word."""

from __future__ import annotations

from collections.abc import Iterable

from stages.encoders.base import TextEncoder
from stages.runtime.progress import say

_SHOWN = 5


def warn_of_unread(encoder: TextEncoder, *sentences: str) -> None:
    """One line on stderr where sentences hold words that `encoder` does not know."""
    found = {sentence: encoder.unknown_words(sentence) for sentence in dict.fromkeys(sentences)}
    spoilt = [sentence for sentence, words in found.items() if words]
    if not spoilt:
        return
    where = repr(spoilt[0]) if len(sentences) == 1 else f"{len(spoilt)} sentences"
    say(
        f"warning: {encoder.name} does not know {_listed(w for ws in found.values() for w in ws)} "
        f"in {where}; they count as one unknown word, so describe the object in plain English words"
    )


def _listed(words: Iterable[str]) -> str:
    distinct = list(dict.fromkeys(words))
    more = f" and {len(distinct) - _SHOWN} more words" if len(distinct) > _SHOWN else ""
    return ", ".join(map(repr, distinct[:_SHOWN])) + more
