"""No option of any command is given twice and then counts once."""

from __future__ import annotations

from collections.abc import Iterator

import click
import pytest

from fsrvos_cli import once
from fsrvos_cli.main import cli, run


def commands(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every command and group by the words that name it."""
    yield path
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from commands(below, (*path, name))


def find(path: tuple[str, ...]) -> click.Command:
    command: click.Command = cli
    for name in path:
        assert isinstance(command, click.Group)
        found = command.get_command(click.Context(command), name)
        assert found is not None
        command = found
    return command


ALL = list(commands(cli))
SPELLINGS = [
    (path, spelling, option)
    for path in ALL
    for option in find(path).params
    if isinstance(option, click.Option) and option.name != "version"
    for spelling in (*option.opts, *option.secondary_opts)
]


def test_there_are_commands_to_look_at() -> None:
    assert ("predict",) in ALL and ("data", "build", "photo-clips") in ALL and len(ALL) > 20
    assert {option.multiple for _, _, option in SPELLINGS} == {True, False}


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_every_command_is_of_the_class_that_looks(path: tuple[str, ...]) -> None:
    assert isinstance(find(path), once.Command)


@pytest.mark.parametrize(
    ("path", "spelling", "option"), SPELLINGS, ids=[f"{' '.join(p)} {s}" for p, s, _ in SPELLINGS]
)
def test_an_option_given_twice_is_an_error_or_counts_twice(
    path: tuple[str, ...], spelling: str, option: click.Option
) -> None:
    given = [spelling] if option.is_flag else [spelling, "1"]
    command = find(path)
    context = command.context_class(command, info_name="fsrvos")
    if option.multiple:
        parsed, _, _ = command.make_parser(context).parse_args([*given, *given])
        assert parsed[option.name] == ["1", "1"]
        return
    with pytest.raises(click.UsageError, match="is given 2 times; give it once") as caught:
        command.parse_args(context, [*given, *given])
    assert max(option.opts, key=len) in str(caught.value)


def test_short_and_long_names_are_one_option(capsys: pytest.CaptureFixture[str]) -> None:
    line = ["predict", "v.mp4", "a dog", "--support", "s", "-o", "a", "--out", "b"]
    assert run(line) == 2
    said = capsys.readouterr().err
    assert (
        said == "fsrvos: error: --out is given 2 times; give it once; see `fsrvos predict --help`\n"
    )


def test_the_environment_and_the_line_are_not_twice(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FSRVOS_SEED", "1")
    assert run(["data", "sample", "--seed", "2", "--jobs", "0"]) == 2
    assert "--jobs" in capsys.readouterr().err
