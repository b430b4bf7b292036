"""checkpoints/: what an interrupted training goes on from, the last few and whole or absent.

A checkpoint ends with the sha256 of what comes before, so that one that a full disk or a failing
one cut or changed is known, and the one before is taken.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from cache.whole import replace_bytes, sweep_files
from configs import DataError
from stages.runtime.progress import say

_SEAL = hashlib.sha256().digest_size
_FORMER = "last.pt"  # of earlier versions, which kept one and did not seal it


def save_progress(folder: Path, state: Mapping[str, Any], keep: int) -> None:
    """Save the state of step `state["step"]`; the last `keep` stay. Raises FsrvosError.

    A state that cannot be saved leaves the ones before as they are.
    """
    encoded = io.BytesIO()
    torch.save(dict(state), encoded)
    content = encoded.getvalue()
    path = folder / f"step-{state['step']:08d}.pt"
    replace_bytes(path, content + hashlib.sha256(content).digest())
    kept = [found for found in progress_files(folder) if found.name != path.name]
    for older in kept[max(0, keep - 1) :]:
        older.unlink(missing_ok=True)
    sweep_files(folder)


def progress_files(folder: Path) -> list[Path]:
    """The checkpoints that are there, the newest first."""
    found = sorted(folder.glob("step-*.pt"), key=lambda path: path.name, reverse=True)
    former = folder / _FORMER
    return [*found, former] if former.is_file() else found


def load_progress(folder: Path) -> dict[str, Any] | None:
    """The newest state that is whole, saying which ones are not; None where there is none.

    Raises DataError where all are damaged.
    """
    files = progress_files(folder)
    for path, *before in (files[place:] for place in range(len(files))):
        try:
            return _state(path)
        except Exception as error:  # torch raises many kinds for a damaged file
            if not before:
                raise DataError(
                    f"{path} is damaged; remove {folder} to train from the start"
                ) from error
            say(f"{path} is damaged; trying the one before, {before[0].name}")
    return None


def _state(path: Path) -> dict[str, Any]:
    content = path.read_bytes()
    if path.name != _FORMER:
        content, seal = content[:-_SEAL], content[-_SEAL:]
        if hashlib.sha256(content).digest() != seal:
            raise ValueError("its checksum differs")
    return dict(torch.load(io.BytesIO(content), map_location="cpu", weights_only=True))
