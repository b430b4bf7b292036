"""Procedural places that the objects move through.

A place is one image larger than the frame, so that a camera can pan and zoom in it.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from stages.data.sample.colours import RGB
from stages.data.sample.textures import value_noise

Image = NDArray[np.float32]


def _wash(image: Image, top: int, bottom: int, upper: RGB, lower: RGB) -> None:
    """Vertical gradient over rows top..bottom."""
    t = np.linspace(0, 1, max(bottom - top, 1), dtype=np.float32)[:, None, None]
    image[top:bottom] = np.array(upper, np.float32) * (1 - t) + np.array(lower, np.float32) * t


def _grain(rng: np.random.Generator, image: Image, top: int, cell: float, gain: float) -> None:
    noise = value_noise(rng, (image.shape[0] - top, image.shape[1]), cell)
    image[top:] *= 1 + gain * noise[..., None]


def vary(rng: np.random.Generator, rgb: RGB, spread: float = 14) -> RGB:
    """`rgb` with each channel moved by up to `spread`."""
    red, green, blue = (float(np.clip(v + rng.uniform(-spread, spread), 0, 255)) for v in rgb)
    return (red, green, blue)


def lump(rng: np.random.Generator, image: Image, x: float, y: float, r: float, rgb: RGB) -> None:
    """A lit, irregular lump: a stone, a bush, a cloud."""
    angles = np.linspace(0, 2 * np.pi, 14, endpoint=False)
    radii = r * rng.uniform(0.8, 1.15, 14)
    points = np.stack([x + radii * np.cos(angles), y + 0.7 * radii * np.sin(angles)], 1)
    fixed = [np.round(points).astype(np.int32)]
    cv2.fillPoly(image, fixed, tuple(v * 0.72 for v in rgb), cv2.LINE_AA)
    upper = [np.round((points - (x, y)) * 0.74 + (x - 0.12 * r, y - 0.14 * r)).astype(np.int32)]
    cv2.fillPoly(image, upper, rgb, cv2.LINE_AA)


def _stones(rng: np.random.Generator, image: Image, top: int, count: int, rgb: RGB) -> None:
    height, width = image.shape[:2]
    for _ in range(count):
        y = float(rng.uniform(top + 6, height))
        near = 0.4 + 0.6 * (y - top) / max(height - top, 1)
        lump(
            rng,
            image,
            float(rng.uniform(0, width)),
            y,
            float(rng.uniform(4, 10)) * near,
            vary(rng, rgb),
        )


def _tufts(rng: np.random.Generator, image: Image, top: int, count: int, rgb: RGB) -> None:
    height, width = image.shape[:2]
    for _ in range(count):
        x, y = rng.uniform(0, width), rng.uniform(top + 4, height + 6)
        tall = (6 + 10 * (y - top) / max(height - top, 1)) * rng.uniform(0.7, 1.3)
        colour = vary(rng, rgb, 22)
        for blade in rng.uniform(-0.5, 0.5, 5):
            tip = (round(x + tall * blade), round(y - tall * (1 - abs(blade) * 0.5)))
            cv2.line(image, (round(x + 3 * blade), round(y)), tip, colour, 1, cv2.LINE_AA)


def _hills(rng: np.random.Generator, image: Image, horizon: int, rgb: RGB, tall: float) -> None:
    width = image.shape[1]
    x = np.arange(0, width + 8, 8)
    ridge = horizon - tall * (0.5 + 0.5 * np.sin(x / rng.uniform(28, 60) + rng.uniform(0, 6)))
    ridge -= 0.3 * tall * np.sin(x / rng.uniform(12, 20) + rng.uniform(0, 6))
    points = np.concatenate([np.stack([x, ridge], 1), [[width + 8, horizon + 2], [0, horizon + 2]]])
    cv2.fillPoly(image, [np.round(points).astype(np.int32)], rgb, cv2.LINE_AA)


def _sky(rng: np.random.Generator, image: Image, horizon: int, upper: RGB, lower: RGB) -> None:
    _wash(image, 0, horizon, vary(rng, upper), vary(rng, lower))
    clouds = value_noise(rng, (horizon, image.shape[1]), 90)
    cover = np.clip(clouds * 1.6 - 0.2, 0, 0.8)[..., None]
    image[:horizon] += (np.array((244, 246, 248), np.float32) - image[:horizon]) * cover


def _meadow(rng: np.random.Generator, image: Image) -> None:
    horizon = _horizon(rng, image)
    _sky(rng, image, horizon, (110, 164, 216), (206, 222, 232))
    _hills(rng, image, horizon, vary(rng, (110, 138, 118)), 34)
    _wash(image, horizon, image.shape[0], vary(rng, (138, 156, 84)), vary(rng, (104, 128, 62)))
    _grain(rng, image, horizon, 26, 0.22)
    _tufts(rng, image, horizon, 70, (96, 128, 56))
    _stones(rng, image, horizon, 4, (148, 146, 138))


def _underwater(rng: np.random.Generator, image: Image) -> None:
    floor = int(image.shape[0] * rng.uniform(0.4, 0.6))
    _wash(image, 0, floor, vary(rng, (96, 178, 196)), vary(rng, (40, 104, 134)))
    _wash(image, floor, image.shape[0], vary(rng, (150, 150, 120)), vary(rng, (184, 172, 128)))
    for _ in range(5):
        x = rng.uniform(0, image.shape[1])
        ray = np.array([[x, 0], [x + 16, 0], [x + 70, floor], [x + 24, floor]]).astype(np.int32)
        veil = np.zeros(image.shape[:2], np.float32)
        cv2.fillPoly(veil, [ray], 1.0, cv2.LINE_AA)
        image += 16 * cv2.blur(veil, (15, 15))[..., None]
    _grain(rng, image, 0, 70, 0.12)
    _stones(rng, image, floor - 8, 8, (120, 128, 118))
    _tufts(rng, image, floor - 4, 36, (62, 122, 92))


def _sand(rng: np.random.Generator, image: Image) -> None:
    horizon = _horizon(rng, image)
    _sky(rng, image, horizon, (142, 188, 222), (230, 226, 208))
    _hills(rng, image, horizon, vary(rng, (206, 176, 130)), 22)
    _wash(image, horizon, image.shape[0], vary(rng, (222, 196, 148)), vary(rng, (198, 166, 116)))
    rows = np.arange(image.shape[0] - horizon, dtype=np.float32)[:, None]
    warp = 14 * value_noise(rng, (image.shape[0] - horizon, image.shape[1]), 80)
    image[horizon:] *= 1 + 0.05 * np.sin((rows + warp) * 0.6)[..., None]
    _grain(rng, image, horizon, 16, 0.1)
    _stones(rng, image, horizon, 7, (172, 150, 122))


def _room(rng: np.random.Generator, image: Image) -> None:
    height, width = image.shape[:2]
    horizon = int(height * rng.uniform(0.34, 0.46))
    wall = vary(rng, ((200, 190, 172), (172, 190, 192), (206, 182, 168))[int(rng.integers(3))])
    image[:horizon] = np.array(wall, np.float32)
    if rng.random() < 0.6:
        step = int(rng.integers(18, 34))
        image[:horizon, np.arange(width) % step < step // 3] *= 0.94
    _wash(image, horizon, height, vary(rng, (146, 108, 76)), vary(rng, (172, 130, 92)))
    centre = width / 2
    for x in np.arange(-width, 2 * width, 46):
        end = centre + (x - centre) * 2.1
        cv2.line(image, (round(x), horizon), (round(end), height), (108, 78, 54), 1, cv2.LINE_AA)
    cv2.rectangle(image, (0, horizon - 6), (width, horizon), (232, 228, 220), -1)
    for _ in range(2):
        x, y = int(rng.uniform(0, width - 60)), int(rng.uniform(4, horizon * 0.35))
        cv2.rectangle(image, (x, y), (x + 52, y + 38), (92, 72, 56), -1)
        cv2.rectangle(image, (x + 4, y + 4), (x + 48, y + 34), vary(rng, (150, 160, 150), 40), -1)
    _grain(rng, image, 0, 40, 0.08)


def _street(rng: np.random.Generator, image: Image) -> None:
    height, width = image.shape[:2]
    horizon = _horizon(rng, image)
    _sky(rng, image, horizon, (150, 180, 206), (214, 220, 224))
    x = 0
    while x < width:
        wide, tall = int(rng.uniform(34, 70)), int(rng.uniform(0.4, 0.95) * horizon)
        cv2.rectangle(
            image, (x, horizon - tall), (x + wide, horizon), vary(rng, (158, 144, 132), 30), -1
        )
        for wy in range(horizon - tall + 8, horizon - 8, 14):
            for wx in range(x + 6, x + wide - 8, 13):
                cv2.rectangle(image, (wx, wy), (wx + 6, wy + 8), (112, 124, 136), -1)
        x += wide
    _wash(image, horizon, height, vary(rng, (138, 138, 138)), vary(rng, (112, 112, 114)))
    cv2.rectangle(image, (0, horizon), (width, horizon + 14), (178, 174, 166), -1)
    lane = int(horizon + 0.55 * (height - horizon))
    for x in range(int(rng.integers(40)), width, 70):
        cv2.rectangle(image, (x, lane), (x + 36, lane + 4), (206, 204, 194), -1)
    _grain(rng, image, horizon, 18, 0.12)


def _snow(rng: np.random.Generator, image: Image) -> None:
    horizon = _horizon(rng, image)
    _sky(rng, image, horizon, (156, 176, 198), (206, 214, 222))
    _hills(rng, image, horizon, (176, 188, 204), 40)
    for _ in range(12):
        x, tall = int(rng.uniform(0, image.shape[1])), rng.uniform(14, 30)
        tree = np.array([[x, horizon - tall], [x - tall * 0.3, horizon], [x + tall * 0.3, horizon]])
        cv2.fillPoly(image, [tree.astype(np.int32)], vary(rng, (66, 92, 84)), cv2.LINE_AA)
    _wash(
        image,
        horizon,
        image.shape[0],
        vary(rng, (206, 214, 224), 6),
        vary(rng, (186, 198, 212), 6),
    )
    _grain(rng, image, horizon, 60, 0.1)
    _stones(rng, image, horizon, 5, (150, 156, 166))


def _night(rng: np.random.Generator, image: Image) -> None:
    horizon = _horizon(rng, image)
    _wash(image, 0, horizon, vary(rng, (20, 24, 52), 6), vary(rng, (58, 62, 98), 8))
    for _ in range(60):
        x, y = int(rng.uniform(0, image.shape[1])), int(rng.uniform(0, horizon))
        image[y, x] = float(rng.uniform(140, 250))
    cv2.circle(
        image, (int(rng.uniform(60, 340)), int(horizon * 0.4)), 11, (236, 234, 214), -1, cv2.LINE_AA
    )
    _hills(rng, image, horizon, (46, 54, 74), 36)
    _wash(
        image, horizon, image.shape[0], vary(rng, (84, 92, 104), 8), vary(rng, (108, 112, 118), 8)
    )
    _grain(rng, image, horizon, 30, 0.2)
    _stones(rng, image, horizon, 6, (96, 100, 112))
    _tufts(rng, image, horizon, 30, (62, 84, 76))


def _forest(rng: np.random.Generator, image: Image) -> None:
    horizon = int(image.shape[0] * rng.uniform(0.32, 0.44))
    _wash(image, 0, horizon, vary(rng, (126, 150, 122)), vary(rng, (86, 110, 84)))
    _grain(rng, image, 0, 18, 0.3)
    for x in np.sort(rng.uniform(0, image.shape[1], 14)):
        wide = rng.uniform(4, 12)
        cv2.rectangle(image, (int(x), 0), (int(x + wide), horizon + 4), vary(rng, (86, 70, 56)), -1)
    _wash(image, horizon, image.shape[0], vary(rng, (122, 106, 76)), vary(rng, (142, 122, 86)))
    _grain(rng, image, horizon, 12, 0.28)
    _tufts(rng, image, horizon, 40, (92, 108, 64))
    _stones(rng, image, horizon, 5, (128, 124, 112))


def _plaza(rng: np.random.Generator, image: Image) -> None:
    height, width = image.shape[:2]
    horizon = int(height * rng.uniform(0.3, 0.46))
    brick = vary(rng, ((164, 112, 92), (176, 160, 140), (140, 144, 152))[int(rng.integers(3))])
    image[:horizon] = np.array(brick, np.float32)
    for row, y in enumerate(range(0, horizon, 12)):
        cv2.line(image, (0, y), (width, y), tuple(v * 0.8 for v in brick), 1)
        for x in range(12 * (row % 2), width, 24):
            cv2.line(image, (x, y), (x, min(y + 12, horizon)), tuple(v * 0.8 for v in brick), 1)
    _wash(image, horizon, height, vary(rng, (186, 178, 164)), vary(rng, (160, 152, 140)))
    for k in range(8):
        y = int(horizon + (height - horizon) * (k / 8) ** 1.6)
        cv2.line(image, (0, y), (width, y), (130, 124, 114), 1)
    for x in np.arange(-width, 2 * width, 52):
        end = width / 2 + (x - width / 2) * 2.0
        cv2.line(image, (round(x), horizon), (round(end), height), (130, 124, 114), 1, cv2.LINE_AA)
    _grain(rng, image, 0, 20, 0.12)


def _table(rng: np.random.Generator, image: Image) -> None:
    height, width = image.shape[:2]
    horizon = int(height * rng.uniform(0.24, 0.4))
    _wash(image, 0, horizon, vary(rng, (120, 126, 134), 24), vary(rng, (150, 152, 152), 24))
    for _ in range(7):
        x, y = rng.uniform(0, width), rng.uniform(0, horizon)
        lump(
            rng,
            image,
            float(x),
            float(y),
            float(rng.uniform(12, 28)),
            vary(rng, (142, 140, 136), 36),
        )
    image[:horizon] = cv2.blur(image[:horizon], (13, 13))
    tone = vary(rng, ((184, 142, 98), (122, 86, 62), (206, 204, 196))[int(rng.integers(3))])
    image[horizon:] = np.array(tone, np.float32)
    rows = np.arange(height - horizon, dtype=np.float32)[:, None]
    warp = 30 * value_noise(rng, (height - horizon, width), 150)
    image[horizon:] *= 1 + 0.07 * np.sin((rows + warp) * 0.55)[..., None]
    cv2.line(image, (0, horizon), (width, horizon), tuple(v * 0.6 for v in tone), 2)
    _grain(rng, image, horizon, 14, 0.06)


def _horizon(rng: np.random.Generator, image: Image) -> int:
    """A row high enough for an object at the top of the frame to stand on the ground."""
    return int(image.shape[0] * rng.uniform(0.26, 0.4))


PLACES: dict[str, Callable[[np.random.Generator, Image], None]] = {
    "meadow": _meadow,
    "underwater": _underwater,
    "sand": _sand,
    "room": _room,
    "street": _street,
    "snow": _snow,
    "night": _night,
    "forest": _forest,
    "plaza": _plaza,
    "table": _table,
}


def draw_place(rng: np.random.Generator, name: str, height: int, width: int) -> Image:
    """The place `name` as [height, width, 3], 0..255."""
    image = np.zeros((height, width, 3), np.float32)
    PLACES[name](rng, image)
    return np.clip(image, 0, 255)
