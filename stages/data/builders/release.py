"""The authors' own benchmarks as they publish them, in either layout.

Nested, as their code reads it: ``train/JPEGImages``, ``train/Annotations``, ``train/meta.json`` and
``meta_expressions/train/meta_expressions.json``. Flat: ``JPEGImages`` or ``Images``,
``Annotations``, ``meta.json`` and ``meta_expressions.json`` in one folder. SOURCE is that folder,
or one above or below. Videos are taken as they are. What it is, its categories tell: dog, car and
person alone are Mini-Ref-SAIL-VOS.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from configs.errors import MissingError
from stages.data.builders.choosing import Choices
from stages.data.builders.raw import Benchmark
from stages.data.builders.sail_vos import SAIL_CLASSES, read_flat, read_sail_vos
from stages.data.builders.sources import find_root
from stages.data.builders.youtube_vos import read_youtube_vos
from stages.data.classes import OFFICIAL_CLASSES

YOUTUBE, SAIL = "mini-ref-youtube-vos", "mini-ref-sail-vos"


def read_release(source: Path, choices: Choices) -> Benchmark:
    """The videos of a published benchmark, and which it is."""
    try:
        find_root(source, "meta_expressions/train/meta_expressions.json")
    except MissingError:
        flat = read_flat(source, classes=None)
        if flat.classes and set(flat.classes) <= set(SAIL_CLASSES):
            return replace(read_sail_vos(source), kind=SAIL)
        return replace(flat, classes=OFFICIAL_CLASSES, kind=YOUTUBE)
    nested = read_youtube_vos(source)
    found = {raw.video.category for raw in nested.videos}
    if found and found <= set(SAIL_CLASSES):
        return replace(nested, classes=SAIL_CLASSES, test_only=True, kind=SAIL)
    return replace(nested, kind=YOUTUBE)
