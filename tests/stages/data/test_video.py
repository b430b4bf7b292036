"""Videos in and out: order, colour, rate, and every kind of bad file."""

from collections.abc import Callable, Iterator
from pathlib import Path

import av
import numpy as np
import pytest
from av.stream import Disposition
from numpy.typing import NDArray
from PIL import Image

from configs.errors import DataError, FsrvosError, MissingError
from stages.data.excerpt import Excerpt
from stages.data.video import FOLDER_FPS, read_video
from stages.data.video_file import shown_as
from stages.data.video_writer import VideoWriter, write_video
from tests.full_disk import refusal

Frame = NDArray[np.uint8]


def bars(count: int, height: int = 48, width: int = 64) -> Iterator[Frame]:
    """Frames whose number can be read off: a bright column that moves 2 pixels a frame."""
    for i in range(count):
        frame = np.full((height, width, 3), (30, 60, 90), dtype=np.uint8)
        frame[:, 2 * i : 2 * i + 4] = (250, 40, 120)
        yield frame


def column(frame: Frame) -> int:
    """The bright column's left edge."""
    return int(np.argmax(frame[..., 0].mean(axis=0) > 140))


def test_round_trip_keeps_order_size_rate_and_colour(tmp_path: Path) -> None:
    path = tmp_path / "new" / "v.mp4"
    assert write_video(path, bars(20), 12.5) == 20
    source = read_video(path)
    frames = list(source)
    assert (source.height, source.width, source.fps, source.expected) == (48, 64, 12.5, 20)
    assert [column(f) for f in frames] == [2 * i for i in range(20)]
    assert np.abs(frames[0][10, 40].astype(int) - (30, 60, 90)).max() <= 6
    assert source.name(7) == "00007"
    assert [p.name for p in path.parent.iterdir()] == ["v.mp4"]


def test_file_is_what_browsers_play(tmp_path: Path) -> None:
    path = tmp_path / "v.mp4"
    write_video(path, bars(5), 25)
    content = path.read_bytes()
    assert 0 < content.find(b"moov") < content.find(b"mdat")  # index first
    with av.open(str(path)) as container:
        codec = container.streams.video[0].codec_context
        assert (codec.name, codec.pix_fmt) == ("h264", "yuv420p")
        assert (int(codec.colorspace), int(codec.color_range)) == (1, 1)


def test_odd_sides_are_padded(tmp_path: Path) -> None:
    write_video(tmp_path / "v.mp4", bars(3, 33, 47), 25)
    frames = list(read_video(tmp_path / "v.mp4"))
    assert frames[0].shape == (34, 48, 3)
    assert column(frames[2]) == 4


def test_folder_of_images(tmp_path: Path, photograph: Callable[..., None]) -> None:
    for i, name in enumerate(["b", "a", "c"]):
        photograph(tmp_path / f"{name}.png", i)
    (tmp_path / "notes.txt").write_text("no image")
    source = read_video(tmp_path)
    assert (source.fps, source.expected) == (FOLDER_FPS, 3)
    assert [source.name(i) for i in range(3)] == ["a", "b", "c"]
    expected = np.random.default_rng(1).integers(0, 256, (24, 40, 3), dtype=np.uint8)
    np.testing.assert_array_equal(next(iter(source)), expected)
    assert len(list(read_video(tmp_path))) == 3


def test_folders_that_are_no_video(tmp_path: Path, photograph: Callable[..., None]) -> None:
    with pytest.raises(DataError, match="holds no images"):
        read_video(tmp_path)
    photograph(tmp_path / "a.png", 0)
    photograph(tmp_path / "b.png", 0, 10, 10)
    with pytest.raises(DataError, match=r"b\.png: 10 x 10 pixels, but the frames before"):
        list(read_video(tmp_path))
    photograph(tmp_path / "a.jpg", 0)
    with pytest.raises(DataError, match="two images share a name"):
        read_video(tmp_path)


def test_missing_video(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match="no such video"):
        read_video(tmp_path / "none.mp4")
    with pytest.raises(MissingError, match="no such video"):
        read_video("http://127.0.0.1/v.mp4")  # a path, never an address


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "the file is empty"),
        (b"just some text\n" * 50, "not a readable video"),
        (b"#EXTM3U\n#EXTINF:1,\nv.mp4\n#EXT-X-ENDLIST\n", "not a readable video"),
        (b"ffconcat version 1.0\nfile v.mp4\n", "not a readable video"),
        (np.random.default_rng(0).bytes(4000), "not a readable video"),
    ],
)
def test_files_that_are_no_video(tmp_path: Path, content: bytes, says: str) -> None:
    write_video(tmp_path / "v.mp4", bars(3), 25)
    path = tmp_path / "text.mp4"
    path.write_bytes(content)
    with pytest.raises(DataError, match=says) as caught:
        read_video(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "avi"])
def test_zero_frame_video(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"zero.{suffix}"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width = stream.height = 64
        container.start_encoding()
    with pytest.raises(DataError, match=f"zero.{suffix}: the .* no frames; give"):
        read_video(path)


def test_sound_without_pictures(tmp_path: Path) -> None:
    path = tmp_path / "sound.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=44100)
        sound = av.AudioFrame.from_ndarray(
            np.zeros((1, 1024), dtype=np.float32), format="fltp", layout="mono"
        )
        sound.sample_rate = 44100
        container.mux(stream.encode(sound))
        container.mux(stream.encode(None))
    with pytest.raises(DataError, match="has no video stream"):
        read_video(path)


def test_damage_is_not_taken_for_the_end(tmp_path: Path) -> None:
    path = tmp_path / "v.mp4"
    noise = np.random.default_rng(0).integers(0, 256, (40, 64, 64, 3), dtype=np.uint8)
    write_video(path, iter(noise), 25)
    content = path.read_bytes()
    middle = len(content) // 2
    path.write_bytes(content[:middle] + b"\xff" * 20_000 + content[middle + 20_000 :])
    with pytest.raises(DataError, match="damaged after frame"):
        list(read_video(path))
    path.write_bytes(content[:200])
    with pytest.raises(DataError, match="no video stream"):
        read_video(path)


CONTAINERS = [
    ("avi", "mpeg4", "yuv420p"),
    ("avi", "mjpeg", "yuvj420p"),
    ("mkv", "libx264", "yuv420p"),
    ("webm", "libvpx", "yuv420p"),
    ("ts", "libx264", "yuv420p"),
    ("mp4", "libx264", "yuv420p"),
    ("mov", "mpeg4", "yuv420p"),
    ("flv", "flv1", "yuv420p"),
    ("gif", "gif", "rgb8"),
]


def encode(path: Path, codec: str, pixels: str, frames: Iterator[Frame]) -> None:
    options = {"movflags": "faststart"} if path.suffix in (".mp4", ".mov") else {}
    with av.open(str(path), "w", options=options) as container:
        stream = container.add_stream(codec, rate=25)
        stream.height, stream.width, stream.pix_fmt = 64, 80, pixels
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode(None))


def textured(count: int) -> Iterator[Frame]:
    noise = np.random.default_rng(0).integers(0, 256, (64, 80, 3), dtype=np.uint8)
    for i in range(count):
        yield np.roll(noise, 3 * i, axis=1)


@pytest.mark.parametrize(("suffix", "codec", "pixels"), CONTAINERS)
def test_a_file_cut_short_says_so_and_gives_what_is_there(
    tmp_path: Path, suffix: str, codec: str, pixels: str
) -> None:
    path = tmp_path / f"v.{suffix}"
    encode(path, codec, pixels, textured(30))
    source = read_video(path)
    whole = list(source)
    assert len(whole) == 30 and source.shortfall is None
    content = path.read_bytes()
    # Not between two packets of 188 bytes, where a transport stream would be whole.
    path.write_bytes(content[: len(content) * 2 // 3 // 188 * 188 + 50])
    source = read_video(path)
    kept = list(source)
    assert 2 <= len(kept) < 30
    for was, now in zip(whole, kept[:-1], strict=False):  # the last may be half a picture
        np.testing.assert_array_equal(was, now)
    said = source.shortfall
    assert said is not None and "cut short" in said and str(path) in said and "\n" not in said
    assert f"{len(kept)} could be read" in said or f"{len(kept)} frames could be read" in said
    if suffix not in ("ts", "gif"):  # these two say nowhere how long they are
        assert "claims 30 frames" in said


def test_sound_that_ends_late_is_no_missing_picture(tmp_path: Path) -> None:
    path = tmp_path / "v.mkv"
    with av.open(str(path), "w") as container:
        film = container.add_stream("libx264", rate=25)
        film.height, film.width, film.pix_fmt = 48, 64, "yuv420p"
        sound = container.add_stream("aac", rate=44100)
        for frame in bars(10):
            container.mux(film.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(film.encode(None))
        for i in range(130):  # three seconds
            quiet = np.zeros((1, 1024), dtype=np.float32)
            part = av.AudioFrame.from_ndarray(quiet, format="fltp", layout="mono")
            part.sample_rate, part.pts = 44100, 1024 * i
            container.mux(sound.encode(part))
        container.mux(sound.encode(None))
    source = read_video(path)
    assert len(list(source)) == 10 and source.shortfall is None


UPRIGHT = (1, 0, 0, 1)
MATRICES = [
    (UPRIGHT, lambda f: f),
    ((-1, 0, 0, 1), lambda f: f[:, ::-1]),  # mirrored, as front cameras write it
    ((1, 0, 0, -1), lambda f: f[::-1]),
    ((-1, 0, 0, -1), lambda f: f[::-1, ::-1]),
    ((0, 1, -1, 0), lambda f: np.rot90(f, -1)),  # 90 degrees clockwise, as phones write it
    ((0, -1, 1, 0), lambda f: np.rot90(f, 1)),
    ((0, 1, 1, 0), lambda f: f.swapaxes(0, 1)),
    ((0, -1, -1, 0), lambda f: np.rot90(f[:, ::-1], -1)),
]


@pytest.mark.parametrize(("matrix", "shown"), MATRICES)
def test_every_display_matrix_comes_out_as_players_show_it(
    tmp_path: Path, matrix: tuple[int, int, int, int], shown: Callable[[Frame], Frame]
) -> None:
    write_video(tmp_path / "v.mp4", bars(4), 25)
    content = bytearray((tmp_path / "v.mp4").read_bytes())
    spot = content.find(b"tkhd") + 4 + 40  # the track's 3 x 3 display matrix, 16.16 fixed point
    assert content[spot : spot + 4] == b"\x00\x01\x00\x00"
    a, b, c, d = matrix
    for i, value in enumerate([a, b, 0, c, d, 0, 0, 0]):
        content[spot + 4 * i : spot + 4 * i + 4] = (value * 65536).to_bytes(4, "big", signed=True)
    (tmp_path / "turned.mp4").write_bytes(content)
    source = read_video(tmp_path / "turned.mp4")
    stored = list(read_video(tmp_path / "v.mp4"))
    assert (source.height, source.width) == shown(stored[0]).shape[:2]
    for was, frame in zip(stored, source, strict=True):
        np.testing.assert_array_equal(frame, shown(was))


@pytest.mark.parametrize(("matrix", "shown"), MATRICES)
def test_a_display_matrix_moves_each_corner_where_its_formula_says(
    matrix: tuple[int, int, int, int], shown: Callable[[Frame], Frame]
) -> None:
    """Independent of `shown`: x' = a x + c y, y' = b x + d y with the picture's middle at zero."""
    a, b, c, d = matrix
    frame = np.random.default_rng(3).integers(0, 256, (4, 6, 3), dtype=np.uint8)
    turned = shown_as(frame, matrix)
    np.testing.assert_array_equal(turned, shown(frame))
    height, width = turned.shape[:2]
    for y in range(4):
        for x in range(6):
            right, down = 2 * x - 5, 2 * y - 3
            column, row = a * right + c * down, b * right + d * down
            spot = turned[(row + height - 1) // 2, (column + width - 1) // 2]
            np.testing.assert_array_equal(spot, frame[y, x])


def test_cover_pictures_are_not_the_video(tmp_path: Path) -> None:
    cover = tmp_path / "cover.png"
    Image.new("RGB", (300, 300), (9, 200, 9)).save(cover)
    with av.open(str(tmp_path / "v.mkv"), "w") as container:
        container.add_attachment("cover.png", "image/png", cover.read_bytes())
        film = container.add_stream("libx264", rate=25)
        film.height, film.width, film.pix_fmt = 48, 64, "yuv420p"
        for frame in bars(6):
            container.mux(film.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(film.encode(None))
    with av.open(str(tmp_path / "v.mkv")) as container:
        assert len(container.streams.video) == 2  # as the decoder sees it
    source = read_video(tmp_path / "v.mkv")
    assert [column(f) for f in source] == [2 * i for i in range(6)]
    assert source.fps == 25


def test_sound_with_a_cover_picture_has_no_video(tmp_path: Path) -> None:
    cover = tmp_path / "cover.png"
    Image.new("RGB", (300, 300)).save(cover)
    path = tmp_path / "song.m4a"
    with av.open(str(cover)) as picture, av.open(str(path), "w", format="mp4") as container:
        packets = [p for p in picture.demux(video=0) if p.size]
        art = container.add_stream_from_template(picture.streams.video[0])
        art.disposition = Disposition.attached_pic
        sound = container.add_stream("aac", rate=44100)
        for packet in packets:
            packet.stream = art
            container.mux(packet)
        for i in range(20):
            quiet = np.zeros((1, 1024), dtype=np.float32)
            part = av.AudioFrame.from_ndarray(quiet, format="fltp", layout="mono")
            part.sample_rate, part.pts = 44100, 1024 * i
            container.mux(sound.encode(part))
        container.mux(sound.encode(None))
    with pytest.raises(DataError, match="song.m4a: the file has only a cover picture, so no fra"):
        read_video(path)


@pytest.mark.parametrize("marked", [None, 0])
def test_of_several_tracks_the_default_or_the_largest_is_shown(
    tmp_path: Path, marked: int | None
) -> None:
    with av.open(str(tmp_path / "v.mkv"), "w") as container:
        for number, side in enumerate((48, 96)):
            stream = container.add_stream("libx264", rate=25)
            stream.height, stream.width, stream.pix_fmt = side, side, "yuv420p"
            stream.disposition = Disposition.default if number == marked else Disposition(0)
        for side, stream in zip((48, 96), container.streams.video, strict=True):
            for frame in bars(3, side, side):
                container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
            container.mux(stream.encode(None))
    assert read_video(tmp_path / "v.mkv").height == (96 if marked is None else 48)


@pytest.mark.parametrize(("height", "width"), [(64, 20), (16, 64), (2, 2)])
def test_tiny_frames(tmp_path: Path, height: int, width: int) -> None:
    write_video(tmp_path / "v.mp4", iter([np.zeros((height, width, 3), np.uint8)]), 25)
    with pytest.raises(DataError, match=f"frames of {width} x {height} pixels are too small"):
        read_video(tmp_path / "v.mp4")


def test_frames_come_in_the_order_of_their_numbers(
    tmp_path: Path, photograph: Callable[..., None]
) -> None:
    for i in range(12):
        photograph(tmp_path / f"frame_{i}.{'JPG' if i % 2 else 'png'}", i)
    (tmp_path / "._frame_0.png").write_bytes(b"\x00\x05\x16\x07")  # macOS's resource fork
    source = read_video(tmp_path)
    assert [source.name(i) for i in range(12)] == [f"frame_{i}" for i in range(12)]
    for i, frame in enumerate(source):
        if i % 2 == 0:
            want = np.random.default_rng(i).integers(0, 256, (24, 40, 3), dtype=np.uint8)
            np.testing.assert_array_equal(frame, want)


def test_failure_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "v.mp4"

    def broken() -> Iterator[Frame]:
        yield from bars(3)
        raise RuntimeError("stopped")

    with pytest.raises(RuntimeError, match="stopped"):
        write_video(path, broken(), 25)
    with pytest.raises(DataError, match="no frames to write"):
        write_video(path, iter([]), 25)
    with pytest.raises(ValueError, match="the first had"):
        write_video(path, iter([*bars(1), *bars(1, 20, 20)]), 25)
    assert list(tmp_path.iterdir()) == []


def test_failure_keeps_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "v.mp4"
    write_video(path, bars(3), 25)
    before = path.read_bytes()
    with pytest.raises(KeyboardInterrupt), VideoWriter(path, 25) as writer:
        writer.write(next(bars(1)))
        raise KeyboardInterrupt
    assert path.read_bytes() == before and len(list(tmp_path.iterdir())) == 1


def test_unwritable_places(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(FsrvosError, match=r"v\.mp4: cannot be written \("):
        write_video(tmp_path / "file" / "v.mp4", bars(2), 25)


@pytest.mark.parametrize("limit", [0, 40, 2_000])
def test_a_full_disk_is_one_line_and_leaves_nothing(tmp_path: Path, limit: int) -> None:
    """At the head of the file, among its frames, at its end."""
    path = tmp_path / "v.mp4"
    said = refusal(lambda: write_video(path, bars(12), 25), limit)
    assert said.startswith(f"{path}: cannot be written (No space left on device)")
    assert list(tmp_path.iterdir()) == []


def test_frames_larger_than_8k_are_refused_unless_they_are_shrunk(tmp_path: Path) -> None:
    for name in ("0", "1"):
        Image.new("L", (9000, 4000)).save(tmp_path / f"{name}.png")
    with pytest.raises(DataError, match="9000 x 4000 pixels are larger than 8K; shrink them"):
        read_video(tmp_path)
    shrunk = read_video(tmp_path, Excerpt(max_side=900))
    assert [frame.shape for frame in shrunk] == [(400, 900, 3)] * 2
