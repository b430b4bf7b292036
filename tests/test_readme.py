"""README and docs/code.md say what is there: `make readme` writes their lists from docstrings."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
README, CODE = ROOT / "README.md", ROOT / "docs" / "code.md"
PACKAGES = ("configs", "cache", "stages", "fsrvos_cli")
START, END = "<!-- folders: written by `make readme` -->\n", "<!-- /folders -->"
CODE_HEAD = """# The code, file by file

Written by `make readme` from the docstrings. The README has the
[map of folders](../README.md#folders).
"""


def first_sentence(module: Path) -> str:
    """What a module's docstring opens with, on one line."""
    docstring = ast.get_docstring(ast.parse(module.read_text("utf-8"))) or ""
    return " ".join(docstring.split("\n\n")[0].split())


def folders() -> list[Path]:
    """Every folder of code, the lower layers first."""
    found = {module.parent for name in PACKAGES for module in (ROOT / name).rglob("*.py")}
    return sorted(found, key=lambda path: (PACKAGES.index(_parts(path)[0]), path))


def folder_map() -> str:
    """A line a folder."""
    return "".join(
        f"{'  ' * (len(_parts(folder)) - 1)}* `{'/'.join(_parts(folder))}/` "
        f"{first_sentence(folder / '__init__.py')}\n"
        for folder in folders()
    )


def file_list() -> str:
    """A section a folder, a line a file."""
    lines = [CODE_HEAD]
    for folder in folders():
        init = folder / "__init__.py"
        modules = [module for module in sorted(folder.glob("*.py")) if module != init]
        lines.append(f"## {'/'.join(_parts(folder))}/\n\n{first_sentence(init)}\n")
        if modules:
            lines.append("".join(f"* `{m.name}` {first_sentence(m)}\n" for m in modules))
    return "\n".join(lines)


def _parts(folder: Path) -> tuple[str, ...]:
    return folder.relative_to(ROOT).parts


def rewritten() -> str:
    """The README with the map as it should be."""
    text = README.read_text("utf-8")
    head, _, rest = text.partition(START)
    _, _, tail = rest.partition(END)
    return head + START + folder_map() + END + tail


def test_the_map_of_folders_is_that_of_the_code() -> None:
    assert README.read_text("utf-8") == rewritten(), "run `make readme`"


def test_the_map_fits_on_a_screen() -> None:
    assert len(folders()) < 40


def test_the_list_of_files_is_that_of_the_code() -> None:
    assert CODE.read_text("utf-8") == file_list(), "run `make readme`"


def test_every_module_says_what_it_is_in_a_line() -> None:
    modules = [module for name in PACKAGES for module in (ROOT / name).rglob("*.py")]
    silent = [str(module) for module in modules if not 10 < len(first_sentence(module)) < 200]
    assert silent == []


def test_it_opens_with_a_video_of_ones_own_and_then_how_all_is_made() -> None:
    text = README.read_text("utf-8")
    order = ["fsrvos predict video.mp4", "make demo", "make test", "## What each stage does"]
    places = [text.index(words) for words in order]
    assert places == sorted(places)


def test_links_lead_somewhere() -> None:
    for document in [README, ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)\)", document.read_text("utf-8")):
            assert (document.parent / target).exists(), f"{document.name}: {target}"


def test_the_architecture_names_what_is_there() -> None:
    """Files, and the names in capitals that a row says they hold."""
    text = (ROOT / "docs/architecture.md").read_text("utf-8")
    files = set(re.findall(r"`((?:stages|cache|configs|fsrvos_cli|tests)/[^`<]+\.[a-z]+)`", text))
    assert len(files) > 25
    assert [file for file in sorted(files) if not (ROOT / file).is_file()] == []
    held = re.findall(r"`([A-Z]{3,})`[^|]*? in `([\w/.]+\.py)`", text)
    assert {"NETWORKS", "FORMATS", "BUILDERS"} <= {name for name, _ in held}
    for name, file in held:
        assert re.search(rf"^{name}\b", (ROOT / file).read_text("utf-8"), re.MULTILINE), name
    sections = "".join(path.read_text("utf-8") for path in (ROOT / "configs").glob("*.py"))
    for section, key in re.findall(r"`(\w+Config)\.(\w+)` in", text):
        assert f"class {section}:" in sections and re.search(rf"^    {key}: ", sections, re.M), key


def named(pattern: str) -> list[str]:
    """What the README shows as code after a word."""
    return sorted(set(re.findall(pattern, README.read_text("utf-8"), re.MULTILINE)))


@pytest.mark.parametrize("command", named(r"(?:`|^)fsrvos ([a-z]+)"))
def test_commands_named_are_commands(command: str) -> None:
    from fsrvos_cli.main import COMMANDS

    assert command in COMMANDS


@pytest.mark.parametrize("target", named(r"(?:`|&& |^)make ([a-z0-9-]+)"))
def test_targets_named_are_targets(target: str) -> None:
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)


if __name__ == "__main__":
    README.write_text(rewritten(), "utf-8")
    CODE.write_text(file_list(), "utf-8")
