"""The command line that does again what the current command does: what files keep as provenance.

Everything that was taken by default, from the environment or from a run's own files is stated in
it, so that it means the same elsewhere and later.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

# How a result is shown, not what it is.
_SHOWN = ("as_json",)


def command_line(**taken: Any) -> str:
    """The current command with every argument and option stated, for a shell.

    taken: values by parameter name that the command took itself where none was given (run, data
    set, device ...), or settled otherwise; they replace what was given. Paths are made absolute.
    """
    context = click.get_current_context()
    unknown = taken.keys() - context.params.keys()
    if unknown:
        raise ValueError(f"{context.command_path} has no parameter {sorted(unknown)}")
    words = ["fsrvos", *context.command_path.split()[1:]]
    positional = []
    for parameter in context.command.params:
        name = parameter.name or ""
        value = taken[name] if name in taken else context.params[name]
        if name in _SHOWN or value is None or value == "":
            continue
        if isinstance(parameter, click.Argument):
            positional += [_word(item) for item in _items(value)]
        elif isinstance(parameter, click.Option):
            words += _option(parameter, value)
    if any(word.startswith("-") for word in positional):
        words.append("--")
    return shlex.join([*words, *positional])


def _option(option: click.Option, value: Any) -> Iterator[str]:
    """An option's words: flags by their names, others with their value, repeated where many."""
    name = max(option.opts, key=len)
    if option.is_flag:
        if value:
            yield name
        elif option.secondary_opts:
            yield option.secondary_opts[0]
        return
    for item in _items(value):
        yield name
        yield _word(item)


def _items(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def _word(value: Any) -> str:
    return str(value.absolute()) if isinstance(value, Path) else str(value)
