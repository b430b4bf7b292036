"""Reading videos frame by frame, and writing H.264 that browsers play.

PyAV decodes: unlike OpenCV it says why a file is bad, and OpenCV's wheels cannot encode H.264.
Frames come in order, one at a time; nothing seeks and no frame count is trusted.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from configs.errors import DataError, MissingError
from stages.data.images import IMAGE_SUFFIXES, read_rgb

FOLDER_FPS = 10.0
"""Frame rate given to a folder of images, which has none of its own."""

# Real media containers only. Playlists (HLS, DASH, concat) would make the decoder open whatever
# other files or addresses an untrusted text file names.
_FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,mpegvideo,m4v,flv,asf,ogg,gif,h264,"
    "hevc,ivf,mjpeg,mxf,nut,av1,obu"
)
_OPTIONS = {"protocol_whitelist": "file", "format_whitelist": _FORMATS}

Frame = NDArray[np.uint8]


class VideoSource:
    """A video opened for one pass. Iterating gives RGB frames [H, W, 3].

    `fps` is in frames a second, `expected` the number of frames the file claims (0 = unknown; for
    progress bars only). `name(i)` is the file stem under which results of frame i are saved.
    """

    def __init__(
        self, path: Path, fps: float, expected: int, frames: Iterator[Frame], names: list[str]
    ) -> None:
        self.path = path
        self.fps = fps
        self.expected = expected
        self._names = names
        self._frames = frames
        try:
            self._first: Frame | None = next(frames)
        except StopIteration:
            raise _no_frames(path) from None
        self.height, self.width = self._first.shape[:2]

    def __iter__(self) -> Iterator[Frame]:
        if self._first is not None:
            first, self._first = self._first, None
            yield first
        yield from self._frames

    def name(self, index: int) -> str:
        """The image's own name in a folder, else the frame number with five digits."""
        return self._names[index] if self._names else f"{index:05d}"


def read_video(path: Path | str) -> VideoSource:
    """Open a video file or a folder of images (sorted by name) and decode its first frame.

    Raises MissingError when nothing is there, DataError when it is no video, holds no frame or is
    damaged; damage further in raises DataError from the iteration.
    """
    path = Path(path)
    if path.is_dir():
        return _read_folder(path)
    if not path.is_file():
        raise MissingError(f"{path}: no such video; check the path")
    fps, expected = _probe(path)
    return VideoSource(path, fps, expected, _decode(path), [])


def _read_folder(path: Path) -> VideoSource:
    files = sorted(f for f in path.iterdir() if f.suffix.lower() in IMAGE_SUFFIXES and f.is_file())
    if not files:
        raise DataError(f"{path}: the folder holds no images; give a video or a folder of frames")
    names = [f.stem for f in files]
    if len(set(names)) != len(names):
        raise DataError(f"{path}: two images share a name; results are saved by name, rename one")
    return VideoSource(path, FOLDER_FPS, len(files), _read_images(files), names)


def _read_images(files: list[Path]) -> Iterator[Frame]:
    size: tuple[int, ...] | None = None
    for file in files:
        frame = read_rgb(file)
        size = size or frame.shape
        if frame.shape != size:
            raise DataError(
                f"{file}: {frame.shape[1]} x {frame.shape[0]} pixels, but the frames before it "
                f"have {size[1]} x {size[0]}; give frames of one size"
            )
        yield frame


def _open(path: Path) -> Any:
    """The opened container; DataError naming the file when it is no video."""
    import av

    if path.stat().st_size == 0:
        raise DataError(f"{path}: the file is empty; give a video")
    try:
        container = av.open(str(path.absolute()), options=_OPTIONS)
    except PermissionError:
        raise DataError(f"{path}: no permission to read it; change the file's mode") from None
    except EOFError:  # a header and nothing behind it
        raise _no_frames(path) from None
    except (av.error.FFmpegError, OSError, ValueError):
        raise DataError(
            f"{path}: not a readable video (damaged, or another kind of file); "
            "give an mp4, webm, mov, mkv or avi file"
        ) from None
    if not container.streams.video:
        container.close()
        raise DataError(f"{path}: the file has no video stream, so no frames; give one that does")
    return container


def _no_frames(path: Path) -> DataError:
    return DataError(f"{path}: the video has no frames; give a file with at least one")


def _require_whole(path: Path, stream: Any) -> None:
    """DataError when the index points past the end of the file.

    The decoder takes the end of a cut file for the end of the video, so it is asked beforehand.
    """
    size = path.stat().st_size
    needed = max((e.pos + e.size for e in getattr(stream, "index_entries", ())), default=0)
    if needed > size:
        raise DataError(
            f"{path}: the file is cut short ({size} of at least {needed} bytes); copy it again"
        )


def _probe(path: Path) -> tuple[float, int]:
    """Frames a second and the claimed frame count (0 = unknown)."""
    with _open(path) as container:
        stream = container.streams.video[0]
        _require_whole(path, stream)
        fps = float(stream.average_rate or stream.guessed_rate or 25)
        return fps, int(stream.frames or 0)


def _decode(path: Path) -> Iterator[Frame]:
    """RGB frames of one size, upright."""
    import av

    count = 0
    with _open(path) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        width = height = 0
        try:
            for frame in container.decode(stream):
                width, height = width or frame.width, height or frame.height
                image = frame.to_ndarray(format="rgb24", width=width, height=height)
                turns = round(getattr(frame, "rotation", 0) / 90) % 4
                yield np.ascontiguousarray(np.rot90(image, turns)) if turns else image
                count += 1
        except av.error.FFmpegError:
            if count == 0:
                raise DataError(
                    f"{path}: no frame of the video can be decoded; re-encode it with ffmpeg"
                ) from None
            raise DataError(
                f"{path}: damaged after frame {count - 1}; re-encode or cut it with ffmpeg"
            ) from None


class VideoWriter:
    """Writes RGB frames [H, W, 3] as H.264, yuv420p, BT.709, index first (faststart).

    Use as a context manager: the file appears under its name only when the block ends well. Odd
    sides, which yuv420p does not have, are padded by repeating the last row or column.
    """

    def __init__(self, path: Path, fps: float, crf: int = 18) -> None:
        self.path = path
        self._fps = Fraction(min(max(fps, 1.0), 240.0)).limit_denominator(1001)
        self._crf = crf
        self._partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
        self._container: Any = None
        self._stream: Any = None
        self._size: tuple[int, int] | None = None
        self.count = 0

    def __enter__(self) -> VideoWriter:
        return self

    def write(self, frame: Frame) -> None:
        """Append one frame; all frames have the size of the first."""
        import av
        from av.video.reformatter import Colorspace

        if self._container is None:
            self._start(*frame.shape[:2])
        if frame.shape[:2] != self._size:
            raise ValueError(f"frame of {frame.shape[:2]}, the first had {self._size}")
        height, width = frame.shape[:2]
        if height % 2 or width % 2:
            frame = np.pad(frame, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
        image = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")
        image = image.reformat(format="yuv420p", dst_colorspace=Colorspace.ITU709)
        image.pts = self.count
        self._mux(image)
        self.count += 1

    def _start(self, height: int, width: int) -> None:
        import av

        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._container = av.open(
                str(self._partial), "w", format="mp4", options={"movflags": "faststart"}
            )
        except OSError as error:
            raise self._failed(error) from None
        self._size = (height, width)
        options = {"crf": str(self._crf), "preset": "veryfast"}
        stream = self._container.add_stream("libx264", rate=self._fps, options=options)
        stream.height, stream.width = height + height % 2, width + width % 2
        stream.pix_fmt = "yuv420p"
        codec = stream.codec_context
        codec.colorspace = codec.color_primaries = codec.color_trc = 1  # BT.709, all three
        codec.color_range = 1  # limited range, what players assume
        self._stream = stream

    def _mux(self, image: Any) -> None:
        try:
            for packet in self._stream.encode(image):
                self._container.mux(packet)
        except OSError as error:
            raise self._failed(error) from None

    def _failed(self, error: OSError) -> DataError:
        return DataError(
            f"{self.path}: cannot write the video ({error.strerror or error}); free space"
        )

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if self._container is not None and kind is None:
                self._mux(None)
                try:
                    self._container.close()
                    self._partial.replace(self.path)
                except OSError as fault:
                    raise self._failed(fault) from None
        finally:
            if self._container is not None:
                self._abandon()
            with contextlib.suppress(OSError):  # absent, or its folder could not be made
                self._partial.unlink()

    def _abandon(self) -> None:
        """Close what may be half open; a second failure would hide the first."""
        with contextlib.suppress(OSError, ValueError):
            self._container.close()


def write_video(path: Path | str, frames: Iterable[Frame], fps: float) -> int:
    """Write all frames to `path`; gives their number. DataError when there is none."""
    with VideoWriter(Path(path), fps) as writer:
        for frame in frames:
            writer.write(frame)
        if not writer.count:
            raise DataError(f"{path}: there are no frames to write")
    return writer.count
