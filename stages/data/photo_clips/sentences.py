"""English sentences about an object of a clip: true of it and of nothing else in the picture.

A sentence is a set of attributes. Each attribute rules out the other objects of the kind that it is
clearly false of; a set names the object alone when together its attributes rule out all of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from stages.data.photo_clips.sightings import Floats, Sighting

_SENTENCES = 3  # at most, about one object
_APART = 0.1  # of the frame, between two objects one of which is further left
_HALF = 0.47  # of the frame, up to which something is on the left when another is on the right
_ALONE = 0.4  # the same where there is no other
_SIZE = 1.8  # ratio of areas from which one object is the larger
_PLURAL = frozenset({"scissors", "skis", "broccoli"})  # no "a" before these
_DRESS = frozenset({"black", "blue", "green", "purple"})  # skin is never of these
_MOVES = {
    "left": ("moving to the left", "that moves left", "going to the left"),
    "right": ("moving to the right", "that moves right", "going to the right"),
    "up": ("moving up", "that moves upwards"),
    "down": ("moving down", "that moves downwards"),
    "still": ("that stays still", "that does not move", "staying in place"),
}


@dataclass(frozen=True)
class Attribute:
    """Something true of an object, and the positions of its rivals that it is false of.

    `sort` is colour, place, size or motion; `words` are ways to say it, each what stands before the
    noun and what stands after.
    """

    sort: str
    words: tuple[tuple[str, str], ...]
    rules_out: frozenset[int]


_NOTHING = Attribute("", (), frozenset())


def describe(rng: np.random.Generator, thing: Sighting, rivals: Sequence[Sighting]) -> list[str]:
    """Up to three sentences that fit `thing` and none of `rivals`, the others of its kind.

    Empty where nothing tells it apart.
    """
    # What is true of all of them alike ("left", where all are on the left) only misleads.
    attributes = [
        a
        for a in _attributes(thing, rivals)
        if a.words and (a.rules_out or not rivals or a.sort == "colour")
    ]
    everyone = frozenset(range(len(rivals)))
    sets = [
        chosen
        for count in range(3)
        for chosen in combinations(attributes, count)
        if frozenset().union(*(a.rules_out for a in chosen)) == everyone and _speakable(chosen)
    ]
    sentences: list[str] = []
    for chosen in _varied(rng, sets):
        sentence = _sentence(rng, thing.kind, chosen)
        if sentence not in sentences:
            sentences.append(sentence)
        if len(sentences) == _SENTENCES:
            break
    return sentences


def _varied(
    rng: np.random.Generator, sets: Sequence[tuple[Attribute, ...]]
) -> list[tuple[Attribute, ...]]:
    """The sets in random order, short ones rather first, and one of each sort before a second."""
    keys: dict[tuple[str, ...], float] = {}
    taken: Counter[tuple[str, ...]] = Counter()
    ranked = []
    for i in rng.permutation(len(sets)):
        sort = tuple(sorted(attribute.sort for attribute in sets[int(i)]))
        key = keys.setdefault(sort, len(sort) * 0.4 + rng.uniform())
        ranked.append((taken[sort], key, int(i)))
        taken[sort] += 1
    return [sets[i] for _, _, i in sorted(ranked)]


def _speakable(chosen: tuple[Attribute, ...]) -> bool:
    """One word of place or size is enough: "the leftmost dog on the left" says it twice."""
    return sum(attribute.sort in ("place", "size") for attribute in chosen) <= 1


def _attributes(thing: Sighting, rivals: Sequence[Sighting]) -> list[Attribute]:
    return [
        _colour(thing, rivals),
        *(_side(thing, rivals, axis, end) for axis in (0, 1) for end in (0, 1)),
        *(_order_word(thing, rivals, end) for end in (0, 1)),
        _middle(thing, rivals),
        *(_size(thing, rivals, larger) for larger in (True, False)),
        _motion(thing, rivals),
    ]


def _colour(thing: Sighting, rivals: Sequence[Sighting]) -> Attribute:
    word = thing.colours.clear
    if word and word != thing.kind and (thing.kind != "person" or word in _DRESS):
        ruled = frozenset(i for i, r in enumerate(rivals) if r.colours.lacks(word))
        if thing.kind == "person":
            words = (("", f"in {word}"), ("", f"wearing {word}"), ("", f"dressed in {word}"))
        else:
            words = ((word, ""), (word, ""), ("", f"that is {word}"))
        return Attribute("colour", words, ruled)
    return _NOTHING


def _side(thing: Sighting, rivals: Sequence[Sighting], axis: int, end: int) -> Attribute:
    """On the left or right (axis 0), at the top or bottom (axis 1), in all frames."""
    name = (("left", "right"), ("top", "bottom"))[axis][end]
    own = _towards(thing, axis, end)
    margin = (_HALF if rivals else _ALONE) if axis == 0 else 0.42
    if not _known(own) or (own[np.isfinite(own)] > margin).any():
        return _NOTHING
    ruled = frozenset(
        i
        for i, rival in enumerate(rivals)
        if _beyond(own, _towards(rival, axis, end), _APART if axis == 0 else 2 * _APART)
        and np.nanmin(_towards(rival, axis, end)) > 1 - margin - 0.03
    )
    words: tuple[tuple[str, str], ...]
    if axis == 1:
        # Up and down in a picture of a scene is hardly said unless it tells two apart.
        if not ruled:
            return _NOTHING
        words = (("", f"at the {name}"), (("upper", "lower")[end], ""))
    else:
        words = (("", f"on the {name}"), ("", f"on the {name} side"))
        words += ((name, ""),) if rivals else ()  # "the left dog" speaks of two
    return Attribute("place", words, ruled)


def _order_word(thing: Sighting, rivals: Sequence[Sighting], end: int) -> Attribute:
    """Leftmost or rightmost among three or more; "further to the left" of two."""
    name = ("left", "right")[end]
    own = _towards(thing, 0, end)
    first = rivals and all(_beyond(own, _towards(r, 0, end), _APART) for r in rivals)
    if not first or not _known(own):
        return _NOTHING
    words = (
        ((f"{name}most", ""),)
        if len(rivals) > 1
        else ((f"{name}most", ""), ("", f"further to the {name}"))
    )
    return Attribute("place", words, frozenset(range(len(rivals))))


def _middle(thing: Sighting, rivals: Sequence[Sighting]) -> Attribute:
    """Between two others in all frames."""
    if len(rivals) == 2:
        for a, b in ((0, 1), (1, 0)):
            own = _towards(thing, 0, 0)
            if _beyond(_towards(rivals[a], 0, 0), own, _APART) and _beyond(
                own, _towards(rivals[b], 0, 0), _APART
            ):
                return Attribute("place", (("", "in the middle"),), frozenset((0, 1)))
    return _NOTHING


def _size(thing: Sighting, rivals: Sequence[Sighting], larger: bool) -> Attribute:
    """The larger or smaller of two, the largest or smallest of more, in every frame."""
    clear = bool(rivals) and all(
        _outgrows(thing, rival) if larger else _outgrows(rival, thing) for rival in rivals
    )
    if not clear:
        return _NOTHING
    pair = (("larger", "bigger"), ("smaller",))[not larger]
    many = (("largest", "biggest"), ("smallest",))[not larger]
    words = pair if len(rivals) == 1 else many
    return Attribute("size", tuple((w, "") for w in words), frozenset(range(len(rivals))))


def _motion(thing: Sighting, rivals: Sequence[Sighting]) -> Attribute:
    if not thing.motion or (thing.motion == "still" and not rivals):
        return _NOTHING
    ruled = frozenset(i for i, r in enumerate(rivals) if r.motion and r.motion != thing.motion)
    return Attribute("motion", tuple(("", words) for words in _MOVES[thing.motion]), ruled)


def _towards(thing: Sighting, axis: int, end: int) -> Floats:
    """Distance [T] of the centre from the left (top) or right (bottom) edge, in shares."""
    across = thing.centres[:, axis]
    return across if end == 0 else 1 - across


def _known(across: Floats) -> bool:
    """Whether the object is seen in at least half of the frames."""
    return bool(np.isfinite(across).mean() >= 0.5)


def _beyond(near: Floats, far: Floats, gap: float) -> bool:
    """Whether `far` exceeds `near` by `gap` in every frame that shows both."""
    both = np.isfinite(near) & np.isfinite(far)
    return bool(both.any() and (far[both] - near[both] >= gap).all())


def _outgrows(large: Sighting, small: Sighting) -> bool:
    both = (large.areas > 0) & (small.areas > 0)
    if not both.any() or large.areas.mean() < _SIZE * small.areas.mean():
        return False
    return bool((large.areas[both] >= 0.75 * _SIZE * small.areas[both]).all())


def _sentence(rng: np.random.Generator, kind: str, chosen: tuple[Attribute, ...]) -> str:
    before: list[str] = []
    after: list[str] = []
    for attribute in sorted(chosen, key=lambda a: a.sort == "colour"):
        front, back = attribute.words[int(rng.integers(len(attribute.words)))]
        before += [front] if front else []
        after += [back] if back else []
    after.sort(key=lambda words: words.startswith(("that", "moving", "going", "staying")))
    noun = " ".join([*before, kind, *after])
    unique = any(a.sort in ("place", "size") for a in chosen)
    if unique or kind in _PLURAL or rng.random() < 0.5:
        return f"the {noun}"
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"
