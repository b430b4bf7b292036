"""A case of abuse: sound inputs, one of them damaged, and a command that reads it."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.abuse.mutations import WAYS, Rng

SEED = 20_260_727


@dataclass(frozen=True)
class Case:
    """A command line to be run in the folder `cwd`, what it may write in, and how it came about."""

    number: int
    arguments: list[str]
    cwd: Path
    made: Path
    said: str


def set_up(number: int, corpus: Path, home: Path, run: Path) -> Case:
    """The case of a number: always the same. Its inputs are laid in `home`/input."""
    rng = np.random.default_rng([SEED, number])
    inputs, made = home / "input", home / "made"
    shutil.copytree(corpus, inputs, symlinks=True)
    made.mkdir()
    kind = str(rng.choice(["video", "support", "list", "dataset", "encoded"], p=SHARES))
    target = _file(inputs / FOLDERS[kind], rng)
    way = WAYS[int(rng.integers(len(WAYS)))]
    place = way(target, rng)
    command = _command(kind, inputs, place, run, made, rng)
    cwd = inputs
    if kind == "video" and place.parent.name == "videos" and rng.random() < 0.5:
        cwd = place.parent  # where its name alone is a path, whatever it begins with
        command = [place.name if word == str(place) else word for word in command]
    relative = target.relative_to(inputs)
    return Case(number, command, cwd, made, f"{way.__name__} {relative} ({kind})")


SHARES = [0.35, 0.35, 0.08, 0.14, 0.08]
FOLDERS = {
    "video": "videos",
    "support": "supports",
    "list": "lists",
    "dataset": "dataset",
    "encoded": "encoded",
}


def _file(folder: Path, rng: Rng) -> Path:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return files[int(rng.integers(len(files)))]


def _command(kind: str, inputs: Path, place: Path, run: Path, made: Path, rng: Rng) -> list[str]:
    where = ["--checkpoint", str(run), "--device", "cpu"]
    support, video = inputs / "supports/masks", inputs / "videos/v.gif"
    if kind == "dataset":
        return ["data", "check", str(inputs / "dataset")]
    if kind == "list":
        return ["predict", "--list", str(place), "-o", str(made / "out"), *where]
    if kind == "encoded":
        support = place
    if kind == "support":
        relative = place.relative_to(inputs / "supports")
        support = inputs / "supports" / relative.parts[0]
        told = int(rng.integers(3))
        if told == 0:
            return ["data", "check", str(support)]
        if told == 1:
            return ["support", "save", str(support), str(made / "s.support"), *where]
    if kind == "video":
        inside = place.relative_to(inputs / "videos").parts
        video = place if len(inside) == 1 else inputs / "videos" / inside[0]
    out = ["-o", str(made / "out"), "--support", str(support), *where]
    return ["predict", *out, "--", str(video), "a dog"]


def faults(code: int, peak: int, ended: bool, made: Path, limits: Sequence[int]) -> list[str]:
    """What a run did that nothing may make it do. limits: bytes."""
    said = (made / "stderr").read_text("utf-8", errors="replace")
    lines = said.splitlines()
    errors = [line for line in lines if line.startswith("fsrvos: error: ")]
    found = [f"says {line}" for line in lines if "STRAY" in line or "Warning" in line]
    if ended:
        found.append("hangs")
    if not 0 <= code <= 5:
        found.append(f"ends with {code}")
    if peak > limits[0]:
        found.append(f"takes {peak / 1e9:.1f} GB")
    if "Traceback" in said or any("unexpected" in e or "out of memory" in e for e in errors):
        found.append(f"fails as nothing may: {errors or lines[-1:]}")
    if len(errors) != (0 if code == 0 else 1):
        found.append(f"ends with {code} and {len(errors)} lines of error")
    if len(said) > 20_000:
        found.append(f"says {len(said)} letters")
    left = [path.name for path in made.rglob(".*.*.*")]
    return found + [f"leaves {name}" for name in left]
