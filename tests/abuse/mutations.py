"""Ways to damage a file, or what stands in its place, all drawn from a random generator.

A way is given a file and gives the path at which the input now stands.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

Rng = np.random.Generator
HUGE = 100_000


def mutated(content: bytes, rng: Rng) -> bytes:
    """Bits flipped, the end cut off, a part doubled, a number blown up, or strange bytes put in."""
    data = bytearray(content or b"0")
    spot = int(rng.integers(len(data)))
    kind = int(rng.integers(5))
    if kind == 0:
        for place in rng.integers(0, len(data), int(rng.integers(1, 9))):
            data[place] ^= 1 << int(rng.integers(8))
        return bytes(data)
    if kind == 1:
        return bytes(data[:spot])
    if kind == 2:
        return bytes(data[:spot] + data[spot // 2 :])
    if kind == 3:
        digits = [i for i, byte in enumerate(data) if chr(byte).isdigit()]
        at = digits[int(rng.integers(len(digits)))] if digits else spot
        return bytes(data[:at] + b"99999999999" + data[at:])
    strange = (b"null", b"-1", b"1e999", b'"', b"\xff\xfe", b"{", b"[" * 20_000, b"\0", b"NaN")
    return bytes(data[:spot] + strange[int(rng.integers(len(strange)))] + data[spot:])


def png(width: int, height: int, depth: int = 8, colours: int = 0, rows: bytes = b"") -> bytes:
    """A PNG that claims a size, whatever its rows hold."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        check = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)

    head = struct.pack(">IIBBBBB", width, height, depth, colours, 0, 0, 0)
    parts = chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def bomb(side: int, depth: int, colours: int) -> bytes:
    """A PNG that is what it claims: blank, and a thousandth as large as its pixels."""
    samples = {0: 1, 2: 3, 6: 4}[colours]
    row = bytes(1 + (side * depth * samples + 7) // 8)
    packer = zlib.compressobj(9)
    rows = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    return png(side, side, depth, colours, rows)


def claims(content: bytes, rng: Rng) -> bytes:
    """The file with a header that claims far more pixels, as far as its kind is known."""
    data = bytearray(content)
    side = int(rng.choice([HUGE, 65_500, 30_000, 16_000, 0, 1, 2**31 - 1]))
    if data[:4] == b"\x89PNG":
        data[16:24] = struct.pack(">II", side, side)
        data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    elif data[:2] == b"\xff\xd8":
        for mark in (b"\xff\xc0", b"\xff\xc2"):
            if (at := data.find(mark)) > 0:
                data[at + 5 : at + 9] = struct.pack(">HH", side & 65_535, side & 65_535)
    elif data[:3] == b"GIF":
        data[6:10] = struct.pack("<HH", side & 65_535, side & 65_535)
    elif data[:2] == b"BM":
        data[18:26] = struct.pack("<ii", side, side)
    elif data[:4] == b"RIFF" and data[8:12] == b"AVI ":
        for mark, offset in ((b"avih", 40), (b"strf", 12)):
            if (at := data.find(mark)) > 0:
                data[at + offset : at + offset + 8] = struct.pack("<II", side, side)
    elif data[4:8] == b"ftyp":
        at = data.find(b"avc1", data.find(b"stsd"))
        data[at + 28 : at + 32] = struct.pack(">HH", side & 65_535, side & 65_535)
        box = (b"stts", b"stsz", b"stsc", b"stco", b"mdhd", b"mvhd")[int(rng.integers(6))]
        if (at := data.find(box)) > 0 and rng.random() < 0.7:
            data[at + 8 : at + 16] = struct.pack(">II", *rng.choice([0, 1, 2**32 - 1, 2**31], 2))
    else:
        return mutated(content, rng)
    return bytes(data)


def damage(path: Path, rng: Rng) -> Path:
    """Bytes changed at random."""
    path.write_bytes(mutated(path.read_bytes(), rng))
    return path


def claim(path: Path, rng: Rng) -> Path:
    """A header that lies."""
    path.write_bytes(claims(path.read_bytes(), rng))
    return path


def explode(path: Path, rng: Rng) -> Path:
    """A small file that becomes a large picture, or a deep or long text."""
    if path.suffix in (".json", ".toml", ".csv"):
        deep = (
            b"[" * 200_000,
            b'{"a":' * 100_000,
            b"9" * 5_000_000,
            b'"' + b"a" * 5_000_000 + b'"',
        )
        path.write_bytes(deep[int(rng.integers(len(deep)))])
    else:
        kinds = ((30_000, 1, 0), (9_000, 1, 0), (11_000, 8, 2), (20_000, 8, 0), (6_000, 16, 6))
        side, depth, colours = kinds[int(rng.integers(len(kinds)))]
        path.write_bytes(bomb(side, depth, colours))
    return path


def replace(path: Path, rng: Rng) -> Path:
    """Something else where the file was: a link, a pipe, a device, a folder, nothing."""
    kept = path.with_name(path.name + ".kept")
    path.rename(kept)
    ways: tuple[Callable[[], object], ...] = (
        lambda: path.symlink_to(path),
        lambda: path.symlink_to(path.parent),
        lambda: path.symlink_to("/dev/zero"),
        lambda: path.symlink_to("/etc/passwd"),
        lambda: path.symlink_to("/proc/self/mem"),
        lambda: path.symlink_to("nothing"),
        lambda: path.symlink_to(kept.name),
        lambda: os.mkfifo(path),
        lambda: path.mkdir(),
        lambda: path.write_bytes(b""),
        lambda: None,
    )
    ways[int(rng.integers(len(ways)))]()
    return path


NAMES = (
    "a\nb",
    "-a",
    "--help",
    "a b",
    "собака",
    "犬 🐕",
    "كلب",
    "a\u202eb",
    "\x1b[31mred",
    "x" * 240,
    "CON",
    "%s%n",
    "$(id)",
    "a;b",
    "'\"",
    " ",
    "..a",
    "\udcff\udcfe",
)


def rename(path: Path, rng: Rng) -> Path:
    """A name that few expect."""
    name = NAMES[int(rng.integers(len(NAMES)))]
    return path.rename(path.with_name(name + path.suffix))


def loop(path: Path, rng: Rng) -> Path:
    """A folder that holds itself."""
    link = path.parent / ("frames", "masks", "again")[int(rng.integers(3))]
    if not link.exists():
        link.symlink_to(path.parent)
    return path


WAYS = (damage, damage, damage, claim, claim, explode, replace, rename, loop)
