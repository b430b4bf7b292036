"""The sample dataset on disk: the layout of Ref-YouTube-VOS, clips, support folders."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from stages.data.sample.render import draw_frame
from stages.data.sample.videos import Rendered

JPEG_QUALITY = 92
CLIP_FPS = 12
FOLDERS = ("train/JPEGImages", "train/Annotations", "videos", "support", "meta_expressions/train")
_MOMENTS = 3  # frames of a clip for every frame of the dataset


def davis_palette() -> list[int]:
    """The 256 colours of DAVIS annotations, as one flat list: bits of the id spread over RGB."""
    flat: list[int] = []
    for number in range(256):
        red = green = blue = 0
        for bit in range(8):
            shift = 7 - bit
            rest = number >> (3 * bit)
            red |= (rest & 1) << shift
            green |= ((rest >> 1) & 1) << shift
            blue |= ((rest >> 2) & 1) << shift
        flat += [red, green, blue]
    return flat


_PALETTE = davis_palette()


def frame_name(number: int) -> str:
    """Name of a frame, without suffix."""
    return f"{number:05d}"


def write_frames(root: Path, video: Rendered) -> dict[str, Any]:
    """Write frames and annotations under `root`/train; return its part of the JSON files."""
    pictures = root / "train" / "JPEGImages" / video.name
    masks = root / "train" / "Annotations" / video.name
    pictures.mkdir()
    masks.mkdir()
    names = [frame_name(t) for t in range(len(video.frames))]
    for name, frame, ids in zip(names, video.frames, video.ids, strict=True):
        write_jpeg(pictures / f"{name}.jpg", frame)
        write_mask(masks / f"{name}.png", ids)
    objects = {
        str(number): {
            "category": actor.category,
            "frames": [n for n, ids in zip(names, video.ids, strict=True) if (ids == number).any()],
        }
        for number, actor in sorted(
            zip(video.shot.ids, video.scene.actors, strict=True), key=_first
        )
    }
    expressions = {
        str(k): {"exp": text, "obj_id": str(number)}
        for k, (text, number) in enumerate(video.expressions)
    }
    return {
        "name": video.name,
        "meta": {"objects": objects},
        "expressions": {"frames": names, "expressions": expressions},
    }


def _first(pair: tuple[int, Any]) -> int:
    return pair[0]


def write_jpeg(path: Path, frame: NDArray[np.uint8]) -> None:
    """Write RGB `frame` [H, W, 3]."""
    ok, data = cv2.imencode(
        ".jpg", np.ascontiguousarray(frame[..., ::-1]), [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
    )
    if not ok:
        raise OSError(f"could not encode {path.name}")
    path.write_bytes(data.tobytes())


def write_mask(path: Path, ids: NDArray[np.uint8]) -> None:
    """Write `ids` [H, W] as a palette PNG whose pixels are the ids."""
    image = Image.fromarray(ids)  # "L"; putpalette makes it "P" and keeps the numbers
    image.putpalette(_PALETTE)
    image.save(path, compress_level=6)


def write_clip(path: Path, video: Rendered) -> None:
    """Write the video as H.264, drawn at moments between its frames so that it runs smoothly."""
    count = (len(video.frames) - 1) * _MOMENTS + 1
    with av.open(str(path), "w", format="mp4", options={"movflags": "faststart"}) as container:
        stream = container.add_stream("libx264", rate=CLIP_FPS)
        stream.height, stream.width = video.frames.shape[1:3]
        stream.pix_fmt = "yuv420p"
        stream.thread_count = 1
        # With its macroblock tree on, x264 now and then gives other bytes for the same pictures.
        still = "mbtree=0:weightp=0:bframes=0"
        stream.options = {"crf": "20", "preset": "veryfast", "x264-params": still}
        for k in range(count):
            frame, _ = draw_frame(video.shot, k / _MOMENTS)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode(None))


def write_support(folder: Path, video: Rendered, count: int) -> bool:
    """Write `count` frames with masks of the last expression's object, ready for `predict`.

    Returns False, and writes nothing, where the object is absent from one of them.
    """
    text, number = video.expressions[-1]
    ids = video.ids[:count]
    if not all((m == number).any() for m in ids):
        return False
    folder.mkdir()
    for t, (frame, mask) in enumerate(zip(video.frames[:count], ids, strict=True)):
        write_jpeg(folder / f"{frame_name(t)}.jpg", frame)
        write_mask(folder / f"{frame_name(t)}.png", mask)
    settings = f'expression = "{text}"\nobject_id = {number}\ncategory = "{video.category}"\n'
    (folder / "support.toml").write_text(settings, encoding="utf-8")
    return True


def write_json(path: Path, content: Any) -> None:
    """Write `content` as JSON that people can read."""
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
