"""What is written for other programs, read back: by this program's readers and by theirs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from pycocotools import mask as coco_masks
from pycocotools.coco import COCO

from stages.data.excerpt import Excerpt, Moment
from stages.data.outlines import Polygons
from stages.data.support import load_support
from stages.data.video import read_video
from stages.data.video_writer import write_video
from stages.predicting.answers import FrameAnswer, ObjectAnswer
from stages.predicting.options import FORMATS
from stages.predicting.results import OverlayVideo, Subject, export, whole_results

Mask = NDArray[np.bool_]
HEIGHT, WIDTH, FRAMES = 48, 70, 6
SENTENCE = 'a dog <&> a "cat"'


def masks(number: int) -> list[Mask]:
    """Of frame `number`: a ring with a piece beside it, and a disc that is absent at first."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    far = np.hypot(x - 20 - number, y - 24)
    ring = (far < 14) & (far > 5)
    ring[2:6, 2:9] = True
    disc = np.hypot(x - 55, y - 20 - number) < 9
    return [ring, disc & (number > 0)]


def pictures() -> Iterator[NDArray[np.uint8]]:
    rng = np.random.default_rng(4)
    noise = rng.integers(60, 200, (HEIGHT // 4, WIDTH // 4 + 1, 3), dtype=np.uint8)
    for number in range(FRAMES):
        yield np.roll(noise, number, 1).repeat(4, 0).repeat(4, 1)[:, :WIDTH]


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    write_video(tmp_path / "clip.mp4", pictures(), 25)
    return tmp_path / "clip.mp4"


def written(clip: Path, name: str, excerpt: Excerpt | None = None) -> tuple[Path, list[str]]:
    """The result called `name` of a clip, and the names of its frames."""
    source = read_video(clip, excerpt or Excerpt())
    folder = clip.parent / "out"
    folder.mkdir()
    result = export(name, folder, Subject(source, SENTENCE, 'a "dog"'))
    names = []
    with whole_results([result]):
        for index, frame in enumerate(source):
            logits = np.zeros((HEIGHT, WIDTH), np.float32)
            objects = tuple(
                ObjectAnswer(n, mask, logits, 0.5) for n, mask in enumerate(masks(index), 1)
            )
            names.append(source.name(index))
            at = source.times.seconds(index)
            result.add(FrameAnswer(index, names[-1], frame, objects, at))
    return folder / FORMATS[name], names


def edge(mask: Mask) -> Mask:
    """Pixels that touch one of the other kind."""
    padded = np.pad(mask, 1, mode="edge")
    steps = [(y, x) for y in (0, 1, 2) for x in (0, 1, 2)]
    near = [padded[y : y + mask.shape[0], x : x + mask.shape[1]] for y, x in steps]
    differs: Mask = np.logical_or.reduce([part != mask for part in near])
    return differs


def assert_close(found: Mask, true: Mask) -> None:
    """Within a pixel."""
    assert not (found != true)[~edge(true)].any()


@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("name", ["coco", "labelme"])
def test_our_support_reader_takes_them_back(clip: Path, name: str, number: int) -> None:
    folder, names = written(clip, name)
    (folder / "support.toml").write_text(f'expression = "a dog"\nobject_id = {number}\n')
    support = load_support(folder)
    shown = range(FRAMES) if number == 1 else range(1, FRAMES)
    assert list(support.names) == [names[index] for index in shown]
    assert support.category == 'a "dog"'
    frames = list(read_video(clip))
    for row, index in enumerate(shown):
        true = masks(index)[number - 1]
        if name == "coco":
            np.testing.assert_array_equal(support.masks[row], true)
        assert_close(support.masks[row], true)
        assert np.abs(support.frames[row].astype(int) - frames[index]).mean() < 3


@pytest.mark.filterwarnings("ignore:__array__:DeprecationWarning")  # pycocotools' own
def test_cocos_own_library_takes_its_file(clip: Path, capsys: pytest.CaptureFixture[str]) -> None:
    part = Excerpt(start=Moment(frame=2), stride=2)
    folder, names = written(clip, "coco", part)
    read = COCO(str(folder / "annotations.json"))
    assert [image["file_name"] for image in read.imgs.values()] == ["00002.jpg", "00004.jpg"]
    assert [image["seconds"] for image in read.imgs.values()] == [0.08, 0.16]
    assert read.cats[1]["name"] == 'a "dog"' and names == ["00002", "00004"]
    for annotation in read.loadAnns(read.getAnnIds()):
        true = masks(annotation["image_id"] - 1)[annotation["track_id"] - 1]
        np.testing.assert_array_equal(read.annToMask(annotation), true)
        assert annotation["area"] == true.sum()
        assert annotation["bbox"] == coco_masks.toBbox(read.annToRLE(annotation)).tolist()
        with Image.open(folder / f"images/{names[annotation['image_id'] - 1]}.jpg") as picture:
            assert picture.size == (WIDTH, HEIGHT)


@pytest.mark.filterwarnings("ignore:__array__:DeprecationWarning")
def test_yolos_lines_draw_the_masks(clip: Path) -> None:
    folder, names = written(clip, "yolo")
    named = (folder / "data.yaml").read_text().splitlines()
    assert named[:2] == ["train: images", "val: images"]
    assert json.loads(named[-1].removeprefix("  0: ")) == 'a "dog"'
    for index, name in enumerate(names):
        assert (folder / "images" / f"{name}.jpg").is_file()
        lines = (folder / "labels" / f"{name}.txt").read_text().splitlines()
        shown = [mask for mask in masks(index) if mask.any()]
        assert len(lines) == len(shown)
        for line, true in zip(lines, shown, strict=True):
            kind, *shares = line.split()
            points = np.array(shares, float).reshape(-1, 2)
            assert kind == "0" and points.min() >= 0 and points.max() <= 1
            points *= (WIDTH, HEIGHT)
            assert_close(Polygons((points.astype(np.float32),)).mask(HEIGHT, WIDTH), true)
            theirs = coco_masks.frPyObjects([points.ravel().tolist()], HEIGHT, WIDTH)
            assert_close(coco_masks.decode(theirs)[..., 0].astype(bool), true)


@pytest.mark.parametrize("numbered", [True, False])
def test_cvats_runs_are_the_masks(clip: Path, numbered: bool) -> None:
    """As its documentation says: along the rows of a box, zeros first."""
    if not numbered:
        folder = clip.parent / "frames"
        folder.mkdir()
        for number, frame in enumerate(read_video(clip)):
            Image.fromarray(frame).save(folder / f"v.{number}.png")
        clip = folder
    path, _ = written(clip, "cvat", Excerpt(start=Moment(frame=3)))
    images = ElementTree.parse(path).getroot().findall("image")
    names = [("3", "frame_000003.jpg"), ("4", "frame_000004.jpg"), ("5", "frame_000005.jpg")]
    if not numbered:
        names = [("0", "v.3.jpg"), ("1", "v.4.jpg"), ("2", "v.5.jpg")]
    assert [(image.get("id"), image.get("name")) for image in images] == names
    for index, image in enumerate(images):
        assert (image.get("width"), image.get("height")) == (str(WIDTH), str(HEIGHT))
        for mask in image.findall("mask"):
            assert mask.get("label") == 'a "dog"'
            left, top, width, height = (
                int(mask.attrib[key]) for key in ("left", "top", "width", "height")
            )
            pixels: list[int] = []
            for place, run in enumerate(mask.attrib["rle"].split(",")):
                pixels += [place % 2] * int(run)
            drawn = np.zeros((HEIGHT, WIDTH), bool)
            inside = np.array(pixels).reshape(height, width)
            drawn[top : top + height, left : left + width] = inside
            true = masks(index)[int(mask.attrib["group_id"]) - 1]
            np.testing.assert_array_equal(drawn, true)
            assert all(row.any() for row in (inside[0], inside[-1], inside[:, 0], inside[:, -1]))


@pytest.mark.parametrize(("name", "coder"), [("webm", "libvpx-vp9"), ("prores", "prores")])
def test_cut_outs_are_opaque_where_the_masks_are(clip: Path, name: str, coder: str) -> None:
    path, _ = written(clip, name)
    with av.open(str(path)) as container:
        film = container.streams.video[0]
        decoder = av.CodecContext.create(av.Codec(coder, "r"))
        decoder.codec_tag = film.codec_context.codec_tag
        packets = [*container.demux(film)]
        frames = [f for p in packets for f in decoder.decode(p if p.size else None)]
    drawn = [frame.reformat(format="rgba", threads=1).to_ndarray() for frame in frames]
    assert len(drawn) == FRAMES
    for index, frame in enumerate(read_video(clip)):
        true = np.logical_or.reduce(masks(index))
        inner = true & ~edge(true)
        found = drawn[index]
        np.testing.assert_array_equal((found[..., 3] > 127)[~edge(true)], true[~edge(true)])
        assert np.abs(found[inner][:, :3].astype(int) - frame[inner]).mean() < 12
        if name == "prores":
            np.testing.assert_array_equal(found[..., 3], np.where(true, 255, 0))


def test_side_by_side_shows_the_frame_on_the_left(clip: Path) -> None:
    source = read_video(clip)
    overlay = OverlayVideo(clip.parent / "both.mp4", "a dog", source, side_by_side=True)
    with whole_results([overlay]):
        for index, frame in enumerate(source):
            mask = masks(index)[0]
            found = ObjectAnswer(1, mask, np.zeros(mask.shape, np.float32), 0.5)
            at = source.times.seconds(index)
            overlay.add(FrameAnswer(index, f"{index}", frame, (found,), at))
    frames = list(read_video(clip))
    for index, both in enumerate(read_video(clip.parent / "both.mp4")):
        left, right = both[:HEIGHT, :WIDTH].astype(int), both[:HEIGHT, WIDTH + 4 : 2 * WIDTH + 4]
        assert np.abs(left - frames[index]).mean() < 8
        inner = masks(index)[0] & ~edge(masks(index)[0])
        redder = right[inner].astype(int) - left[inner]
        assert redder[:, 0].mean() > 25 > redder[:, 1].mean()
        outside = ~masks(index)[0] & ~edge(masks(index)[0])
        assert np.abs(right[outside].astype(int) - left[outside]).mean() < 12
