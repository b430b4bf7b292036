"""`fsrvos cache` on a real, small cache."""

from __future__ import annotations

import json
import time
from pathlib import Path

import h5py
import numpy as np
import pytest

from cache import FeatureKey, FeatureStore, TextKey, TextStore
from fsrvos_cli.main import run

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A cache with one key of two videos and one key of one sentence."""
    root = tmp_path / "cache"
    rng = np.random.default_rng(0)
    made = {"command": "fsrvos features --data D --fold 1"}
    features = FeatureStore(root, FeatureKey("toy", "w", {"short_side": 64}), made)
    for item in ("a" * 64, "b" * 64):
        maps = [rng.normal(size=(3, 4, s, s)).astype(np.float32) for s in (8, 4, 2, 1)]
        features.write(item, maps, {"video": item[0]})
    text = TextStore(root, TextKey("toy", "w", 4), {})
    text.write({"a dog": (np.ones((2, 4), np.float32), np.ones(4, np.float32))})
    return root


def answer(capsys: Captured, *arguments: str) -> dict[str, object]:
    """What a command prints with --json."""
    assert run(["cache", *arguments, "--json"]) == 0
    found: dict[str, object] = json.loads(capsys.readouterr().out)
    return found


def test_ls_and_info_count_what_is_there(root: Path, capsys: Captured) -> None:
    assert run(["cache", "ls", "--cache-dir", str(root)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    (videos,) = [line for line in lines if "2 videos, 6 frames" in line]
    (sentences,) = [line for line in lines if "1 sentences" in line]
    found = answer(capsys, "info", videos.split()[0], "--cache-dir", str(root))
    assert found["entries"] == 2
    assert found["frames"] == 6
    assert answer(capsys, "info", sentences.split()[0], "--cache-dir", str(root))["frames"] == 0
    assert run(["cache", "info", "zz", "--cache-dir", str(root)]) == 4


def test_an_empty_cache_is_no_failure(tmp_path: Path, capsys: Captured) -> None:
    assert run(["cache", "ls", "--cache-dir", str(tmp_path / "none")]) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert "nothing is cached" in err
    assert not (tmp_path / "none").exists()


def test_verify_exits_3_and_names_the_damage(root: Path, capsys: Captured) -> None:
    assert run(["cache", "verify", "--deep", "--cache-dir", str(root)]) == 0
    assert "2 videos of 2 keys are whole" in capsys.readouterr().err
    files = [path for path in root.glob(f"*/items/{'a' * 64}/**/*") if path.is_file()]
    chunk = max(files, key=lambda path: path.stat().st_size if "values" in str(path) else 0)
    flipped = bytearray(chunk.read_bytes())
    flipped[0] ^= 1
    chunk.write_bytes(bytes(flipped))
    assert run(["cache", "verify", "--deep", "--cache-dir", str(root)]) == 3
    out, err = capsys.readouterr()
    assert "a" * 64 in out
    assert "is encoded again by fsrvos features --data D --fold 1" in err


def test_prune_in_a_dry_run_removes_nothing(root: Path, capsys: Captured) -> None:
    time.sleep(0.01)
    before = sorted(root.rglob("*"))
    arguments = ["cache", "prune", "--older-than", "0h", "--cache-dir", str(root)]
    assert run([*arguments, "--dry-run"]) == 0
    assert "would free" in capsys.readouterr().err
    assert sorted(root.rglob("*")) == before
    assert run(arguments) == 0
    assert "freed" in capsys.readouterr().err
    assert not list(root.glob("*/key.json"))


@pytest.mark.parametrize("age", ["30", "d", "-1d", "1y", "1.5d"])
def test_an_age_is_a_number_and_a_unit(root: Path, capsys: Captured, age: str) -> None:
    assert run(["cache", "prune", "--older-than", age, "--cache-dir", str(root)]) == 2
    assert "30d" in capsys.readouterr().err


def test_path_follows_the_environment(
    tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FSRVOS_CACHE", str(tmp_path / "fast"))
    assert run(["cache", "path"]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'fast'}\n"
    assert answer(capsys, "path", "--cache-dir", str(tmp_path / "x"))["path"] == str(tmp_path / "x")


def test_export_writes_one_file(root: Path, tmp_path: Path, capsys: Captured) -> None:
    (key,) = [path.parent.parent.name for path in root.glob("*/items/a*")]
    (text,) = [path.parent.name for path in root.glob("*/key.json") if path.parent.name != key]
    out = tmp_path / "features.h5"
    arguments = ["cache", "export", key[:8], str(out), "--cache-dir", str(root)]
    assert run(arguments) == 0
    with h5py.File(out) as file:
        assert set(file["features"]) == {"a" * 64, "b" * 64}
        assert "text" in file
    assert run(arguments) == 2  # it is there now
    assert run(["cache", "export", text, str(out), "--cache-dir", str(root)]) == 2
    assert "features" in capsys.readouterr().err
