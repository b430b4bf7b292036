"""Reading the small files of a dataset without trusting them.

Names in a dataset's JSON become paths, so each must be one plain path component, and no file may
be reached through a symbolic link that leaves the dataset's folder.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cache.whole import replace_text
from configs.errors import DataError, MissingError

MAX_EXPRESSION = 1000
"""Longest accepted expression, in characters; text encoders cut far earlier than this."""


def refuse_pipe(path: Path) -> None:
    """DataError where a path is a pipe or device, which could be read for ever."""
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise DataError(f"{path}: a pipe or device, and no file; replace it with a file")


def read_json(path: Path) -> Any:
    """Parse a JSON file; MissingError when absent, DataError when it is not UTF-8 JSON."""
    refuse_pipe(path)
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))  # editors on Windows add a mark
    except FileNotFoundError:
        raise MissingError(f"{path}: no such file; restore it or rebuild the dataset") from None
    except OSError as error:
        raise DataError(f"{path}: cannot read it ({error.strerror}); check the file") from None
    except json.JSONDecodeError as error:
        raise DataError(
            f"{path}: malformed JSON at line {error.lineno} column {error.colno} ({error.msg}); "
            "repair or rebuild the file"
        ) from None
    except (ValueError, RecursionError):
        raise DataError(f"{path}: not a UTF-8 JSON file; repair or rebuild it") from None


def write_json(path: Path, value: Any) -> None:
    """Write JSON whole or not at all. Raises FsrvosError."""
    replace_text(path, json.dumps(value, indent=1, ensure_ascii=False) + "\n")


def read_toml(path: Path, example: str) -> Any:
    """Parse a TOML file; DataError with an `example` of a good one when it is not UTF-8 TOML."""
    refuse_pipe(path)
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        reason = str(error).splitlines()[0]
        raise DataError(f"{path}: malformed TOML ({reason}); write {example}") from None
    except RecursionError:
        raise DataError(f"{path}: malformed TOML (nested too deeply); write {example}") from None
    except OSError as error:
        raise DataError(f"{path}: cannot read it ({error.strerror}); check the file") from None


def plain_name(name: object) -> bool:
    """True when `name` is one path component: no separator, not '.', '..' or empty."""
    return (
        isinstance(name, str)
        and name not in ("", ".", "..")
        and not any(c in "/\\\0" or ord(c) < 32 for c in name)
        and is_unicode(name)
    )


def is_unicode(text: str) -> bool:
    """False where bytes were no UTF-8, or where half of a surrogate pair stands alone."""
    return not any("\ud800" <= letter <= "\udfff" for letter in text)


def mapping(value: object, where: str) -> Mapping[str, Any]:
    """`value` as a JSON object, or DataError naming `where`."""
    if not isinstance(value, dict):
        raise DataError(f"{where}: expected a JSON object, found {json_kind(value)}")
    return value


def json_kind(value: object) -> str:
    """What kind of JSON value it is, in words."""
    kinds = {dict: "an object", list: "a list", str: "text", bool: "true or false"}
    return "nothing" if value is None else kinds.get(type(value), "a number")


def stays_inside(path: Path, root: Path) -> bool:
    """True when `path`, with every link followed, lies under `root` (already resolved)."""
    try:
        return path.resolve().is_relative_to(root)
    except (OSError, RuntimeError):  # a loop of links
        return False


def plain_expression(text: object) -> str:
    """Lower-case `text` and collapse its white space, as the authors' data set does.

    Raises ValueError when it is not text, empty, not Unicode (bytes that are not UTF-8, half a
    surrogate pair), or longer than MAX_EXPRESSION characters.
    """
    if not isinstance(text, str) or not text.split():
        raise ValueError("the expression is empty; describe the object in a few words")
    if not is_unicode(text):
        raise ValueError("the expression holds bytes that are not UTF-8 text; type it again")
    if len(text) > MAX_EXPRESSION:
        raise ValueError(
            f"the expression has {len(text)} characters, more than {MAX_EXPRESSION}; shorten it"
        )
    return " ".join(text.lower().split())


def clean_expression(text: object, where: str) -> str:
    """`plain_expression`, or DataError that names `where` the text stands."""
    try:
        return plain_expression(text)
    except ValueError as error:
        raise DataError(f"{where}: {error}") from None
