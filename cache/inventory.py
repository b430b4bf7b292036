"""What a cache folder holds: its keys, their sizes, and when they were used."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class KeyEntry:
    """One key found in a cache folder. kind: "features" or "text"."""

    digest: str
    kind: str
    folder: Path
    key: Mapping[str, Any]
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def items(self) -> Iterator[str]:
        """Names of its items that have a record, in no order."""
        folder = self.folder / "items"
        if folder.is_dir():
            yield from (path.name for path in folder.iterdir() if (path / "done.json").is_file())


def list_keys(root: Path) -> list[KeyEntry]:
    """Every key of a cache folder, by digest. Folders that are not keys are passed over."""
    entries = []
    for path in sorted(Path(root).glob("*/key.json")):
        try:
            body = json.loads(path.read_bytes())
            entry = KeyEntry(
                path.parent.name, body["kind"], path.parent, body["key"], body["provenance"]
            )
        except (OSError, ValueError, KeyError, TypeError):
            continue
        entries.append(entry)
    return entries
