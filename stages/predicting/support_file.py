"""An encoded kind as one file, `dog.support`: what becomes of a support folder, without pictures.

A safetensors file: maps in half precision, masks a bit a pixel, and in the header the sentence,
what encoded the frames and a digest of all of it. It runs nothing when it is read.

    maps.<frame>.<level>    float16 [C, h, w]; float32 where a value is beyond float16
    mask.<frame>            uint8, H x W bits row by row, padded to whole bytes
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_safetensors
from torch import Tensor

from cache.whole import replace_bytes
from configs.errors import DataError, MissingError
from stages.data.files import plain_expression
from stages.data.support.annotation import MOST_FRAMES
from stages.encoders.base import weights_digest
from stages.model.inputs import STRIDES
from stages.predicting.encoded_support import EncodedSupport, SeenBy, four

SUFFIX = ".support"
VERSION = 1
AGAIN = "encode the folder again with `fsrvos support save`"
_MOST_SIDE = 1 << 14


@dataclass(frozen=True)
class SupportFile:
    """What a file holds. `made` is its provenance, and not part of the digest."""

    encoded: EncodedSupport
    seen_by: SeenBy
    digest: str
    made: Mapping[str, Any]


def is_support_file(path: Path) -> bool:
    """Whether a path names an encoded kind and not a folder of frames."""
    return path.suffix.lower() == SUFFIX and not path.is_dir()


def write_support(
    path: Path, encoded: EncodedSupport, seen_by: SeenBy, made: Mapping[str, Any]
) -> SupportFile:
    """Write an encoded kind, whole or not at all, and give what was written. Raises FsrvosError."""
    tensors = dict(_tensors(encoded))
    facts = {
        "version": VERSION,
        "expression": encoded.expression,
        "category": encoded.category,
        "names": list(encoded.names),
        "sizes": [list(mask.shape) for mask in encoded.masks],
        "seen_by": asdict(seen_by),
    }
    stated = json.dumps(facts, sort_keys=True)
    digest = weights_digest(tensors, extra=stated.encode())
    header = {"fsrvos.support": stated, "digest": digest, "made": json.dumps(dict(made))}
    replace_bytes(path, to_safetensors(tensors, header))
    return SupportFile(encoded, seen_by, digest, made)


def _tensors(encoded: EncodedSupport) -> list[tuple[str, Tensor]]:
    found = []
    for row, (maps, mask) in enumerate(zip(encoded.maps, encoded.masks, strict=True)):
        for level, values in enumerate(maps):
            exact = values[0].detach().cpu().contiguous()
            half = exact.half()
            kept = half if bool(half.isfinite().all()) else exact
            found.append((f"maps.{row}.{level}", kept))
        found.append((f"mask.{row}", torch.from_numpy(np.packbits(mask))))
    return found


def read_support(path: Path) -> SupportFile:
    """An encoded kind, its maps float32 on the CPU.

    Raises MissingError (no file), DataError (damaged, or written by something else).
    """
    tensors, header = _read(path)
    try:
        facts = json.loads(header["fsrvos.support"])
        digest, made = header["digest"], json.loads(header.get("made", "{}"))
        version = facts["version"]
    except (KeyError, TypeError, ValueError):
        raise DataError(
            f"{path}: not an encoded support; `fsrvos support save` makes one of a folder"
        ) from None
    if version != VERSION:
        raise DataError(
            f"{path}: of another version of the program (format {version}, here {VERSION}); {AGAIN}"
        )
    if weights_digest(tensors, extra=header["fsrvos.support"].encode()) != digest:
        raise DataError(f"{path}: damaged, its digest is not its content's; {AGAIN}")
    try:
        seen_by = _seen_by(facts["seen_by"])
        encoded = _encoded(tensors, facts, seen_by)
    except (KeyError, TypeError, ValueError, RuntimeError):
        raise DataError(f"{path}: damaged, its parts do not fit together; {AGAIN}") from None
    return SupportFile(encoded, seen_by, digest, made)


def _read(path: Path) -> tuple[dict[str, Tensor], Mapping[str, str]]:
    if not path.is_file():
        raise MissingError(f"{path}: no such support; check the path")
    try:
        with safe_open(path, framework="pt") as file:
            names = file.keys()
            return {name: file.get_tensor(name) for name in names}, file.metadata() or {}
    except (OSError, SafetensorError, ValueError) as error:
        raise DataError(
            f"{path}: damaged, or no encoded support ({str(error).splitlines()[0]}); {AGAIN}"
        ) from None


def _seen_by(stated: Mapping[str, Any]) -> SeenBy:
    first, second, third, fourth = (int(count) for count in stated["channels"])
    return SeenBy(
        vision_digest=str(stated["vision_digest"]),
        channels=(first, second, third, fourth),
        precision=str(stated["precision"]),
        short_side=int(stated["short_side"]),
        long_side=int(stated["long_side"]),
    )


def _encoded(
    tensors: Mapping[str, Tensor], facts: Mapping[str, Any], seen_by: SeenBy
) -> EncodedSupport:
    """ValueError, KeyError or TypeError where the parts do not fit together."""
    names, sizes = facts["names"], facts["sizes"]
    if not 0 < len(names) == len(sizes) <= MOST_FRAMES or len(tensors) != 5 * len(names):
        raise ValueError("numbers of frames differ")
    maps, masks = [], []
    for row, (height, width) in enumerate(sizes):
        if not (0 < int(height) <= _MOST_SIDE and 0 < int(width) <= _MOST_SIDE):
            raise ValueError("a size that no frame has")
        levels = []
        for level, (stride, channels) in enumerate(zip(STRIDES, seen_by.channels, strict=True)):
            values = tensors[f"maps.{row}.{level}"]
            shape = (channels, -(-height // stride), -(-width // stride))
            if values.shape != shape or not values.is_floating_point():
                raise ValueError("a map of another shape")
            levels.append(values.float()[None])
        bits = np.unpackbits(tensors[f"mask.{row}"].numpy(), count=height * width)
        mask = bits.reshape(height, width).astype(bool)
        if not mask.any():
            raise ValueError("a frame without the object")
        maps.append(four(levels))
        masks.append(mask)
    category = facts["category"]
    return EncodedSupport(
        names=tuple(map(str, names)),
        maps=tuple(maps),
        masks=tuple(masks),
        expression=plain_expression(facts["expression"]),
        category=None if category is None else str(category),
    )


def require_same_encoder(path: Path, saved: SeenBy, present: SeenBy) -> None:
    """DataError where the frames of a support file were encoded otherwise than the query's are."""
    here = asdict(present)
    differ = [name for name, value in asdict(saved).items() if value != here[name]]
    if not differ:
        return
    name = differ[0]
    what = f"{name.replace('_', ' ')} {getattr(saved, name)}, and the run has {here[name]}"
    if name in ("vision_digest", "channels"):
        what = "another vision encoder than the run's"
    raise DataError(f"{path}: encoded with {what}; {AGAIN}")
