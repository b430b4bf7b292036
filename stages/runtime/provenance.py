"""What made a file: command, settings, digests, versions, time and device, collected here alone."""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

_LIBRARIES = (
    "fsrvos",
    "torch",
    "transformers",
    "numpy",
    "scipy",
    "opencv-python",
    "opencv-python-headless",
    "zarr",
    "h5py",
)


def provenance(
    *,
    command: str,
    device: str = "cpu",
    settings: Mapping[str, Any] | None = None,
    digests: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """What is kept beside a file so that people can make it again. Not part of any key.

    Args:
        command: the command line with every option stated; empty where no command was given, as
            when a stage is called from Python.
        device: that the networks ran on.
        settings: every configuration value that the file depends on, by section.
        digests: sha256 of what was read, by name.
    """
    stated = {"settings": dict(settings or {}), "digests": dict(digests or {})}
    return {
        "command": command,
        "folder": str(Path.cwd()),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "device": device,
        "versions": versions(),
        **{name: values for name, values in stated.items() if values},
    }


def recorded(content: Any, *names: str) -> Any:
    """The value at nested names in what another program may have written; None where absent."""
    for name in names:
        content = content.get(name) if isinstance(content, Mapping) else None
    return content


def versions() -> dict[str, str]:
    """Versions of Python and of the libraries that a result may depend on."""
    found = {"python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
