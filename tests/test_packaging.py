"""The four packages have general names, so what is imported must be this project's own."""

from __future__ import annotations

import importlib
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
TOP_LEVEL = ("cache", "configs", "fsrvos_cli", "stages")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


@pytest.mark.parametrize("name", TOP_LEVEL)
def test_each_package_is_imported_from_this_project(name: str) -> None:
    module = importlib.import_module(name)
    assert module.__file__ is not None
    assert Path(module.__file__).resolve().parent == ROOT / name


def test_every_package_on_disk_is_listed() -> None:
    on_disk = {
        ".".join(init.parent.relative_to(ROOT).parts)
        for name in TOP_LEVEL
        for init in (ROOT / name).rglob("__init__.py")
    }
    assert set(PROJECT["tool"]["setuptools"]["packages"]) == on_disk


def test_every_module_lies_in_a_package() -> None:
    orphans = [
        str(module.relative_to(ROOT))
        for name in TOP_LEVEL
        for module in (ROOT / name).rglob("*.py")
        if not (module.parent / "__init__.py").exists()
    ]
    assert orphans == []


def test_the_program_is_imported_where_unix_is_missing() -> None:
    """As on Windows. Dask's and Ray's back ends are imported only when they are named."""
    script = """
import importlib, pkgutil, sys
sys.modules.update(dict.fromkeys(("fcntl", "grp", "pwd", "resource", "termios")))
for top in sys.argv[1:]:
    for module in pkgutil.walk_packages(importlib.import_module(top).__path__, top + "."):
        if not module.name.endswith(("_backend", "__main__")):
            importlib.import_module(module.name)
"""
    command = [sys.executable, "-W", "ignore", "-c", script, *TOP_LEVEL]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_distribution_cannot_be_uploaded_by_accident() -> None:
    assert "Private :: Do Not Upload" in PROJECT["project"]["classifiers"]


def test_data_files_are_packaged() -> None:
    patterns = PROJECT["tool"]["setuptools"]["package-data"]
    packaged = {
        file.relative_to(ROOT)
        for package, globs in patterns.items()
        for pattern in globs
        for file in (ROOT / Path(*package.split("."))).glob(pattern)
    }
    data_files = {
        file.relative_to(ROOT)
        for name in TOP_LEVEL
        for file in (ROOT / name).rglob("*")
        if file.is_file() and file.suffix not in {".py", ".pyc"} and file.name != "py.typed"
    }
    assert data_files
    assert data_files <= packaged


def test_every_dependency_is_pinned_for_the_tests() -> None:
    pins = {
        _normal(line.split("==")[0])
        for line in (ROOT / "constraints.txt").read_text("utf-8").splitlines()
        if "==" in line and not line.startswith("#")
    }
    wanted = [
        *PROJECT["project"]["dependencies"],
        *(need for extra in PROJECT["project"]["optional-dependencies"].values() for need in extra),
    ]
    missing = [need for need in wanted if _normal(need) not in pins]
    assert missing == []


def test_no_wheel_that_breaks_a_cpu_install_is_pulled_in() -> None:
    # torchvision's and timm's wheels fail beside a CPU build of torch, and break transformers.
    pinned = (ROOT / "constraints.txt").read_text("utf-8").lower()
    assert "torchvision" not in pinned
    assert "timm" not in pinned
    probe = "import importlib.util as u, sys; sys.exit(u.find_spec('torchvision') is not None)"
    assert subprocess.run([sys.executable, "-c", probe]).returncode == 0


def _normal(requirement: str) -> str:
    name = requirement
    for mark in "<>=![; ":
        name = name.split(mark)[0]
    return name.strip().lower().replace("_", "-")
