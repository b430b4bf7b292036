"""The click group, and the one place where errors become a line on stderr and an exit code.

Exit codes: 0 done, 1 the work failed, 2 usage, 3 cache integrity, 4 missing data or weights,
5 done in part, 130 interrupted. Commands are imported when they are named, and stages inside the
commands, so that `fsrvos --help` loads neither torch nor OpenCV.
"""

from __future__ import annotations

import difflib
import errno
import importlib
import os
import sys
import traceback
from collections.abc import Sequence

import click

from configs import FsrvosError
from configs.errors import Interrupted
from fsrvos_cli import once

# Command -> one line of help. The module of the same name in fsrvos_cli.commands holds a click
# command of that name; it is imported only when the command is used.
COMMANDS = {
    "data": "Render, build and check datasets.",
    "features": "Run the frozen encoders once and keep what they say.",
    "train": "Train the network on episodes.",
    "predict": "Segment what a sentence describes in one video.",
    "support": "Draw what shows a kind of object, or keep it encoded.",
    "evaluate": "Run every test episode of a fold.",
    "score": "Score predictions: region J, contour F and their mean.",
    "export": "Write an evaluation's masks for other programs.",
    "report": "Write one HTML page about one or more runs.",
    "table": "Make and print a table of the paper, other methods included.",
    "bench": "Measure speed and memory beside their targets.",
    "cache": "List, verify, prune and export the feature cache.",
    "weights": "Import and inspect checkpoint files, this program's and others'.",
    "info": "Versions, devices, encoders, places: what a bug report needs.",
}

# Torch's threads spin for each other before they sleep, 300000 times round by libgomp's default,
# and keep the cores from what would decode and write meanwhile. A hundredth of that is enough for
# the encoders and for training.
SPINS = "3000"

# Broken images are reported in the program's own line, not in OpenCV's beside it.
OPENCV_LOG = "SILENT"

# Reading or writing failed for a reason outside the program, which the system's own words state.
_SYSTEM_REASONS = {
    errno.ENOSPC: "the disk is full; free some space or choose another place",
    errno.EDQUOT: "the disk quota is used up; free some space or choose another place",
    errno.EACCES: "permission denied; choose a place that you may read and write",
    errno.EPERM: "not permitted; choose a place that you may read and write",
    errno.ENOTDIR: "a file is where a folder is due; choose another place",
    errno.EROFS: "the file system is read-only; choose another place",
}


class LazyGroup(once.Group):
    """A group that knows its commands by name and imports one when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order of the work, not of the alphabet."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command:
        """The command object; UsageError if there is no such command."""
        if name not in COMMANDS:
            near = difflib.get_close_matches(name, COMMANDS, n=1)
            hint = f"did you mean '{near[0]}'?" if near else f"commands: {', '.join(COMMANDS)}"
            raise click.UsageError(f"no command '{name}'; {hint}", ctx)
        command: click.Command = getattr(
            importlib.import_module(f"fsrvos_cli.commands.{name}"), name
        )
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Help lines from the table above, so that `--help` imports no command."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(
    cls=LazyGroup,
    context_settings={
        "auto_envvar_prefix": "FSRVOS",
        "help_option_names": ["-h", "--help"],
        "max_content_width": 100,
    },
)
@click.version_option(package_name="fsrvos", prog_name="fsrvos")
@click.option("--debug", is_flag=True, help="Show tracebacks.")
def cli(debug: bool) -> None:
    """Segment in every frame of a video the object that a sentence describes.

    The kind of object need not have been seen in training: a few annotated frames of other
    videos show it. Results go to stdout, progress and logs to stderr. Every option may come from
    the environment instead, as FSRVOS_COMMAND_OPTION (FSRVOS_TRAIN_SEED=3).

    \b
    Example:
      fsrvos predict video.mp4 "a brown dog barking" --support dir/
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit with its code."""
    # Read when torch is loaded, which no command has done yet. Whoever states a policy keeps it.
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", SPINS)
    os.environ.setdefault("OPENCV_LOG_LEVEL", OPENCV_LOG)
    sys.exit(run(list(sys.argv[1:] if arguments is None else arguments)))


def run(arguments: list[str]) -> int:
    """Run the command line; returns the exit code. What fails is one line on stderr."""
    # Anywhere on the line, since it is asked for after something has failed.
    debug = "--debug" in arguments or os.environ.get("FSRVOS_DEBUG", "") not in ("", "0")
    try:
        result = cli.main(
            args=[argument for argument in arguments if argument != "--debug"] or ["--help"],
            prog_name="fsrvos",
            standalone_mode=False,
        )
    except BaseException as error:
        return _report(error, debug)
    return result if isinstance(result, int) else 0


def _report(error: BaseException, debug: bool) -> int:
    """Print one line about an error; returns the exit code that belongs to it."""
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else 1
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        click.echo(error.format_message(), err=True)
        return 2
    if debug:
        traceback.print_exception(error, file=sys.stderr)
    code, message = _translate(error)
    if message:
        click.echo(f"fsrvos: error: {' '.join(message.split())}", err=True)
    return code


def _translate(error: BaseException) -> tuple[int, str]:
    """Exit code and message of an error; an empty message where there is nothing to say."""
    if isinstance(error, FsrvosError):
        return error.exit_code, str(error)
    if isinstance(error, (KeyboardInterrupt, click.Abort)):
        told = error.__cause__ if isinstance(error, click.Abort) else error
        return 130, str(told) if isinstance(told, Interrupted) else "interrupted"
    if isinstance(error, click.exceptions.Exit):
        return error.exit_code, ""
    if isinstance(error, click.ClickException):
        return 2, _usage_message(error)
    if isinstance(error, BrokenPipeError):
        _silence_stdout()
        return 1, ""
    if isinstance(error, OSError) and error.errno in _SYSTEM_REASONS:
        place = f"{error.filename}: " if error.filename else ""
        return 1, f"{place}{_SYSTEM_REASONS[error.errno]}"
    if isinstance(error, MemoryError):
        return 1, "out of memory; lower features.batch_frames or evaluate.window with --set"
    if isinstance(error, ImportError) and "libGL" in str(error):
        return 1, (
            "OpenCV needs libGL, which this system lacks; run "
            "`pip install --force-reinstall --no-deps opencv-python-headless`"
        )
    return 1, f"unexpected {type(error).__name__}: {error} (run with --debug for the traceback)"


def _usage_message(error: click.ClickException) -> str:
    """click's message and, where it knows the command, how to get its help."""
    context = getattr(error, "ctx", None)
    message = error.format_message()
    if context is None:
        return message
    return f"{message.rstrip('.')}; see `{context.command_path} --help`"


def _silence_stdout() -> None:
    """The reader of stdout has gone; without this, Python complains again while it exits."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
