"""Video files, decoded frame by frame and turned upright.

PyAV decodes: unlike OpenCV it says why a file is bad, gives the whole display matrix and leaves
the choice of the track to us.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from configs.errors import DataError
from stages.data.excerpt import WHOLE, Excerpt, Selection
from stages.data.frame_times import FrameTimes

# Real media containers only. Playlists (HLS, DASH, concat) would make the decoder open whatever
# other files or addresses an untrusted text file names.
_FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,mpegvideo,m4v,flv,asf,ogg,gif,h264,"
    "hevc,ivf,mjpeg,mxf,nut,av1,obu"
)
_OPTIONS = {"protocol_whitelist": "file", "format_whitelist": _FORMATS}

_TS_PACKET = 188  # bytes; MPEG transport streams consist of nothing else
_MICROSECONDS = 1_000_000
_GIF_END = b";"
_SLACK = 0.25  # seconds by which a container's duration may be beyond its last packet, at least

Frame = NDArray[np.uint8]


class VideoFile:
    """A video file that is a claim at first, and frames of one size when iterated.

    Of an `excerpt`, the frames before it are decoded and not converted, those behind it not read.
    Raises DataError when it cannot be opened or holds no moving pictures.
    """

    def __init__(self, path: Path, excerpt: Excerpt = WHOLE) -> None:
        self._path = path
        self._excerpt = excerpt
        self._selection = Selection(excerpt)
        self.shortfall: str | None = None
        with open_container(path) as container:
            stream = _track(path, container)
            self._rate = float(stream.average_rate or stream.guessed_rate or 25)
            self.fps = self._rate / excerpt.stride
            self._ends_early = _ends_early(path, container, stream)
            self.times = FrameTimes(Fraction(stream.time_base or Fraction(1, 90_000)))
            start = Fraction(container.start_time or 0, _MICROSECONDS)
            self._first_tick = round(start / self.times.tick)
            self._start = float(start)
            self._claimed = int(stream.frames or 0)
            self.expected = excerpt.count(self._claimed, self._rate)
            self._duration = float(container.duration or 0) / _MICROSECONDS
            if container.format.name == "avi":  # there the duration is guessed from the file's size
                self._duration = self._claimed / self._rate

    def name(self, index: int) -> str:
        """The number of the index-th frame taken, in the whole video, with five digits."""
        return f"{self._selection.number(index):05d}"

    def __iter__(self) -> Iterator[Frame]:
        """RGB frames, upright. DataError at damage that is not the end of the file."""
        count, known_short = 0, self._ends_early
        with open_container(self._path) as container:
            stream = _track(self._path, container)
            stream.thread_type = "AUTO"
            clock = _Clock(self._start)
            width = height = 0
            for frame in self._decoded(container, stream, clock):
                at = self._time(frame, count)
                seconds = float(at * self.times.tick)
                if self._selection.over(count, seconds):
                    self.times.stop(self._excerpt.cut(at * self.times.tick))
                    return
                count += 1
                if not self._selection.takes(count - 1, seconds):
                    continue
                self.times.take()
                width, height = width or frame.width, height or frame.height
                image = frame.to_ndarray(format="rgb24", width=width, height=height)
                yield self._excerpt.shrink(shown_as(image, _matrix(frame)))
        if self._ends_early and not count:
            raise self._cut_before_a_frame() if known_short else self._damaged(0)
        if count and self._is_short(clock.seconds):
            claimed = max(self._claimed, round(self._duration * self._rate))
            numbers = f"it claims {claimed} frames, {count} could be read"
            if claimed <= count:
                numbers = f"{count} frames could be read, the last of them in part"
            self.shortfall = f"{self._path}: the file is cut short ({numbers}); copy it again"

    def _time(self, frame: Any, number: int) -> int:
        """When a frame is shown, in ticks; as if frames were evenly spaced where unsaid."""
        step = 1 / (self._rate * float(self.times.tick))
        stamp = None if frame.pts is None else frame.pts - self._first_tick
        return self.times.next(stamp, round(number * step), frame.duration or round(step))

    def _decoded(self, container: Any, stream: Any, clock: _Clock) -> Iterator[Any]:
        """PyAV's frames. A packet that fails with none behind it is where the file was cut."""
        import av

        count, failed, partial = 0, False, False
        try:
            for packet in container.demux():
                clock.see(packet)
                if packet.stream.index != stream.index:
                    continue
                if failed and packet.size:
                    raise self._damaged(count)
                try:
                    for frame in packet.decode():
                        yield frame
                        count, partial = count + 1, frame.is_corrupt
                except av.error.FFmpegError:
                    failed = True
        except av.error.FFmpegError:
            raise self._damaged(count) from None
        self._ends_early |= failed or partial

    def _damaged(self, count: int) -> DataError:
        what = f"damaged after frame {count - 1}; re-encode or cut it with ffmpeg"
        if not count:
            what = "no frame of the video can be decoded; re-encode it with ffmpeg"
        return DataError(f"{self._path}: {what}")

    def _cut_before_a_frame(self) -> DataError:
        return DataError(
            f"{self._path}: the file is cut short and no frame of it can be read; copy it again"
        )

    def _is_short(self, seconds: float) -> bool:
        slack = max(_SLACK, 2.5 / self._rate, 0.01 * self._duration)
        return self._ends_early or seconds + slack < self._duration


class _Clock:
    """The end of the last packet seen, in seconds from the start, over all tracks.

    A container's duration is that of its longest track, often the sound.
    """

    def __init__(self, start: float) -> None:
        self._start = start
        self.seconds = 0.0

    def see(self, packet: Any) -> None:
        """Note a packet's end."""
        if packet.pts is not None and packet.time_base:
            end = float((packet.pts + (packet.duration or 0)) * packet.time_base)
            self.seconds = max(self.seconds, end - self._start)


def shown_as(image: Frame, matrix: tuple[int, int, int, int]) -> Frame:
    """Stored pixels [H, W, 3] as a display matrix wants them shown, to the nearest right angle.

    `matrix` holds a, b, c, d of ISO/IEC 14496-12: x' = a x + c y and y' = b x + d y, where x runs
    right and y down. Eight cases: rows and columns exchanged or not, each then mirrored or not.
    """
    a, b, c, d = matrix
    if abs(a) + abs(d) < abs(b) + abs(c):
        image, a, d = image.swapaxes(0, 1), c, b
    if a < 0:
        image = image[:, ::-1]
    if d < 0:
        image = image[::-1]
    return np.ascontiguousarray(image)


def _matrix(frame: Any) -> tuple[int, int, int, int]:
    """a, b, c, d of a frame's display matrix; the identity without one."""
    from av.sidedata.sidedata import Type

    for data in frame.side_data:
        if data.type is Type.DISPLAYMATRIX:
            values = np.frombuffer(bytes(data), dtype=np.int32)
            return int(values[0]), int(values[1]), int(values[3]), int(values[4])
    return 1, 0, 0, 1


def open_container(path: Path) -> Any:
    """The opened container; DataError naming the file when it is no video."""
    import av

    if path.stat().st_size == 0:
        raise DataError(f"{path}: the file is empty; give a video")
    try:
        return av.open(str(path.absolute()), options=_OPTIONS)
    except PermissionError:
        raise DataError(f"{path}: no permission to read it; change the file's mode") from None
    except EOFError:  # a header and nothing behind it
        raise no_frames(path) from None
    except (av.error.FFmpegError, OSError, ValueError):
        raise DataError(
            f"{path}: not a readable video (damaged, or another kind of file); "
            "give an mp4, webm, mov, mkv or avi file"
        ) from None


def _track(path: Path, container: Any) -> Any:
    """The track to show: the one marked as default, else the largest. Cover pictures are none."""
    from av.stream import Disposition

    tracks = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    if not tracks:
        what = "only a cover picture" if container.streams.video else "no video stream"
        raise DataError(f"{path}: the file has {what}, so no frames; give a video")
    tracks = [s for s in tracks if s.codec_context is not None]
    if not tracks:
        raise DataError(f"{path}: no decoder knows its pictures; re-encode it with ffmpeg")
    marked = [s for s in tracks if s.disposition & Disposition.default]
    return max(marked or tracks, key=lambda s: (s.width or 0) * (s.height or 0))


def no_frames(path: Path) -> DataError:
    """The error of a video without any."""
    return DataError(f"{path}: the video has no frames; give a file with at least one")


def _ends_early(path: Path, container: Any, stream: Any) -> bool:
    """Whether the index points past the end of the file, or its last part is not whole.

    The decoder takes the end of a cut file for the end of the video.
    """
    size, kind = path.stat().st_size, container.format.name
    if "mpegts" in kind:
        return size % _TS_PACKET != 0
    if kind == "gif":
        with path.open("rb") as file:
            file.seek(-min(size, 1024), os.SEEK_END)
            return not file.read().rstrip(b"\0").endswith(_GIF_END)
    needed = max((e.pos + e.size for e in getattr(stream, "index_entries", ())), default=0)
    return needed > size
