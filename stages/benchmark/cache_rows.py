"""Section `cache`: bytes a frame and error of every stored type, and how fast an episode is read.

Maps are what the encoders say of rendered frames: lite with its ImageNet weights at 192x320,
ResNet-50 with random weights at 360x640. Reading goes through `FeatureStore` to float32 maps on the
device, 5 + 5 consecutive frames of two videos, all four levels. Cold is after the kernel was asked
to drop the files' pages (posix_fadvise, DONTNEED); what the disk itself keeps stays.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from numcodecs.zstd import compress, decompress
from numpy.typing import NDArray
from torch import Tensor

from cache import FeatureKey, FeatureStore, quantise
from cache.stored_types import STORED_TYPES
from configs import FeaturesConfig, load_config
from stages.benchmark.material import rendered_frames, resnet50
from stages.benchmark.measure import alternate
from stages.benchmark.setting import Setting
from stages.caching.quantisation import dequantise_on_device
from stages.encoders import VisionEncoder, load_vision

LITE_SIZE, PAPER_SIZE = (192, 320), (360, 640)
CLIP = 5
# Items are named by digests: letters and digits.
QUERY, SUPPORT = "query", "support"
Maps = Sequence[NDArray[np.float32]]


def rows(setting: Setting) -> dict[str, float]:
    """bytes_per_frame.<stored type> (ResNet-50, 360x640; with .lite behind, lite at 192x320),
    relative_error.<stored type> (lite), zstd_share and zstd_ms (ResNet-50; .lite), read_ms_warm,
    read_ms_cold (ResNet-50, the default type)."""
    setting.note("bytes_per_frame and read_ms: maps of a ResNet-50 with random weights")
    lite = load_vision(load_config("lite", []).encoder, setting.device)
    light = encoded(lite, rendered_frames(2 * CLIP, LITE_SIZE))
    paper = encoded(resnet50(True, setting.device), rendered_frames(2 * CLIP, PAPER_SIZE))
    return {
        **sizes(setting, paper, light),
        **coded(setting.rounds, paper, ""),
        **coded(setting.rounds, light, ".lite"),
        **reading(setting, paper),
    }


def encoded(encoder: VisionEncoder, frames: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
    """Maps [T, C, h, w] of four levels, a frame at a time, so that memory stays small."""
    levels = zip(*(encoder(torch.from_numpy(frame[None])) for frame in frames), strict=True)
    return [torch.cat(level).cpu().numpy() for level in levels]


def sizes(setting: Setting, paper: Maps, lite: Maps) -> dict[str, float]:
    """What a clip of each encoder's maps takes by stored type, and how far lite's come back."""
    figures = {}
    for stored in STORED_TYPES:
        store = filled_store(setting.work / "stored", stored, {QUERY: paper, SUPPORT: lite})
        figures[f"bytes_per_frame.{stored}"] = stored_bytes(store, QUERY) / len(paper[0])
        figures[f"bytes_per_frame.{stored}.lite"] = stored_bytes(store, SUPPORT) / len(lite[0])
        figures[f"relative_error.{stored}"] = worst_error(store, SUPPORT, lite)
    return figures


def coded(rounds: int, maps: Maps, end: str) -> dict[str, float]:
    """What entropy coding would give: zstd_share, of the default type's bytes, and zstd_ms to
    undo it for a clip's maps on one thread. Differences along a row are coded, which are smaller
    than the values; a frame and level alone, as it is read."""
    values = [quantise(level, FeaturesConfig().stored).values for level in maps]
    steps = [np.diff(v, axis=-1, prepend=v.dtype.type(0)) for v in values]
    pieces = [np.ascontiguousarray(frame) for level in steps for frame in level]
    packed = [compress(piece, 1) for piece in pieces]
    seconds = alternate({"undo": lambda: [decompress(piece) for piece in packed]}, rounds)
    share = sum(map(len, packed)) / sum(piece.nbytes for piece in pieces)
    return {f"zstd_share{end}": share, f"zstd_ms{end}": 1e3 * seconds["undo"]}


def reading(setting: Setting, maps: Maps) -> dict[str, float]:
    """Milliseconds for an episode's maps, from files in memory and from files that are not."""
    clips = {QUERY: [level[:CLIP] for level in maps], SUPPORT: [level[CLIP:] for level in maps]}
    store = filled_store(setting.work / "reading", FeaturesConfig().stored, clips)

    def read() -> list[Tensor]:
        stored = [maps for item in clips for maps in store.read(item, range(CLIP))]
        return [dequantise_on_device(level, setting.device) for level in stored]

    def evict() -> None:
        for item in clips:
            for path in value_files(store, item):
                drop_pages(path)

    # In turn: what is read warm was read just before.
    seconds = alternate({"warm": read, "evict": evict, "cold": read}, setting.rounds)
    return {f"read_ms_{name}": 1e3 * seconds[name] for name in ("warm", "cold")}


def filled_store(root: Path, stored: str, items: Mapping[str, Maps]) -> FeatureStore:
    """A store that holds clips of maps."""
    store = FeatureStore(root, FeatureKey("benchmark", "", {}, stored))
    for item, maps in items.items():
        store.write(item, maps, {})
    return store


def stored_bytes(store: FeatureStore, item: str) -> int:
    """Bytes of an item's values, scales and checksums: all its files but the JSON ones."""
    return sum(path.stat().st_size for path in value_files(store, item))


def value_files(store: FeatureStore, item: str) -> Iterator[Path]:
    """Files of an item that hold arrays."""
    files = Path(str(store.item_folder(item))).rglob("*")
    return (path for path in files if path.is_file() and path.suffix != ".json")


def worst_error(store: FeatureStore, item: str, maps: Maps) -> float:
    """Relative L2 error of the level that lost most, as a fraction."""
    stored = store.read(item, range(len(maps[0])))
    errors = []
    for level, truth in zip(stored, maps, strict=True):
        read = dequantise_on_device(level, "cpu").numpy()
        errors.append(float(np.linalg.norm(read - truth) / np.linalg.norm(truth)))
    return max(errors)


def drop_pages(path: Path) -> None:
    """Ask the kernel to forget what it keeps of a file; nothing where it cannot be asked."""
    if not hasattr(os, "posix_fadvise"):
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(handle)
