"""Where the cache lies."""

import os
from pathlib import Path


def default_root() -> Path:
    """FSRVOS_CACHE when set, else cache/ in the WORK folder, else work/cache."""
    chosen = os.environ.get("FSRVOS_CACHE")
    return Path(chosen) if chosen else Path(os.environ.get("WORK") or "work") / "cache"
