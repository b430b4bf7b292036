"""TOML to configuration and back. An unknown key, a wrong type or a bad value is an error.

A file (or a shipped preset) may name another preset to start from with `extends = "lite"`. Presets
joined with a plus, as `paper+danet`, are the first with what the others change on top; the first
may be a file. Pairs given on the command line (`section.key=value`) are laid over it last.
"""

from __future__ import annotations

import dataclasses
import difflib
import hashlib
import json
import tomllib
import typing
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from configs.errors import MissingError, UsageError
from configs.model import ModelConfig
from configs.schema import Config

DEFAULT_PRESET = "lite"

# Keys of files that earlier versions wrote, runs among them: section and name to today's name.
FORMER_NAMES = {
    ("encoder", "preset"): "family",
    ("features", "dtype"): "stored",
    ("model", "preset"): "variant",
    ("train", "weight_class"): "weight_score",
}


def presets() -> list[str]:
    """Names of the shipped presets, sorted."""
    folder = resources.files("configs") / "presets"
    return sorted(
        entry.name.removesuffix(".toml")
        for entry in folder.iterdir()
        if entry.name.endswith(".toml")
    )


def is_preset(source: str) -> bool:
    """Whether a name is a shipped preset's, or several joined with a plus."""
    return all(name in presets() for name in source.split("+"))


def load_config(path_or_preset: str | None = None, overrides: Sequence[str] = ()) -> Config:
    """The configuration of a TOML file or a shipped preset, with `section.key=value` pairs on top.

    Args:
        path_or_preset: name of a shipped preset or of several joined with a plus, path of a TOML
            file, or None for `lite`.
        overrides: pairs such as `train.steps=200`, typed by the field that they name.

    Raises:
        UsageError: unknown preset, key or value, malformed TOML.
        MissingError: no such file.
    """
    source, table = _read_source(path_or_preset or DEFAULT_PRESET)
    for pair in overrides:
        _apply_override(table, pair)
    return _build(Config, table, source, prefix="")


def from_toml(text: str, source: str = "configuration") -> Config:
    """The configuration that a TOML text states; `source` names it in errors."""
    return _build(Config, _resolve_extends(_parse(text, source), source), source, prefix="")


def to_toml(config: Config) -> str:
    """All keys of a configuration as TOML; `from_toml` gives an equal configuration back."""
    return "\n".join(_section_lines("", config)).lstrip("\n") + "\n"


def config_digest(config: Config) -> str:
    """sha256 over the canonical JSON of a configuration."""
    canonical = json.dumps(dataclasses.asdict(config), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def _read_source(path_or_preset: str) -> tuple[str, dict[str, Any]]:
    """Name for messages, and the table with `extends` already resolved."""
    if path_or_preset in presets():
        source = f"preset {path_or_preset}"
        return source, _resolve_extends(_read_preset(path_or_preset), source)
    first, *others = path_or_preset.split("+")
    if others and all(name in presets() for name in others):
        _, table = _read_source(first)
        for name in others:
            table = _laid_over(table, _changes_of(name))
        return path_or_preset, table
    path = Path(path_or_preset)
    if path.suffix != ".toml" and not path.exists():
        nearest = _suggest(path_or_preset, presets())
        raise UsageError(f"no preset or file named '{path_or_preset}'; {nearest}")
    try:
        text = path.read_text("utf-8-sig")  # editors on Windows add a mark
    except FileNotFoundError:
        raise MissingError(f"configuration file {path} does not exist") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not a text file; a configuration is TOML in UTF-8") from None
    except IsADirectoryError:
        raise UsageError(f"{path} is a folder; --config takes a TOML file or a preset") from None
    return str(path), _resolve_extends(_parse(text, str(path)), str(path))


def _read_preset(name: str) -> dict[str, Any]:
    """A shipped preset as its file states it."""
    file = resources.files("configs") / "presets" / f"{name}.toml"
    return _parse(file.read_text("utf-8"), f"preset {name}")


def _changes_of(name: str) -> dict[str, Any]:
    """What a preset states over the one at the end of its chain of `extends`."""
    table = _read_preset(name)
    base = table.pop("extends", None)
    if base is None:
        raise UsageError(
            f"preset {name} starts from no other, so there is nothing that it changes; after a "
            "plus name presets such as danet or demo"
        )
    below = _changes_of(base) if "extends" in _read_preset(base) else {}
    return _laid_over(below, table)


def _parse(text: str, source: str) -> dict[str, Any]:
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{source} is not valid TOML: {error}") from None
    for (section, former), name in FORMER_NAMES.items():
        stated = table.get(section)
        if isinstance(stated, dict) and former in stated:
            stated.setdefault(name, stated.pop(former))
    return table


def _resolve_extends(table: dict[str, Any], source: str) -> dict[str, Any]:
    """Lay a table over the preset it extends, and that over the one it extends, and so on."""
    base_name = table.pop("extends", None)
    if base_name is None:
        return table
    if base_name not in presets():
        nearest = _suggest(str(base_name), presets())
        raise UsageError(f"{source} extends '{base_name}', which is no preset; {nearest}")
    if source == f"preset {base_name}":
        raise UsageError(f"{source} extends itself")
    return _laid_over(_read_source(base_name)[1], table)


def _laid_over(below: dict[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Both tables as one, section by section; where both state a key, the upper counts."""
    merged = dict(below)
    for key, value in above.items():
        own = merged.get(key)
        merged[key] = own | value if isinstance(own, dict) and isinstance(value, dict) else value
    return merged


def _apply_override(table: dict[str, Any], pair: str) -> None:
    """Lay one `section.key=value` pair over a table, in place."""
    key, equals, text = pair.partition("=")
    key = key.strip()
    section, dot, name = key.partition(".")
    if not equals or not dot or not section or not name:
        raise UsageError(f"--set takes section.key=value, not '{pair}'")
    field_type = _field_type(key)
    below = table.setdefault(section, {})
    if not isinstance(below, dict):
        raise UsageError(f"'{section}' is a section, so --set {pair} cannot be laid over it")
    below[name] = _parse_value(text.strip(), field_type, key)


def known_keys() -> dict[str, Any]:
    """Every `section.key` with its type."""
    return {
        f"{section}.{name}": kind
        for section, cls in _types(Config).items()
        for name, kind in _types(cls).items()
    }


def _field_type(key: str) -> Any:
    """The type of `section.key`; UsageError with the nearest valid key if there is none."""
    known = known_keys()
    if key not in known:
        raise UsageError(f"unknown key '{key}' in --set; {_suggest(key, list(known))}")
    return known[key]


def _parse_value(text: str, kind: Any, key: str) -> Any:
    """A command-line value. Text fields take it as it stands, all others as TOML."""
    if kind is str or _literals(kind):
        quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "\"'"
        return text[1:-1] if quoted else text
    try:
        parsed = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        parsed = {}
    if list(parsed) != ["value"]:
        raise UsageError(f"--set {key}={text}: expected {_type_name(kind)}")
    return parsed["value"]


def _build(cls: Any, table: Mapping[str, Any], source: str, prefix: str) -> Any:
    """A dataclass from a table. Names the key, the nearest valid one and the source in errors."""
    kinds = _types(cls)
    values: dict[str, Any] = {}
    for name, value in table.items():
        key = prefix + name
        if name not in kinds:
            nearest = _suggest(key, [prefix + known for known in kinds])
            raise UsageError(f"unknown key '{key}' in {source}; {nearest}")
        if dataclasses.is_dataclass(kinds[name]):
            if not isinstance(value, dict):
                raise UsageError(f"'{key}' in {source} must be a section, [{key}]")
            values[name] = _build(kinds[name], value, source, prefix=f"{key}.")
        else:
            values[name] = _convert(value, kinds[name], key, source)
    if cls is ModelConfig:  # a variant gives the fields that are not stated
        values = ModelConfig.completed(values)
    try:
        return cls(**values)
    except ValueError as error:
        raise UsageError(f"{source}: {error}") from None


def _convert(value: Any, kind: Any, key: str, source: str) -> Any:
    """The value as the field's type; UsageError if it is of another."""
    choices = _literals(kind)
    if choices:
        if value in choices:
            return value
        listed = ", ".join(map(str, choices))
        raise UsageError(f"{key} in {source} is '{value}'; it must be one of: {listed}")
    if typing.get_origin(kind) is tuple and isinstance(value, list):
        of_items = typing.get_args(kind)
        repeated = len(of_items) == 2 and of_items[1] is Ellipsis
        item_kinds = of_items[:1] * len(value) if repeated else of_items
        if len(item_kinds) == len(value):
            pairs = zip(value, item_kinds, strict=True)
            return tuple(_convert(item, item_kind, key, source) for item, item_kind in pairs)
    if isinstance(value, bool):  # which Python counts among the integers
        if kind is bool:
            return value
    elif kind is float and isinstance(value, int):
        return float(value)
    elif isinstance(kind, type) and isinstance(value, kind):
        return value
    raise UsageError(f"{key} in {source} is {value!r}; expected {_type_name(kind)}")


def _section_lines(title: str, section: Any) -> list[str]:
    lines = [f"\n[{title}]"] if title else []
    for item in dataclasses.fields(section):
        value = getattr(section, item.name)
        if dataclasses.is_dataclass(value):
            lines += _section_lines(f"{title}.{item.name}".lstrip("."), value)
        else:
            lines.append(f"{item.name} = {format_value(value)}")
    return lines


def format_value(value: Any) -> str:
    """A value as TOML."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, tuple):
        return "[" + ", ".join(format_value(item) for item in value) + "]"
    return repr(value)


def _types(cls: Any) -> dict[str, Any]:
    """Field name to resolved type, in the order of declaration."""
    hints = typing.get_type_hints(cls)
    return {item.name: hints[item.name] for item in dataclasses.fields(cls)}


def _literals(kind: Any) -> tuple[Any, ...]:
    return typing.get_args(kind) if typing.get_origin(kind) is typing.Literal else ()


def _type_name(kind: Any) -> str:
    names = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}
    if typing.get_origin(kind) is tuple:
        return f"a list such as [{', '.join(_type_name(k) for k in typing.get_args(kind)[:1])}]"
    return names.get(kind, str(kind))


def _suggest(wrong: str, valid: Sequence[str]) -> str:
    """'did you mean ...?' where one valid name is near, else the valid names."""
    near = difflib.get_close_matches(wrong, valid, n=1, cutoff=0.5)
    if near:
        return f"did you mean '{near[0]}'?"
    return f"valid: {', '.join(valid)}"
