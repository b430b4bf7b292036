"""Sound inputs to damage: videos, supports in every layout, lists, a dataset."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from stages.data.video_writer import write_video

HEIGHT, WIDTH = 48, 64
CORNERS = [[10, 8], [26, 8], [26, 14], [34, 14], [34, 30], [10, 30]]


def truth() -> NDArray[np.bool_]:
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[8:30, 10:34] = True
    mask[8:14, 26:34] = False
    return mask


def pictures(count: int) -> list[NDArray[np.uint8]]:
    rng = np.random.default_rng(3)
    grain = rng.integers(0, 90, (HEIGHT, WIDTH, 3))
    return [(grain + 100 * truth()[..., None] + 2 * n).astype(np.uint8) for n in range(count)]


def videos(folder: Path) -> list[Path]:
    """One of every container, and a folder of frames."""
    folder.mkdir(parents=True)
    write_video(folder / "v.mp4", pictures(12), 25)
    for name, codec, form in (("v.webm", "libvpx-vp9", "yuv420p"), ("v.avi", "mjpeg", "yuvj420p")):
        with av.open(str(folder / name), "w") as container:
            stream = container.add_stream(codec, rate=25)
            stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, form
            for picture in pictures(6):
                frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
    shown = [Image.fromarray(picture) for picture in pictures(6)]
    shown[0].save(folder / "v.gif", save_all=True, append_images=shown[1:])
    for name in ("f", "g"):
        (folder / name).mkdir()
    for number, image in enumerate(shown[:4]):
        image.save(folder / "f" / f"{number:05d}.jpg")
        image.save(folder / "g" / f"{number:05d}.{'bmp' if number % 2 else 'png'}")
    return sorted(folder.iterdir())


def supports(folder: Path) -> list[Path]:
    """One of every layout."""
    picture, mask = Image.fromarray(pictures(1)[0]), truth()
    ids = Image.fromarray(mask.astype(np.uint8) * 7)
    for layout in ("masks", "colours", "video", "labelme", "coco"):
        (folder / layout).mkdir(parents=True)
        notes = 'expression = "a dog"\ncategory = "dog"\n'
        numbered = layout in ("masks", "labelme", "coco")
        (folder / layout / "support.toml").write_text(notes + "object_id = 7\n" * numbered)
    for name in "ab":
        picture.save(folder / f"masks/{name}.jpg")
        ids.save(folder / f"masks/{name}.png")
    for part in ("frames", "masks"):
        (folder / "colours" / part).mkdir()
    picture.save(folder / "colours/frames/a.png")
    Image.fromarray(np.where(mask[..., None], np.uint8((200, 30, 4)), np.uint8(0))).save(
        folder / "colours/masks/a.jpg", quality=90
    )
    write_video(folder / "video/v.mp4", pictures(6), 25)
    Image.fromarray(mask).save(folder / "video/3.png")
    picture.save(folder / "labelme/a.jpg")
    data = base64.b64encode((folder / "labelme/a.jpg").read_bytes()).decode()
    shape = {"label": "dog", "points": CORNERS, "shape_type": "polygon", "group_id": 7}
    size = {"imageHeight": HEIGHT, "imageWidth": WIDTH}
    (folder / "labelme/a.json").write_text(
        json.dumps({"shapes": [shape], "imagePath": "a.jpg", "imageData": data, **size})
    )
    picture.save(folder / "coco/a.jpg")
    flat = [float(value) for corner in CORNERS for value in corner]
    rle = {"size": [HEIGHT, WIDTH], "counts": [100, 9, 2963]}
    common = {"image_id": 1, "category_id": 1, "track_id": 7}
    outlines = [
        {"id": 1, "segmentation": [flat], **common},
        {"id": 2, "segmentation": rle, **common},
    ]
    listed = {"id": 1, "file_name": "a.jpg", "width": WIDTH, "height": HEIGHT}
    content = {
        "images": [listed],
        "annotations": outlines,
        "categories": [{"id": 1, "name": "dog"}],
    }
    (folder / "coco/a.json").write_text(json.dumps(content))
    return sorted(folder.iterdir())


def lists(folder: Path) -> list[Path]:
    """A table and a JSON list of what is looked for."""
    folder.mkdir(parents=True)
    row = {"video": "../videos/v.gif", "expression": "a dog", "support": "../supports/masks"}
    (folder / "l.csv").write_text(",".join(row) + "\n" + ",".join(row.values()) + "\n")
    (folder / "l.json").write_text(json.dumps([row]))
    return sorted(folder.iterdir())


def dataset(folder: Path) -> Path:
    """Two videos of one category, in the layout of Ref-YouTube-VOS."""
    meta, spoken = {}, {}
    for video in ("dog0", "dog1"):
        names = ["00000", "00001"]
        for name, picture in zip(names, pictures(2), strict=True):
            for part in ("JPEGImages", "Annotations"):
                (folder / "train" / part / video).mkdir(parents=True, exist_ok=True)
            Image.fromarray(picture).save(folder / f"train/JPEGImages/{video}/{name}.jpg")
            mask = Image.fromarray(truth().astype(np.uint8))
            mask.putpalette([0, 0, 0, 255, 0, 0])
            mask.save(folder / f"train/Annotations/{video}/{name}.png")
        meta[video] = {"objects": {"1": {"category": "dog"}}}
        spoken[video] = {"expressions": {"0": {"exp": "a dog", "obj_id": "1"}}, "frames": names}
    (folder / "train/meta.json").write_text(json.dumps({"videos": meta}))
    (folder / "meta_expressions/train").mkdir(parents=True)
    (folder / "meta_expressions/train/meta_expressions.json").write_text(
        json.dumps({"videos": spoken})
    )
    (folder / "classes.json").write_text(json.dumps(["dog"]))
    return folder
