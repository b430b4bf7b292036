"""Mini-MeViS from raw MeViS.

SOURCE is MeViS as downloaded: ``train/JPEGImages``, ``train/meta_expressions.json`` and
``train/mask_dict.json`` (also ``valid_u``, the other part with masks, is read where present).
MeViS names no categories and the few-shot authors' class list is not published, so SOURCE holds
``categories.json``, made by whoever builds the benchmark::

    {"<video>": {"<object id>": "dog", ...}, ...}

or they are guessed from the sentences (`guessing`). Classes are the categories found there, sorted,
or those of ``classes.json`` beside it. A palette PNG holds one object a pixel: where two masks
overlap the higher object id is kept, and a sentence about several objects is left out, or asked of
a second video of the same pictures, ``<video>-several``, in which those objects are one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from configs.errors import DataError, FsrvosError, MissingError
from stages.data.builders.choosing import Choices
from stages.data.builders.guessing import guess_category, report_of
from stages.data.builders.raw import Benchmark, RawVideo, RunLengthMasks
from stages.data.builders.sources import find_image, find_root
from stages.data.dataset import Video
from stages.data.files import mapping, read_json
from stages.data.index import parse_video
from stages.data.rle import decode_rle, encode_rle
from stages.data.schema import ClassesFile, require_shape

PARTS = ("train", "valid_u")
Categories = Mapping[str, Mapping[str, str]]


def read_mevis(source: Path, choices: Choices) -> Benchmark:
    """The videos with categories; faults of single videos are reported as skipped."""
    root = find_root(source, "train/mask_dict.json")
    parts = {part: _read_words(root / part) for part in PARTS if (root / part).is_dir()}
    skipped: list[str] = []
    categories = _categories(root, parts, choices, skipped)
    videos: list[RawVideo] = []
    for part, words in parts.items():
        _read_part(root / part, words, categories, choices.several, videos, skipped)
    classes = sorted({raw.video.category for raw in videos})
    if (root / "classes.json").exists():
        listed = root / "classes.json"
        classes = require_shape(ClassesFile, read_json(listed), str(listed)).root
    raw = sum(map(len, parts.values()))
    return Benchmark(tuple(classes), tuple(videos), tuple(skipped), raw=raw)


@dataclass(frozen=True)
class _Said:
    """A sentence of MeViS: its text, its objects and their annotations."""

    id: str
    text: Any
    objects: tuple[str, ...]
    marks: tuple[str, ...]


@dataclass
class _Objects:
    """What a video of ours has: per object id in the masks, the annotations that make it up."""

    expressions: dict[str, Any] = field(default_factory=dict)
    marks: dict[int, tuple[str, ...]] = field(default_factory=dict)
    originals: dict[int, tuple[str, ...]] = field(default_factory=dict)

    def add(self, number: int, said: _Said) -> None:
        self.marks[number], self.originals[number] = said.marks, said.objects
        self.expressions[said.id] = {"exp": said.text, "obj_id": number}


def _read_words(part: Path) -> Mapping[str, Any]:
    path = part / "meta_expressions.json"
    return mapping(mapping(read_json(path), str(path)).get("videos"), str(path))


def _categories(
    root: Path, parts: Mapping[str, Mapping[str, Any]], choices: Choices, skipped: list[str]
) -> Categories:
    path = root / "categories.json"
    if path.exists():
        content = mapping(read_json(path), str(path))
        return {name: mapping(of, f"{path}: video {name!r}") for name, of in content.items()}
    if not choices.nouns:
        raise MissingError(
            f"{path}: MeViS names no categories; write them there as "
            '{"<video>": {"<object id>": "<category>"}}, or guess them with --guess-categories'
        )
    guessed: dict[str, dict[str, str]] = {}
    for words in parts.values():
        for video, entry in words.items():
            spoken: dict[str, list[str]] = {}
            for said in _sentences(entry, f"video {video!r}"):
                for object_id in said.objects if len(said.objects) == 1 else ():
                    spoken.setdefault(object_id, []).append(str(said.text))
            found = {number: guess_category(texts) for number, texts in spoken.items()}
            guessed[video] = {number: name for number, name in found.items() if name is not None}
    skipped.append(report_of(guessed))
    return guessed


def _read_part(
    part: Path,
    words: Mapping[str, Any],
    categories: Categories,
    several: bool,
    videos: list[RawVideo],
    skipped: list[str],
) -> None:
    masks = mapping(read_json(part / "mask_dict.json"), str(part / "mask_dict.json"))
    plural = 0
    for video_id, entry in words.items():
        if video_id not in categories:
            continue
        faults: list[FsrvosError] = []
        try:
            said = _sentences(entry, f"{part / 'meta_expressions.json'}: video {video_id!r}")
            single, union = _singles(said), _unions(said)
            plural += len(union.expressions)
            made = {video_id: single}
            if several and union.expressions:
                made[f"{video_id}-several"] = union
            for name, objects in made.items():
                raw = _video(part, name, video_id, entry, objects, categories, masks, faults)
                videos.extend([raw] if raw else [])
        except FsrvosError as fault:
            faults.append(fault)
        skipped.extend(map(str, faults))
    if plural and not several:
        skipped.append(f"{part / 'meta_expressions.json'}: {plural} expressions about several "
                       "objects left out; --several keeps them")  # fmt: skip


def _sentences(entry: Any, where: str) -> list[_Said]:
    entry = mapping(entry, where)
    found = []
    for key, value in mapping(entry.get("expressions"), f"{where}: expressions").items():
        value = mapping(value, f"{where}: expression {key!r}")
        objects, marks = value.get("obj_id"), value.get("anno_id")
        if not isinstance(objects, list) or not isinstance(marks, list):
            raise DataError(f"{where}: expression {key!r}: obj_id and anno_id must be lists")
        ids = tuple(map(str, objects))
        for original in ids:
            if not (original.isascii() and original.isdigit() and len(original) < 4):
                raise DataError(f"{where}: expression {key!r}: obj_id {original!r} is not a number")
        found.append(_Said(key, value.get("exp"), ids, tuple(map(str, marks))))
    return found


def _singles(sentences: Sequence[_Said]) -> _Objects:
    """MeViS numbers objects from 0, the masks need ids from 1: one is added."""
    found = _Objects()
    for said in sentences:
        if len(said.objects) == len(said.marks) == 1:
            found.add(int(said.objects[0]) + 1, said)
    return found


def _unions(sentences: Sequence[_Said]) -> _Objects:
    """A number for each set of objects that a sentence is about."""
    found = _Objects()
    numbers: dict[tuple[str, ...], int] = {}
    for said in sentences:
        if len(said.objects) > 1:
            found.add(numbers.setdefault(said.marks, len(numbers) + 1), said)
    return found


def _video(
    part: Path,
    name: str,
    source: str,
    entry: Mapping[str, Any],
    objects: _Objects,
    categories: Categories,
    masks: Mapping[str, Any],
    faults: list[FsrvosError],
) -> RawVideo | None:
    """A video of ours from the video `source`; faults in it are added, and None is given."""
    named_at = part.parent / "categories.json"
    named = {
        str(number): {"category": _shared(categories[source], originals)}
        for number, originals in objects.originals.items()
    }
    words = {**entry, "expressions": objects.expressions}
    path = part / "meta_expressions.json"
    video = parse_video(name, words, {name: {"objects": named}}, path, named_at, faults)
    if video is None:
        return None
    return _with_masks(part, source, video, words["frames"], objects, masks)


def _shared(named: Mapping[str, str], originals: Sequence[str]) -> str:
    """The category of all of them; empty, which is a fault, where they differ."""
    names = {named.get(original, "") for original in originals}
    return names.pop() if len(names) == 1 else ""


def _with_masks(
    part: Path,
    source: str,
    video: Video,
    order: Sequence[str],
    objects: _Objects,
    masks: Mapping[str, Any],
) -> RawVideo:
    images = tuple(
        find_image(part / "JPEGImages" / source, name, part.parent) for name in video.frames
    )
    places = {str(name): i for i, name in enumerate(order)}
    path = part / "mask_dict.json"
    runs: dict[int, tuple[Any, ...]] = {}
    for number, marks in objects.marks.items():
        layers = [_runs(path, masks, mark, video) for mark in marks]
        runs[number] = tuple(
            _union([layer[places[name]] for layer in layers], f"{path}: annotation {marks[0]!r}")
            for name in video.frames
        )
    first = next(iter(objects.marks.values()))[0]
    return RawVideo(
        replace(video), images, RunLengthMasks(images, runs, f"{path}: annotation {first!r}")
    )


def _runs(path: Path, masks: Mapping[str, Any], mark: str, video: Video) -> list[Any]:
    runs = masks.get(mark)
    if not isinstance(runs, list) or len(runs) != len(video.frames):
        raise DataError(
            f"{path}: annotation {mark!r} of video {video.id!r} has not one mask a frame; "
            "download the file again"
        )
    return runs


def _union(values: Sequence[Any], where: str) -> Any:
    """The one mask, or all of several as one; None where none shows."""
    shown = [value for value in values if value is not None]
    if len(shown) < 2:
        return shown[0] if shown else None
    merged = decode_rle(shown[0], where)
    for value in shown[1:]:
        more = decode_rle(value, where)
        if more.shape != merged.shape:
            raise DataError(f"{where}: masks of one frame differ in their size")
        merged = merged | more
    return encode_rle(merged)
