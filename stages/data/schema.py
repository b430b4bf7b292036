"""What the JSON and TOML files of datasets and support folders must say.

pydantic checks each file and finds every fault at once; `check_shape` puts its findings in plain
words, one line a fault.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    RootModel,
    ValidationError,
)

from configs.errors import DataError, FsrvosError
from stages.data.files import is_unicode, json_kind, plain_expression, plain_name

Faults = list[FsrvosError]

# What a key of these containers names, in the singular.
_NAMED = {
    "videos": "video",
    "objects": "object",
    "expressions": "expression",
}
_WANTED = {
    "dict_type": "a JSON object",
    "model_type": "a JSON object",
    "list_type": "a list",
    "string_type": "text",
    "float_type": "a number",
    "int_type": "a whole number",
}


def _object_id(value: object) -> int:
    """An object id as an integer 1..255, which is what a palette PNG can hold."""
    number = value
    if isinstance(value, str) and value.isascii() and value.isdigit():
        number = int(value[:9])
    if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= 255:
        raise ValueError(f"object id {value!r} must be a whole number from 1 to 255")
    return number


def _named(value: object, what: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"the {what} is empty; name it")
    if not is_unicode(value):
        raise ValueError(f"the {what} holds bytes that are not UTF-8 text; type it again")
    return value.strip()


def _frames(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not value:
        raise ValueError("frames must be a non-empty list of names")
    names = []
    for name in value:
        # A number is the name it is written as; that such a file exists is checked with the files.
        text = str(name) if isinstance(name, int) and not isinstance(name, bool) else name
        if not isinstance(text, str):
            raise ValueError(f"frame {name!r} must be text, such as '00000'")
        if not plain_name(text):
            raise ValueError(f"frame {name!r} leaves the folder; use a plain file name")
        names.append(text)
    if len(set(names)) != len(names):
        raise ValueError("frames are listed twice; list each name once")
    return tuple(names)


ObjectId = Annotated[int, BeforeValidator(_object_id)]
Category = Annotated[str, BeforeValidator(partial(_named, what="category"))]
Frames = Annotated[tuple[str, ...], BeforeValidator(_frames)]
Sentence = Annotated[str, BeforeValidator(plain_expression)]


class FileShape(BaseModel):
    """A JSON object of which some keys count."""

    model_config = ConfigDict(strict=True, frozen=True, validate_default=True)


class _Closed(FileShape):
    """Unknown keys are faults, so that a typing error is noticed."""

    model_config = ConfigDict(extra="forbid")


class VideosFile(FileShape):
    """meta.json, meta_expressions.json: their entries are checked one by one."""

    videos: dict[str, Any]


class ObjectEntry(FileShape):
    """An object of a video in meta.json."""

    category: Category = ""


class MetaEntry(FileShape):
    """A video in meta.json."""

    objects: dict[ObjectId, ObjectEntry]


class WordsEntry(FileShape):
    """A video in meta_expressions.json."""

    frames: Frames = ()
    expressions: dict[str, Any]


class ExpressionEntry(FileShape):
    """A sentence in meta_expressions.json."""

    exp: Sentence = ""
    obj_id: ObjectId = 0


def _once(names: list[str]) -> list[str]:
    if len(set(names)) != len(names):
        raise ValueError("a name is listed twice; list each once")
    return names


class ClassesFile(RootModel[Annotated[list[Category], AfterValidator(_once)]]):
    """classes.json: category names in id order."""


class FoldEntry(_Closed):
    """A fold in folds.json."""

    test: list[str]
    train: list[str] | None = None
    test_videos: list[str] = []
    train_videos: list[str] = []


def _fold_number(key: object) -> int:
    if not (isinstance(key, str) and key.isascii() and key.isdigit() and len(key) < 10):
        raise ValueError(f"{key!r} is not a number; name folds 1, 2, ...")
    return int(key)


class FoldsFile(RootModel[dict[Annotated[int, BeforeValidator(_fold_number)], FoldEntry]]):
    """folds.json: what is trained and tested, by fold number."""


class SplitFile(_Closed):
    """splits/group<N>_{train,test}.json: one side of a fold."""

    categories: list[str] | None = None
    videos: list[str] = []


class SourcesFile(FileShape):
    """sources.json: the pictures that each video comes from."""

    videos: dict[str, list[str]]


def _track(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**31:
        raise ValueError(f"object_id {value!r} must be a whole number of 0 or more")
    return value


def _colour(value: object) -> str:
    if not isinstance(value, str) or not _HEX.fullmatch(value.strip()):
        raise ValueError(f"colour {value!r} must be written as '#ff0000'")
    return value.strip().lower()


_HEX = re.compile("#[0-9a-fA-F]{6}")


class SupportNotes(_Closed):
    """support.toml; `object_id` is None when the masks are to say it.

    It may be a track of an annotation tool, and those count from 0 and far.
    """

    expression: Sentence = ""
    object_id: Annotated[int, BeforeValidator(_track)] | None = None
    colour: Annotated[str, BeforeValidator(_colour)] | None = None
    category: Category | None = None


class DatasetNotes(FileShape):
    """dataset.json: what kind of dataset a builder made."""

    kind: Annotated[str, BeforeValidator(partial(_named, what="kind"))]


Shape = TypeVar("Shape", bound=BaseModel)


def check_shape(shape: type[Shape], value: object, where: str, faults: Faults) -> Shape | None:
    """`value` as `shape`, or None with every fault of it added to `faults`, after `where`."""
    try:
        return shape.model_validate(value)
    except ValidationError as error:
        found = error.errors(include_url=False)
    for item in found:
        named = item["type"] in _NAMES_ITS_KEY
        spot = ": ".join([where, *_spots(item["loc"][:-1] if named else item["loc"])])
        faults.append(DataError(f"{spot}: {_words(item)}"))
    return None


def require_shape(shape: type[Shape], value: object, where: str) -> Shape:
    """As `check_shape`, raising the first fault."""
    faults: Faults = []
    made = check_shape(shape, value, where, faults)
    if made is None:
        raise faults[0]
    return made


def _spots(location: tuple[int | str, ...]) -> Iterator[str]:
    """The keys on the way to a value, in words."""
    container: int | str = ""
    for place, part in enumerate(location):
        following = location[place + 1] if place + 1 < len(location) else None
        if part == "[key]" or (part in _NAMED and isinstance(following, str)):
            pass  # said with the key that follows
        elif container == "" and isinstance(part, str) and part.isdigit():
            yield f"fold {part}"
        elif container and container in _NAMED and isinstance(part, str):
            yield f"{_NAMED[str(container)]} {part!r}"
        elif isinstance(part, int):
            yield f"entry {part + 1}"
        elif part not in _SAID:
            yield part
        container = part


_NAMES_ITS_KEY = ("missing", "extra_forbidden")
_SAID = ("frames", "exp", "expression", "obj_id", "object_id", "category", "kind", "colour")
"""Fields whose faults name them."""


def _words(item: Mapping[str, Any]) -> str:
    """pydantic's finding without its jargon."""
    kind, value = str(item["type"]), item["input"]
    if kind == "value_error":
        return str(item["ctx"]["error"])
    if kind == "missing":
        return f"{item['loc'][-1]} is missing; add it"
    if kind == "extra_forbidden":
        return f"unknown key {item['loc'][-1]!r}; correct or remove it"
    return f"expected {_WANTED.get(kind, 'another value')}, found {json_kind(value)}"
