"""Videos in and out: order, colour, rate, and every kind of bad file."""

import errno
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from configs.errors import DataError, MissingError
from stages.data.video import FOLDER_FPS, VideoWriter, read_video, write_video

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
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(DataError, match="the file is cut short"):
        read_video(path)
    middle = len(content) // 2
    path.write_bytes(content[:middle] + b"\xff" * 20_000 + content[middle + 20_000 :])
    with pytest.raises(DataError, match="damaged after frame"):
        list(read_video(path))
    path.write_bytes(content[:200])
    with pytest.raises(DataError, match="no video stream"):
        read_video(path)


def test_rotated_video_comes_out_upright(tmp_path: Path) -> None:
    write_video(tmp_path / "v.mp4", bars(4), 25)
    content = bytearray((tmp_path / "v.mp4").read_bytes())
    spot = content.find(b"tkhd") + 4 + 40  # the track's 3 x 3 display matrix, 16.16 fixed point
    one = (1).to_bytes(4, "big", signed=True)
    assert content[spot : spot + 4] == b"\x00\x01\x00\x00", one
    quarter = [0, 1, 0, -1, 0, 0, 0, 0, 0x4000]  # 90 degrees clockwise, as phones write it
    for i, value in enumerate(quarter[:8]):
        content[spot + 4 * i : spot + 4 * i + 4] = (value * 65536).to_bytes(4, "big", signed=True)
    (tmp_path / "turned.mp4").write_bytes(content)
    frame = next(iter(read_video(tmp_path / "turned.mp4")))
    assert frame.shape == (64, 48, 3)
    upright = next(iter(read_video(tmp_path / "v.mp4")))
    np.testing.assert_array_equal(frame, np.rot90(upright, -1))


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


def test_unwritable_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(DataError, match=r"v\.mp4: cannot write the video \("):
        write_video(tmp_path / "file" / "v.mp4", bars(2), 25)

    def full(self: VideoWriter, image: object) -> None:
        raise self._failed(OSError(errno.ENOSPC, "No space left on device"))

    monkeypatch.setattr(VideoWriter, "_mux", full)
    with pytest.raises(DataError, match="No space left on device"):
        write_video(tmp_path / "v.mp4", bars(2), 25)
    assert [p.name for p in tmp_path.iterdir()] == ["file"]
