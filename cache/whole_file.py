"""Files that are whole or absent, whatever happens while they are written."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from configs.errors import FsrvosError


def replace_text(path: Path, text: str) -> None:
    """UTF-8 text, as `replace_bytes`."""
    replace_bytes(path, text.encode("utf-8"))


def replace_bytes(path: Path, content: bytes) -> None:
    """Write under a temporary name, sync it and rename it; make the folder if need be.

    Raises FsrvosError, one line, when the place cannot be written or the disk is full.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        reason = error.strerror or str(error)
        raise FsrvosError(
            f"{path}: cannot be written ({reason}); free some space or choose another place"
        ) from error
    finally:
        with suppress(OSError):  # where even this fails, nothing was written
            partial.unlink()
