"""What makes two extractions the same: the cache key and the difference between two of them.

A key holds everything that changes a stored byte and nothing else. Fold, batch size, device,
thread count and library versions are left out by name; they are kept as provenance.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

# Version of the directory layout. Readers refuse others.
SCHEMA = 1


@dataclass(frozen=True)
class FeatureKey:
    """Everything that decides the bytes of cached feature maps.

    encoder: name of the vision encoder; weights: digest over its weights; preprocessing: JSON-able
    facts (sizes, interpolation, colour order, mean and std); view: the augmentation, {"index": 0}
    for the untouched frame; stored: name of the stored type; extractor: version of the
    code between frame and stored byte.
    """

    encoder: str
    weights: str
    preprocessing: Mapping[str, Any]
    stored: str = "uint8"
    view: Mapping[str, Any] = field(default_factory=lambda: {"index": 0})
    extractor: int = 1
    schema: int = SCHEMA

    @property
    def digest(self) -> str:
        """sha256 of the canonical JSON, 64 hex digits; the directory's name."""
        return digest_of(asdict(self))


@dataclass(frozen=True)
class TextKey:
    """Everything that decides cached text states: the encoder, its tokenizer and weights."""

    encoder: str
    weights: str
    width: int
    normalisation: str = "nfc-spaces"
    schema: int = SCHEMA

    @property
    def digest(self) -> str:
        """sha256 of the canonical JSON, 64 hex digits."""
        return digest_of({"text": asdict(self)})


def canonical_json(value: object) -> str:
    """The one JSON spelling of a value: sorted keys, no blanks, ASCII.

    Raises ValueError for NaN and infinity, TypeError for what JSON cannot hold.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def digest_of(value: object) -> str:
    """sha256 in hex of the canonical JSON of a value."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


def difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """What changed between two keys, one line a field: "preprocessing.short_side 360 → 384"."""
    before, after = dict(_leaves(old)), dict(_leaves(new))
    return [
        f"{name} {_short(before.get(name))} → {_short(after.get(name))}"
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    ]


def _leaves(value: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, item in value.items():
        if isinstance(item, Mapping):
            yield from _leaves(item, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", canonical_json(item)


def _short(text: str | None) -> str:
    """A JSON leaf for people: no quotes, digests cut to 12 digits, "absent" for None."""
    if text is None:
        return "absent"
    bare = text.strip('"')
    return bare[:12] if len(bare) == 64 and bare.isalnum() else bare
