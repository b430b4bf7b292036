"""Every command explains itself, and asking for help loads nothing heavy."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from fsrvos_cli.main import COMMANDS, SPINS, cli


def walk(command: click.Command, path: tuple[str, ...]) -> Iterator[tuple[str, click.Command]]:
    """Every command below a command, with its full name."""
    yield " ".join(path), command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from walk(below, (*path, name))


ALL = dict(walk(cli, ("fsrvos",)))
LEAVES = {name: command for name, command in ALL.items() if not isinstance(command, click.Group)}


@pytest.mark.parametrize("name", ALL)
def test_every_command_has_help_with_an_example_of_itself(name: str) -> None:
    help_text = ALL[name].help or ""
    assert len(help_text.splitlines()[0]) > 10
    assert "Example:" in help_text
    assert name in help_text.partition("Example:")[2]
    result = CliRunner().invoke(cli, [*name.split()[1:], "--help"])
    assert result.exit_code == 0
    assert "Example:" in result.output


@pytest.mark.parametrize("name", LEAVES)
def test_every_option_has_help_and_results_come_as_json(name: str) -> None:
    options = [p for p in LEAVES[name].params if isinstance(p, click.Option)]
    assert [option.name for option in options if not option.help] == []
    assert any("--json" in option.opts for option in options)


def test_the_examples_parse() -> None:
    parsed = set()
    for name, command in LEAVES.items():
        for line in (command.help or "").partition("Example:")[2].splitlines():
            words = _words(line)
            if words[: len(name.split())] != name.split():
                continue
            arguments = words[len(name.split()) :]
            command.make_context(name, arguments, resilient_parsing=False)
            parsed.add(name)
    # `cache path` is shown inside another program's line, which click cannot parse.
    assert LEAVES.keys() - parsed == {"fsrvos cache path"}


def test_the_top_level_help_agrees_with_the_commands() -> None:
    for name in COMMANDS:
        assert f"fsrvos {name}" in ALL
        first_words = COMMANDS[name].split()[0]
        assert first_words[0].isupper()
        assert COMMANDS[name].endswith(".")


@pytest.mark.parametrize("arguments", [["--help"], ["train", "--help"], ["data", "--help"]])
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    probe = (
        "import sys\n"
        "from fsrvos_cli.main import run\n"
        f"code = run({arguments!r})\n"
        "heavy = {'torch', 'transformers', 'cv2', 'zarr', 'numpy', 'h5py'} & set(sys.modules)\n"
        "print(sorted(heavy), file=sys.stderr)\n"
        "sys.exit(code)\n"
    )
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True)
    assert done.returncode == 0
    assert done.stderr.strip() == "[]"
    assert "Usage: fsrvos" in done.stdout


def _words(line: str) -> list[str]:
    import shlex

    return shlex.split(line)


@pytest.mark.parametrize(
    ("stated", "holds"),
    [({}, SPINS), ({"GOMP_SPINCOUNT": "77"}, "77"), ({"OMP_WAIT_POLICY": "active"}, None)],
)
def test_threads_wait_as_the_environment_says_or_briefly(
    monkeypatch: pytest.MonkeyPatch, stated: dict[str, str], holds: str | None
) -> None:
    """It is set before torch is there, in the program alone and not in who imports it."""
    for name in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in stated.items():
        monkeypatch.setenv(name, value)
    probe = (
        "import os, sys\nfrom fsrvos_cli.main import main\n"
        "before = os.environ.get('GOMP_SPINCOUNT')\n"
        "try:\n    main(['--version'])\nexcept SystemExit:\n    pass\n"
        "print(before, os.environ.get('GOMP_SPINCOUNT'), 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True)
    before = stated.get("GOMP_SPINCOUNT")
    assert done.stdout.splitlines()[-1] == f"{before} {holds} False", done.stderr
