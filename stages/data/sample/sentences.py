"""English sentences about an actor: true of it, and of no other of its kind in the scene."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from stages.data.sample.scenes import BIG, NEAR, Actor, Scene
from stages.data.sample.sprites import BY_NAME, Kind

_BIG, _SMALL = ("big", "large"), ("small", "little")


def describe(
    rng: np.random.Generator, scene: Scene, actor: Actor, *, still_camera: bool, width: int
) -> list[str]:
    """Two different sentences that name the scene's attribute, some with a second true one.

    `width` is the frame's, in pixels.
    """
    chosen: list[str] = []
    named = actor if actor.place else replace(actor, place=side_of(actor, width))
    while len(chosen) < 2:
        extra = _extra(rng, scene, actor, still_camera, width)
        sentence = _sentence(rng, named, {scene.attribute, *extra})
        if sentence not in chosen:
            chosen.append(sentence)
    return chosen


def _pick(rng: np.random.Generator, words: tuple[str, ...]) -> str:
    return words[int(rng.integers(len(words)))]


def side_of(actor: Actor, width: int) -> str:
    """Left or right, where that is true of the actor through the whole clip, else nothing."""
    across = actor.path[:, 0] / width
    if (across < NEAR).all() and (across > 0).all():
        return "left"
    return "right" if (across > 1 - NEAR).all() and (across < 1).all() else ""


def _extra(
    rng: np.random.Generator, scene: Scene, actor: Actor, still_camera: bool, width: int
) -> set[str]:
    """Further attributes to mention: colour is always true, motion only before a still camera."""
    out: set[str] = set()
    if rng.random() < 0.3:
        out.add("colour")
    if scene.attribute in ("colour", "size") and rng.random() < 0.2 and side_of(actor, width):
        out.add("position")
    elif scene.attribute == "colour" and still_camera and rng.random() < 0.3:
        out.add("motion")
    return out


def _sentence(rng: np.random.Generator, actor: Actor, words: set[str]) -> str:
    kind = BY_NAME[actor.category]
    article = "the" if rng.random() < 0.55 else "a"
    before: list[str] = []
    after: list[str] = []
    if "size" in words:
        before.append(_pick(rng, _BIG if actor.long_side >= BIG else _SMALL))
    if "colour" in words:
        if rng.random() < 0.2:
            after.append(f"in {actor.tint.word}")
        else:
            before.append(actor.tint.word)
    if "position" in words:
        # "The left little boat" is not how one says it.
        if rng.random() < 0.3 and "size" not in words:
            if actor.place in ("left", "right"):
                before.insert(0, actor.place)
                article = "the"
            else:
                after.append(_pick(rng, ("at the {}", "near the {}")).format(actor.place))
        else:
            side = actor.place in ("left", "right")
            after.append(f"on the {actor.place}" if side else f"at the {actor.place}")
    clause = _motion(rng, kind, actor) if "motion" in words else ""
    if clause:
        after.append(clause)
    text = " ".join([*before, kind.name, *after])
    return _article(article, text)


def _motion(rng: np.random.Generator, kind: Kind, actor: Actor) -> str:
    plain = rng.random() < 0.5
    if actor.motion in ("left", "right"):
        verb = "moving" if plain else kind.going
        return _pick(
            rng, (f"{verb} to the {actor.motion}", f"that is {verb} to the {actor.motion}")
        )
    if actor.motion == "jump":
        verb = "jumping up and down" if plain else kind.hopping
        return _pick(rng, (verb, f"that is {verb}"))
    return _pick(
        rng, (("standing still", "not moving") if plain else (kind.resting, "that does not move"))
    )


def _article(article: str, text: str) -> str:
    if article == "a" and text[0] in "aeiou":
        article = "an"
    return f"{article} {text}"
