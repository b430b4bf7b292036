"""Format: LabelMe's JSON, a file an image.

::

    dir/a.json  dir/a.jpg     the image may also lie inside the JSON, as LabelMe saves it by default

Shapes with one label and one group id are parts of one object. Format as of LabelMe 5
(https://github.com/labelmeai/labelme): pixels with the origin at the picture's upper left corner,
pictures as EXIF shows them.
"""

from __future__ import annotations

import base64
import binascii
import io
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from configs.errors import DataError, FsrvosError, MissingError
from stages.data.images import decode_rgb, read_rgb
from stages.data.order import frame_files
from stages.data.outlines import Mask, Polygons, fill
from stages.data.schema import Category, FileShape, check_shape
from stages.data.support.annotation import (
    AnnotatedFrame,
    Contents,
    Marked,
    SupportFormat,
    require_few,
)
from stages.data.support.placing import fitting_size, turned

_ROUND = 72  # corners that a circle is drawn with

KEYS = ("shapes",)  # of its JSON, by which it is known


class Outlined(FileShape):
    """One shape."""

    label: Category
    points: list[list[float]]
    shape_type: str = "polygon"
    group_id: int | None = None
    mask: str | None = None


class LabelmeFile(FileShape):
    """A file of LabelMe."""

    shapes: list[Outlined]
    imagePath: str | None = None
    imageData: str | None = None
    imageHeight: int | None = None
    imageWidth: int | None = None


def recognises(contents: Contents) -> bool:
    """True where a JSON file lists shapes."""
    return bool(contents.jsons_with(*KEYS))


def read(contents: Contents) -> list[AnnotatedFrame]:
    """The images with their shapes; every fault is noted."""
    require_few(contents, len(contents.jsons_with(*KEYS)))
    frames = []
    images = {image.stem.lower(): image for image in frame_files(contents.folder)}
    for path, value in contents.jsons_with(*KEYS).items():
        file = check_shape(LabelmeFile, value, str(path), contents.faults)
        if file is not None:
            try:
                frames.append(_frame(contents, path, file, images))
            except FsrvosError as fault:
                contents.faults.append(fault)
    return frames


def _frame(
    contents: Contents, path: Path, file: LabelmeFile, images: dict[str, Path]
) -> AnnotatedFrame:
    image = images.get(path.stem.lower()) or images.get(_stem(file.imagePath))
    if image is not None:
        frame = read_rgb(contents.require_inside(image))
    elif file.imageData:
        frame = decode_rgb(_decoded(file.imageData, f"{path}: imageData"), f"{path}: imageData")
    else:
        raise MissingError(f"{path}: its image is not beside it; add {file.imagePath or 'it'}")
    size = (file.imageHeight or frame.shape[0], file.imageWidth or frame.shape[1])
    turn = image is not None and fitting_size(contents, image, size, path)
    if image is None and size != frame.shape[:2]:
        raise DataError(f"{path}: its image is not of imageHeight and imageWidth; save it anew")
    objects = _objects(contents, path, file.shapes, size)
    if turn and image is not None:
        objects = [Marked(turned(m.mask, image), label=m.label, number=m.number) for m in objects]
    return AnnotatedFrame(path.stem, path, frame, tuple(objects), may_lack=True)


def _stem(name: str | None) -> str:
    return Path((name or "").replace("\\", "/")).stem.lower()


def _decoded(text: str, where: str) -> NDArray[np.uint8]:
    try:
        return np.frombuffer(base64.b64decode(text, validate=True), dtype=np.uint8)
    except (binascii.Error, ValueError):
        raise DataError(f"{where} is not base64; save the file anew") from None


def _objects(
    contents: Contents, path: Path, shapes: Iterable[Outlined], size: tuple[int, int]
) -> list[Marked]:
    """The objects drawn; the shapes of a group are one."""
    objects: list[Marked] = []
    groups: dict[tuple[str, int], int] = {}
    for number, shape in enumerate(shapes, start=1):
        mask = _mask(shape, size, f"{path}: shape {number}")
        if mask is None:
            contents.remarks.append(
                f"{path}: shape {number} is a {shape.shape_type}, which has no area; left out"
            )
        elif shape.group_id is not None and (shape.label, shape.group_id) in groups:
            at = groups[shape.label, shape.group_id]
            objects[at] = Marked(objects[at].mask | mask, label=shape.label, number=shape.group_id)
        else:
            if shape.group_id is not None:
                groups[shape.label, shape.group_id] = len(objects)
            objects.append(Marked(mask, label=shape.label, number=shape.group_id))
    return objects


def _mask(shape: Outlined, size: tuple[int, int], where: str) -> Mask | None:
    """The shape's pixels [H, W]; None where it has no area by its kind."""
    if not all(len(point) == 2 and np.isfinite(point).all() for point in shape.points):
        raise DataError(f"{where}: a point is not x and y; draw the shape anew")
    points = np.asarray(shape.points, np.float32).reshape(-1, 2)
    if shape.shape_type == "polygon" and len(points) >= 3:
        return fill(Polygons((points,)), size, where)
    if shape.shape_type == "rectangle" and len(points) >= 2:
        (left, top), (right, bottom) = points.min(0), points.max(0)
        box = [[left, top], [right, top], [right, bottom], [left, bottom]]
        return fill(Polygons((np.array(box, np.float32),)), size, where)
    if shape.shape_type == "circle" and len(points) == 2:
        angles = np.linspace(0, 2 * np.pi, _ROUND, endpoint=False)
        around = np.stack([np.cos(angles), np.sin(angles)], axis=1)
        radius = np.linalg.norm(points[1] - points[0])
        return fill(Polygons(((points[0] + radius * around).astype(np.float32),)), size, where)
    if shape.shape_type == "mask" and shape.mask and len(points) == 2:
        return _painted(shape.mask, points, size, where)
    if shape.shape_type in ("polygon", "rectangle", "circle", "mask"):
        raise DataError(f"{where}: the {shape.shape_type} has too few points; draw it anew")
    return None


def _painted(text: str, points: NDArray[np.float32], size: tuple[int, int], where: str) -> Mask:
    """A mask that was painted: a PNG that lies with its upper left corner at the first point."""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(_decoded(text, f"{where}: mask").tobytes())) as image:
            painted = np.array(image.convert("L")) > 0
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        raise DataError(f"{where}: its mask is not a readable image; draw it anew") from None
    left, top = (int(round(float(value))) for value in points[0])
    whole = np.zeros(size, bool)
    if left < 0 or top < 0 or left + painted.shape[1] > size[1] or top + painted.shape[0] > size[0]:
        raise DataError(f"{where}: its mask reaches out of the picture; draw it anew")
    whole[top : top + painted.shape[0], left : left + painted.shape[1]] = painted
    if not painted.any():
        raise DataError(f"{where}: its mask is empty; draw it anew or remove the shape")
    return whole


FORMAT = SupportFormat("LabelMe files", recognises, read)
