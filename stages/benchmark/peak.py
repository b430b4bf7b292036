"""The fresh process in which `stages.benchmark.measure.peak_gb` calls its target.

    python -m stages.benchmark.peak MODULE FUNCTION JSON

prints bytes. It imports nothing but the target's module.
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path

_STATUS = Path("/proc/self/status")


def peak_bytes(module: str, name: str, arguments: str) -> int:
    """Most memory that a function takes with a JSON list of arguments, called in this process."""
    target = getattr(importlib.import_module(module), name)
    imported = _peak_resident()
    target(*json.loads(arguments))
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        return int(torch.cuda.max_memory_allocated())
    return _peak_resident() - imported


def _peak_resident() -> int:
    """Bytes. Not `getrusage` on Linux: a process inherits its parent's figure there."""
    if not _STATUS.exists():
        import resource  # which Windows lacks

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    lines = dict(line.split(":", 1) for line in _STATUS.read_text().splitlines())
    return int(lines["VmHWM"].split()[0]) * 1024


if __name__ == "__main__":
    measured = peak_bytes(*sys.argv[1:])
    sys.stdout.write(f"\n{measured}\n")
