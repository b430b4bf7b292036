"""What a cache holds, byte for byte, whoever wrote it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from cache.inventory import list_keys


def contents(cache: Path) -> dict[str, bytes]:
    """Every file of every item by its path; of the records, all but what made the item."""
    (key,) = [entry for entry in list_keys(cache) if entry.kind == "features"]
    found = {}
    for path in sorted((key.folder / "items").rglob("*")):
        if path.is_file():
            data = path.read_bytes()
            if path.name == "done.json":
                record = json.loads(data)
                del record["provenance"], record["checksum"]
                data = json.dumps(record).encode()
            found[path.relative_to(cache).as_posix()] = data
    return found


@pytest.fixture
def read_all() -> Callable[[Path], dict[str, bytes]]:
    return contents
