"""torchvision and timm stay out: beside a CPU build of torch their wheels break transformers."""

import ast
import sys
from importlib.metadata import requires
from importlib.util import find_spec
from pathlib import Path

import stages.encoders

BANNED = {"torchvision", "timm", "sentence_transformers"}


def test_no_module_imports_them() -> None:
    root = Path(stages.encoders.__file__).parent.parent
    files = list(root.rglob("*.py"))
    assert files
    for file in files:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            assert not BANNED & {name.partition(".")[0] for name in names}, file


def test_encoders_work_without_them(minilm: object, lite: object) -> None:
    """Both shipped encoders are loaded here, in an environment that has neither."""
    assert minilm is not None
    assert lite is not None
    for name in ("torchvision", "timm"):
        assert find_spec(name) is None, f"{name} is installed; remove it"
        assert name not in sys.modules


def test_the_project_does_not_require_them() -> None:
    from importlib.metadata import PackageNotFoundError

    try:
        wanted = requires("fsrvos") or []
    except PackageNotFoundError:  # run from a checkout that isn't installed
        wanted = (Path(__file__).parents[3] / "pyproject.toml").read_text().splitlines()
    lines = [line.strip().strip('"').lower() for line in wanted]
    assert any(line.startswith("torch") for line in lines)
    assert not any(line.startswith(("torchvision", "timm")) for line in lines)
