"""A list of requests as people keep one: a table (CSV) or JSON.

::

    video,expression,support,support_expression,start,end,stride
    clips/a.mp4,a brown dog,dogs,,,,
    clips/a.mp4,a white cat,cats,a cat,0:10,0:20,2

    [{"video": "clips/a.mp4", "expression": "a brown dog", "support": "dogs", "start": 10}]

`video` and `expression` are needed, the rest may be left out. Paths are relative to the list.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, ConfigDict

from configs.errors import DataError, FsrvosError, MissingError, UsageError
from stages.data.excerpt import Excerpt, Moment, parse_moment
from stages.data.files import read_json
from stages.data.schema import Faults, FileShape, Sentence, check_shape
from stages.predicting.requests import Request, Shown, paired, videos_at

COLUMNS = ("video", "expression", "support", "support_expression", "start", "end", "stride")
_DELIMITERS = ",;\t"  # spreadsheets write the second where a comma is the decimal point
_MOST_BYTES = 64_000_000


def _moment(value: object) -> Moment:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number and not isinstance(value, str):
        raise ValueError("must be a number of seconds, or text such as '1:30' or '250f'")
    return parse_moment(str(value))


def _stride(value: object) -> int:
    if isinstance(value, str) and value.strip().isascii() and value.strip().isdigit():
        value = int(value.strip()[:9])
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(f"{value!r} must be a whole number of 1 or more")
    return value


class Row(FileShape):
    """One line of a list."""

    model_config = ConfigDict(extra="forbid")

    video: str
    expression: Sentence
    support: str | None = None
    support_expression: Sentence | None = None
    start: Annotated[Moment, BeforeValidator(_moment)] | None = None
    end: Annotated[Moment, BeforeValidator(_moment)] | None = None
    stride: Annotated[int, BeforeValidator(_stride)] | None = None


def read_requests(path: Path, kinds: Sequence[Shown], excerpt: Excerpt) -> list[Request]:
    """The requests of a list, in order.

    kinds: what rows without a support of their own are asked of. excerpt: of rows that say nothing.
    Raises MissingError (no list), DataError (its first fault, and how many more), UsageError (no
    support for a row).
    """
    faults: Faults = []
    requests: list[Request] = []
    rows = 0
    for where, values in _rows(path):
        rows += 1
        row = check_shape(Row, values, where, faults)
        if row is None:
            continue
        try:
            requests += _requests(row, path.parent, where, kinds, excerpt)
        except FsrvosError as fault:
            faults.append(fault)
    if faults:
        more = f" (and {len(faults) - 1} more faults)" if faults[1:] else ""
        raise type(faults[0])(f"{faults[0]}{more}")
    if not rows:
        raise DataError(f"{path}: the list is empty; write a line for each video and sentence")
    return requests


def _requests(
    row: Row, home: Path, where: str, kinds: Sequence[Shown], excerpt: Excerpt
) -> Iterator[Request]:
    """A row's, one for each of its videos and kinds."""
    if row.support is not None:
        kinds = [Shown(_place(home, row.support), row.support_expression)]
    elif not kinds:
        raise UsageError(f"{where}: no support; add a column `support`, or give --support")
    elif row.support_expression is not None:
        kinds = [Shown(kind.support, row.support_expression) for kind in kinds]
    try:
        part = Excerpt(
            excerpt.start if row.start is None else row.start,
            excerpt.end if row.end is None else row.end,
            excerpt.stride if row.stride is None else row.stride,
            excerpt.max_side,
        )
    except ValueError as error:
        raise DataError(f"{where}: {error}") from None
    for video in videos_at(_place(home, row.video)):
        for kind, expression in paired(kinds, [row.expression]):
            yield Request(video, expression, kind.support, kind.expression, part)


def _place(home: Path, text: str) -> Path:
    return home / Path(text.strip()).expanduser()


def _rows(path: Path) -> Iterator[tuple[str, Any]]:
    """Where each row stands, and what it says."""
    if not path.is_file():
        raise MissingError(f"{path}: no such list; check the path")
    if path.stat().st_size > _MOST_BYTES:
        raise DataError(f"{path}: too large for a list of videos; give a CSV or JSON file")
    if path.suffix.lower() == ".json":
        return _of_json(path)
    return _of_table(path)


def _of_json(path: Path) -> Iterator[tuple[str, Any]]:
    """Objects of a list; each `video` and `expression` may be a list of its own."""
    content = read_json(path)
    if not isinstance(content, list):
        raise DataError(f'{path}: expected a list, [{{"video": ..., "expression": ...}}, ...]')
    for number, entry in enumerate(content, 1):
        where = f"{path}: entry {number}"
        if not isinstance(entry, dict):
            yield where, entry
            continue
        for video in _each(entry.get("video")):
            for expression in _each(entry.get("expression")):
                stated = {"video": video, "expression": expression}
                yield where, {**entry, **{k: v for k, v in stated.items() if k in entry}}


def _each(value: Any) -> list[Any]:
    return value if isinstance(value, list) and value else [value]


def _of_table(path: Path) -> Iterator[tuple[str, Any]]:
    """Lines under a header; empty cells say nothing."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            header = file.readline()
            file.seek(0)
            delimiter = max(_DELIMITERS, key=header.count)
            lines = csv.DictReader(file, delimiter=delimiter, skipinitialspace=True, strict=True)
            _require_header(path, lines.fieldnames)
            for values in lines:
                where = f"{path}: line {lines.line_num}"
                surplus = values.pop(None, None)
                if surplus and any(surplus):
                    raise DataError(
                        f"{where}: more cells than the header has; put text that holds a "
                        f"{delimiter!r} into double quotes"
                    )
                stated = {k.strip().lower(): v for k, v in values.items() if v and v.strip()}
                if stated:
                    yield where, stated
    except UnicodeDecodeError:
        raise DataError(f"{path}: not a UTF-8 text file; save the table as CSV in UTF-8") from None
    except csv.Error as error:
        raise DataError(f"{path}: malformed CSV ({error}); save the table as CSV again") from None
    except OSError as error:
        raise DataError(f"{path}: cannot read it ({error.strerror}); check the file") from None


def _require_header(path: Path, names: Sequence[str] | None) -> None:
    known = [name.strip().lower() for name in names or ()]
    for wanted in ("video", "expression"):
        if wanted not in known:
            raise DataError(
                f"{path}: line 1: no column `{wanted}`; the first line names the columns: "
                f"{','.join(COLUMNS)}"
            )
    for name in known:
        if name not in COLUMNS:
            raise DataError(
                f"{path}: line 1: unknown column {name!r}; the columns are {', '.join(COLUMNS)}"
            )
    if len(set(known)) != len(known):
        raise DataError(f"{path}: line 1: a column is there twice; keep one of them")
