"""What made a file: versions, time and device, kept beside it for people."""

import importlib.metadata
import platform
from datetime import UTC, datetime

_LIBRARIES = ("fsrvos", "torch", "transformers", "numpy", "opencv-python", "zarr", "h5py")


def provenance(device: str, command: str = "") -> dict[str, str]:
    """Versions, time, device and command. Not part of any key."""
    versions = {}
    for name in _LIBRARIES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return {
        **versions,
        "python": platform.python_version(),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "device": device,
        "command": command,
    }
