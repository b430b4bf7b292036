"""A build that goes on: a folder beside the result, in which each piece is whole or absent."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cache.claims import try_claim
from cache.whole import put_folder, sync_tree, temporary_beside
from configs.errors import UsageError
from stages.data.files import read_json, write_json

FOLDERS = ("train/JPEGImages", "train/Annotations")
_BUILD = "build.json"
_NOTES = "making"  # a file for each piece tried: what it is, or null where it was refused


class BuildingFolder:
    """Where the videos of one build are made: ``.<name>.building`` beside ``<name>``."""

    def __init__(self, out: Path) -> None:
        self.path = out.with_name(f".{out.name}.building")

    @contextmanager
    def opened(self, digest: str) -> Iterator[None]:
        """Hold the folder, with what an equal build left in it; anything else is thrown away.

        Raises UsageError while another process builds there.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        claim = try_claim(self.path.parent, f"{self.path.name}.lock")
        if claim is None:
            raise UsageError(f"{self.path}: another build is at work; wait for it")
        try:
            note = self.path / _BUILD
            if self.path.exists() and (not note.exists() or read_json(note) != digest):
                shutil.rmtree(self.path)
            for name in (*FOLDERS, _NOTES):
                (self.path / name).mkdir(parents=True, exist_ok=True)
            write_json(note, digest)
            yield
        finally:
            claim.release()

    def video(self, name: str) -> tuple[Path, Path]:
        """Empty folders for a video's pictures and masks; what a killed build left goes."""
        pictures, masks = (self.path / kind / name for kind in FOLDERS)
        for target in (pictures, masks):
            shutil.rmtree(target, ignore_errors=True)
            target.mkdir(parents=True)
        return pictures, masks

    def note(self, name: str) -> Path:
        """The file that says of a piece that it is done, and what it is."""
        return self.path / _NOTES / f"{name}.json"

    def finish(self, name: str, entry: Any) -> None:
        """Say that a piece is done, once its files are on disk."""
        for kind in FOLDERS:
            if (self.path / kind / name).is_dir():
                sync_tree(self.path / kind / name)
        write_json(self.note(name), entry)

    def clear(self, kept: Collection[str]) -> None:
        """Leave the videos of these names alone and nothing else."""
        for name in FOLDERS:
            for video in (self.path / name).iterdir():
                if video.name not in kept:
                    shutil.rmtree(video)
        (self.path / _BUILD).unlink()
        shutil.rmtree(self.path / _NOTES)

    def put(self, out: Path) -> None:
        """The folder becomes `out`, in place of an empty one."""
        sync_tree(self.path)
        put_folder(self.path, out, temporary_beside(out))


def require_new(out: Path) -> None:
    """UsageError where `out` holds something."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"{out}: exists already; remove it or name another folder")
