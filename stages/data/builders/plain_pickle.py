"""Pickled lists, dictionaries, texts and numbers, read without running what a pickle may hold.

A pickle is a program. Python's own loader runs it, whatever it calls; here its opcodes are looked
at one by one, and those that build plain values are followed. Any other, as one that names a class
or a function, is refused. Enough for the references of RefCOCO, which Python 2 wrote.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from configs.errors import DataError

_MOST = 1 << 30
"""Bytes; more is no list of references."""

_TEXTS = frozenset(
    ("STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE")
    + ("BINUNICODE8", "SHORT_BINBYTES", "BINBYTES")
)
_NUMBERS = frozenset(
    ("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT")
)
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_IGNORED = frozenset(("PROTO", "FRAME", "STOP"))


class _Mark:
    """Where a list, a tuple or a dictionary begins on the stack."""


def read_plain_pickle(path: Path) -> Any:
    """The value in a pickle of plain values; DataError for anything else, or a damaged file."""
    try:
        content = path.read_bytes() if path.stat().st_size <= _MOST else b""
        return _Reader().read(content)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); check the file") from None
    except (ValueError, IndexError, KeyError, TypeError, AttributeError, RecursionError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(
            f"{path}: not a pickle of plain lists and texts ({reason}); nothing of it was run"
        ) from None


class _Reader:
    """Follows the opcodes of one pickle."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.memory: dict[int, Any] = {}
        self.steps: dict[str, Callable[[Any], None]] = {
            "MARK": lambda _: self.stack.append(_Mark()),
            "EMPTY_LIST": lambda _: self.stack.append([]),
            "EMPTY_DICT": lambda _: self.stack.append({}),
            "EMPTY_TUPLE": lambda _: self.stack.append(()),
            "LIST": lambda _: self.stack.append(self.since_mark()),
            "TUPLE": lambda _: self.stack.append(tuple(self.since_mark())),
            "DICT": lambda _: self.stack.append(_pairs(self.since_mark())),
            "APPEND": lambda _: self.extend([self.stack.pop()]),
            "APPENDS": lambda _: self.extend(self.since_mark()),
            "SETITEM": lambda _: self.update([self.stack.pop(-2), self.stack.pop()]),
            "SETITEMS": lambda _: self.update(self.since_mark()),
            "MEMOIZE": lambda _: self.memory.__setitem__(len(self.memory), self.stack[-1]),
        }
        for count in (1, 2, 3):
            self.steps[f"TUPLE{count}"] = partial(self.tuple_of, count)
        for name in ("PUT", "BINPUT", "LONG_BINPUT"):
            self.steps[name] = lambda number: self.memory.__setitem__(number, self.stack[-1])
        for name in ("GET", "BINGET", "LONG_BINGET"):
            self.steps[name] = lambda number: self.stack.append(self.memory[number])

    def read(self, content: bytes) -> Any:
        """The value that is left. Raises ValueError and others that a malformed pickle gives."""
        for opcode, argument, _ in pickletools.genops(content):
            name = opcode.name
            if name in _TEXTS:
                self.stack.append(_text(argument))
            elif name in _NUMBERS:
                self.stack.append(argument)
            elif name in _CONSTANTS:
                self.stack.append(_CONSTANTS[name])
            elif name in self.steps:
                self.steps[name](argument)
            elif name not in _IGNORED:
                raise ValueError(f"it holds {name}")
        (value,) = self.stack
        return value

    def since_mark(self) -> list[Any]:
        """What was put on the stack after the last mark, taken off with it."""
        place = max(i for i, value in enumerate(self.stack) if isinstance(value, _Mark))
        items = self.stack[place + 1 :]
        del self.stack[place:]
        return items

    def extend(self, items: list[Any]) -> None:
        if not isinstance(self.stack[-1], list):
            raise ValueError("something is added to what is no list")
        self.stack[-1].extend(items)

    def update(self, items: list[Any]) -> None:
        if not isinstance(self.stack[-1], dict):
            raise ValueError("something is named in what is no dictionary")
        self.stack[-1].update(_pairs(items))

    def tuple_of(self, count: int, _: Any) -> None:
        items = tuple(self.stack[-count:])
        del self.stack[-count:]
        self.stack.append(items)


def _text(value: Any) -> str:
    """Python 2's bytes are text in Latin 1, as everybody reads these files."""
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def _pairs(items: list[Any]) -> dict[Any, Any]:
    if len(items) % 2:
        raise ValueError("a name without a value")
    return dict(zip(items[::2], items[1::2], strict=True))
