"""Parts of videos: which frames are read, what they are called, and how large they are."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from configs.errors import DataError
from stages.data.excerpt import Excerpt, Moment, parse_moment
from stages.data.overlay import write_png
from stages.data.video import read_video
from stages.data.video_file import Frame
from stages.data.video_writer import write_video

FPS, COUNT = 25, 40


def numbered(count: int = COUNT) -> Iterator[Frame]:
    """Frames whose number is their grey."""
    for i in range(count):
        yield np.full((48, 64, 3), 10 + 5 * i, dtype=np.uint8)


def number(frame: Frame) -> int:
    return round((float(frame.mean()) - 10) / 5)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clip") / "v.mp4"
    write_video(path, numbered(), FPS)
    return path


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("12.5", Moment(seconds=12.5)),
        (" 90 ", Moment(seconds=90)),
        (".5", Moment(seconds=0.5)),
        ("1:30", Moment(seconds=90)),
        ("90:00", Moment(seconds=5400)),
        ("1:02:03.25", Moment(seconds=3723.25)),
        ("250f", Moment(frame=250)),
        ("0F", Moment(frame=0)),
    ],
)
def test_times_are_read_as_people_write_them(text: str, moment: Moment) -> None:
    assert parse_moment(text) == moment


@pytest.mark.parametrize("text", ["", "-1", "1:", "a", "1e3", "nan", "1:2:3:4", "٣", "12 f", "f"])
def test_what_is_no_time_is_named(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no time; write seconds \(12\.5\)"):
        parse_moment(text)


def expected(excerpt: Excerpt, count: int, fps: float) -> list[int]:
    """By the definition: of [start, end), every stride-th."""

    def at(moment: Moment | None, otherwise: float) -> float:
        if moment is None:
            return otherwise
        return moment.frame if moment.frame is not None else (moment.seconds or 0) * fps - 0.01

    first, last = at(excerpt.start, 0), at(excerpt.end, count)
    return [i for i in range(count) if first <= i < last][:: excerpt.stride]


moments = st.one_of(
    st.none(),
    st.builds(Moment, seconds=st.integers(0, 44).map(lambda i: i / FPS)),
    st.builds(Moment, frame=st.integers(0, 44)),
)


@settings(max_examples=25)
@given(start=moments, end=moments, stride=st.integers(1, 9))
def test_a_file_gives_the_frames_of_the_definition(
    clip: Path, start: Moment | None, end: Moment | None, stride: int
) -> None:
    try:
        excerpt = Excerpt(start, end, stride)
    except ValueError as error:
        assert "let the end come after the start" in str(error)
        return
    wanted = expected(excerpt, COUNT, FPS)
    if not wanted:
        with pytest.raises(DataError, match=r"v\.mp4: no frame lies "):
            read_video(clip, excerpt)
        return
    source = read_video(clip, excerpt)
    assert source.expected == len(wanted)
    read = [number(frame) for frame in source]
    assert read == wanted
    assert [source.name(i) for i in range(len(read))] == [f"{n:05d}" for n in wanted]
    assert source.fps == FPS / stride and source.shortfall is None


def test_times_are_those_of_the_frames_where_the_rate_varies(tmp_path: Path) -> None:
    """Shown at 0, 0.1, 0.2, 1.0, 2.0 seconds."""
    path = tmp_path / "v.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.height, stream.width, stream.pix_fmt = 48, 64, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        for frame, when in zip(numbered(5), (0, 100, 200, 1000, 2000), strict=True):
            image = av.VideoFrame.from_ndarray(frame, format="rgb24")
            image.pts, image.time_base = when, Fraction(1, 1000)
            container.mux(stream.encode(image))
        container.mux(stream.encode(None))
    part = Excerpt(Moment(seconds=0.2), Moment(seconds=2.0))
    assert [number(frame) for frame in read_video(path, part)] == [2, 3]


def test_a_folder_keeps_names_and_counts_ten_frames_a_second(tmp_path: Path) -> None:
    for i, frame in enumerate(numbered(12)):
        write_png(tmp_path / f"n{i}.png", frame)
    source = read_video(tmp_path, Excerpt(Moment(seconds=0.3), Moment(frame=10), 3))
    assert [number(frame) for frame in source] == [3, 6, 9]
    assert [source.name(i) for i in range(3)] == ["n3", "n6", "n9"]
    with pytest.raises(DataError, match="no frame lies from 5; the video is shorter"):
        read_video(tmp_path, Excerpt(Moment(seconds=5)))


def test_what_lies_behind_the_end_is_not_missed(tmp_path: Path, clip: Path) -> None:
    """A file cut short, of which the part that is there is asked for."""
    path = tmp_path / "v.mkv"
    noise = np.random.default_rng(0).integers(0, 256, (30, 48, 64, 3), dtype=np.uint8)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"g": "1"})
        stream.height, stream.width, stream.pix_fmt = 48, 64, "yuv420p"
        for frame in noise:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode(None))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    source = read_video(path, Excerpt(end=Moment(frame=5)))
    assert len(list(source)) == 5 and source.shortfall is None
    source = read_video(path)
    assert len(list(source)) < 30 and source.shortfall is not None


@given(height=st.integers(24, 4000), width=st.integers(24, 4000), most=st.integers(1, 3000))
def test_frames_shrink_in_proportion_and_never_grow(height: int, width: int, most: int) -> None:
    shrunk = Excerpt(max_side=most).size(height, width)
    if max(height, width) <= most:
        assert shrunk == (height, width)
        return
    assert max(shrunk) == most
    assert abs(shrunk[0] * width - shrunk[1] * height) <= max(height, width)


def test_shrunk_frames_are_averages_of_theirs(tmp_path: Path) -> None:
    """Of 2 x 2 pixels each, where the size halves."""
    pixels = np.random.default_rng(2).integers(0, 256, (60, 100, 3), dtype=np.uint8)
    write_png(tmp_path / "a.png", pixels)
    source = read_video(tmp_path, Excerpt(max_side=50))
    assert (source.height, source.width) == (30, 50)
    means = pixels.reshape(30, 2, 50, 2, 3).mean((1, 3))
    assert np.abs(next(iter(source)) - means).max() <= 0.75
