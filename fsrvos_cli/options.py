"""Options that several commands share, each a decorator.

Precedence: flag, then environment (the name beside the option, or FSRVOS_<COMMAND>_<OPTION>),
then configuration file, then default.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from configs import Config, UsageError, load_config
from configs.loading import DEFAULT_PRESET, is_preset, known_keys
from stages.runs.packaged import PACKAGED

Command = TypeVar("Command", bound=Callable[..., Any])

FOLDER = click.Path(file_okay=False, path_type=Path)
FILE = click.Path(dir_okay=False, path_type=Path)
ANY_PATH = click.Path(path_type=Path)


class CachePlace(click.ParamType):
    """A path, or the URL of an object store."""

    name = "place"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> object:
        """A Path or an ObjectPath. Nothing is opened yet."""
        from cache.location import place_of

        return place_of(value) if isinstance(value, str) else value


class Folds(click.ParamType):
    """Fold numbers joined by commas, or `all`: a tuple of numbers, None for all."""

    name = "folds"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> object:
        """Which folds a dataset has is found out later."""
        if not isinstance(value, str) or value == "all":
            return None if value == "all" else value
        try:
            return tuple(int(number) for number in value.split(","))
        except ValueError:
            self.fail(f"{value!r} is no list of folds; say all, or numbers as in 1,3", param, ctx)


FOLDS = Folds()
ALL = "all"  # folds


class Fold(click.ParamType):
    """A fold's number, or `all`."""

    name = "fold"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> object:
        """An int, or ALL."""
        try:
            return ALL if value == ALL else int(str(value))
        except ValueError:
            self.fail(f"{value!r} is neither a fold's number nor `all`", param, ctx)


def config_options(*effective: str, of_run: bool = False) -> Callable[[Command], Command]:
    """--config and --set; the command gets `config_source` and `pairs`.

    effective: keys that the command reads, see `set_option`. of_run: the command is about a trained
    run, whose configuration FSRVOS_CONFIG does not replace.
    """
    default = "the run's own" if of_run else DEFAULT_PRESET

    def decorate(command: Command) -> Command:
        return click.option(
            "--config",
            "config_source",
            metavar="FILE|PRESET",
            envvar=None if of_run else "FSRVOS_CONFIG",
            help="A TOML file, a shipped preset, or presets joined with a plus.  "
            f"[default: {default}]",
        )(set_option(*effective)(command))

    return decorate


def set_option(*effective: str) -> Callable[[Command], Command]:
    """--set; the command gets `pairs`.

    effective: keys that the command reads, whole sections ending in a point. A --set of any other
    key is an error; the environment's FSRVOS_SET is for all commands, each takes what it reads.
    """

    def check(
        context: click.Context, parameter: click.Parameter, pairs: tuple[str, ...]
    ) -> tuple[str, ...]:
        from configs.values import is_among

        names = [pair.partition("=")[0].strip() for pair in pairs]
        useless = [name for name in names if "." in name and not is_among(name, effective)]
        stated = context.get_parameter_source("pairs") == ParameterSource.COMMANDLINE
        if useless and stated and useless[0] in known_keys():
            raise UsageError(
                f"--set {useless[0]} has no effect on {context.command_path}, which reads "
                f"{', '.join(effective)}"
            )
        return tuple(p for p, name in zip(pairs, names, strict=True) if name not in useless)

    return click.option(
        "--set",
        "pairs",
        multiple=True,
        metavar="SECTION.KEY=VALUE",
        envvar="FSRVOS_SET",
        callback=check,
        help="Change one configuration value; may be repeated. A key that is unknown, or that "
        "the command does not read, is an error.",
    )


def config_place(config_source: str | None) -> str:
    """What --config means, for a command line that holds in any working folder."""
    source = config_source or DEFAULT_PRESET
    return source if is_preset(source) else str(Path(source).absolute())


def json_option(command: Command) -> Command:
    """--json; the command gets `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")(
        command
    )


def device_option(command: Command) -> Command:
    """--device; the command gets `device`, one of auto, cpu, cuda, mps."""
    return click.option(
        "--device",
        type=click.Choice(["auto", "cpu", "cuda", "mps"]),
        default="auto",
        envvar="FSRVOS_DEVICE",
        show_default=True,
        help="Where the networks run; auto takes a GPU if there is one.",
    )(command)


def support_expression_option(command: Command) -> Command:
    """--support-expression; the command gets `support_expression`, a sentence or None."""
    return click.option(
        "--support-expression",
        metavar="TEXT",
        help="Sentence about the object of the support frames.  [default: support.toml's]",
    )(command)


def jobs_option(
    default: int = 2, help: str = "Processes that work side by side."
) -> Callable[[Command], Command]:
    """--jobs; the command gets `jobs`."""
    return click.option(
        "--jobs", type=click.IntRange(min=1), default=default, show_default=True, help=help
    )


def seed_option(command: Command) -> Command:
    """--seed; the command gets `seed`."""
    return click.option(
        "--seed",
        type=click.IntRange(min=0),
        default=0,
        envvar="FSRVOS_SEED",
        show_default=True,
        help="Seed of everything that is drawn at random.",
    )(command)


def data_option(command: Command) -> Command:
    """--data; the command gets `data`, a folder or None."""
    return click.option(
        "--data",
        type=FOLDER,
        envvar="FSRVOS_DATA",
        help="Dataset folder.  [default: work/data/sample]",
    )(command)


def several_data_option(command: Command) -> Command:
    """--data, as often as wanted; the command gets `data`, a tuple of folders."""
    return click.option(
        "--data",
        type=FOLDER,
        multiple=True,
        envvar="FSRVOS_DATA",
        help="Dataset folder; may be repeated.  [default: work/data/sample]",
    )(command)


def fold_option(command: Command) -> Command:
    """--fold; the command gets `fold`, a number or None."""
    return click.option(
        "--fold",
        type=int,
        envvar="FSRVOS_FOLD",
        help="Fold whose classes are held out, 1 to 4; 0 holds out none.  "
        "[default: the run's own, or 1]",
    )(command)


def folds_option(command: Command) -> Command:
    """--fold; the command gets `fold`, a number, ALL, or None."""
    return click.option(
        "--fold",
        type=Fold(),
        envvar="FSRVOS_FOLD",
        help="Fold whose classes are held out, 1 to 4; 0 holds out none; `all` takes one after the "
        "other.  [default: the run's own, or 1]",
    )(command)


def run_option(
    *names: str, default: str = "the newest trained run"
) -> Callable[[Command], Command]:
    """--run and any further names for it; the command gets `run`, a folder or None."""

    def decorate(command: Command) -> Command:
        return click.option(
            "--run",
            *names,
            "run",
            type=ANY_PATH,
            envvar="FSRVOS_RUN",
            help="Run folder, or its name under work/runs, or one that comes with the program: "
            f"{', '.join(PACKAGED)}.  [default: {default}]",
        )(command)

    return decorate


def cache_option(command: Command) -> Command:
    """--cache-dir; the command gets `cache_dir`, a path, an object store's place, or None."""
    return click.option(
        "--cache-dir",
        metavar="FOLDER|URL",
        type=CachePlace(),
        envvar="FSRVOS_CACHE",
        help="Feature cache: a folder, s3://bucket/prefix or another URL that fsspec opens.  "
        "[default: work/cache]",
    )(command)


def config_of_run(config_source: str | None, pairs: Sequence[str], run: Path) -> Config:
    """What a trained run is used with: its own configuration, or the one given, with the pairs.

    Raises MissingError where there is no run.
    """
    from stages.runs.folder import RunFolder

    own = RunFolder(run)
    if config_source is None and not pairs:
        return own.read_config()
    if config_source is None:
        own.read_config()  # whose faults are the run's and not the command line's
    return load_config(config_source or str(own.config), pairs)
