"""Categories that a source does not state, guessed from its sentences' nouns, with a report.

A guess is the first word of a sentence that stands where English puts the head of its subject: the
last of the words before the verb, preposition or clause that follows. It is right for "the left
bird eating", wrong now and then, and so is counted and printed for a person to look at.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_WORD = re.compile(r"[a-z]+(?:[-'][a-z]+)*")
_DETERMINERS = _words("the a an one two three both all another other this that these those")
# What ends the words of a subject.
_AFTER = _words(
    "is are was were has have with without in on at by near of to from behind before after under "
    "over above below beside between against into onto through across around along off up down "
    "while when as and or toward towards that which who whose where then not being facing"
)
_IRREGULAR = {
    "people": "person",
    "men": "man",
    "women": "woman",
    "children": "child",
    "mice": "mouse",
    "geese": "goose",
    "wolves": "wolf",
    "oxen": "ox",
}
_PLACES = _words("left right middle front back top bottom first second third last")
_UNLIKE_VERBS = _words("ring wing king thing duckling ceiling")


def guess_noun(sentence: str) -> str | None:
    """The head noun of a sentence's subject, in the singular; None where no word looks like one."""
    found = None
    for word in _WORD.findall(sentence.lower()):
        if word in _DETERMINERS and found is None:
            continue
        if word in _AFTER or (found is not None and _is_participle(word)):
            break
        if word not in _PLACES and not _is_participle(word):
            found = word
    return None if found is None else singular(found)


def singular(noun: str) -> str:
    """A noun in the singular, by rule."""
    if noun in _IRREGULAR:
        return _IRREGULAR[noun]
    for ending, ours in (
        ("ies", "y"),
        ("sses", "ss"),
        ("ches", "ch"),
        ("shes", "sh"),
        ("xes", "x"),
    ):
        if noun.endswith(ending) and len(noun) > len(ending) + 1:
            return noun[: -len(ending)] + ours
    return noun[:-1] if noun.endswith("s") and not noun.endswith(("ss", "us", "is")) else noun


def guess_category(sentences: Iterable[str]) -> str | None:
    """The noun that most sentences about an object name; None where none names one."""
    nouns = Counter(noun for noun in map(guess_noun, sentences) if noun is not None)
    return min(nouns, key=lambda noun: (-nouns[noun], noun)) if nouns else None


def report_of(categories: Mapping[str, Mapping[str, str]]) -> str:
    """One line on what was guessed how often, the most frequent first."""
    counts = Counter(name for of_video in categories.values() for name in of_video.values())
    listed = ", ".join(f"{name} {count}" for name, count in counts.most_common(20))
    more = f" and {len(counts) - 20} more" if len(counts) > 20 else ""
    return f"categories guessed from nouns, to be looked at: {listed}{more}"


def _is_participle(word: str) -> bool:
    return word.endswith("ing") and word not in _UNLIKE_VERBS
