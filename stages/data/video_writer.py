"""Writing videos: for browsers, or with transparency for editors.

PyAV encodes: OpenCV's wheels cannot encode H.264, and know neither sound nor time stamps.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from cache.whole import whole_file, writing
from configs.errors import DataError
from stages.data.sound import Sound
from stages.data.video_file import Frame
from stages.data.video_formats import VideoFormat, h264


class VideoWriter:
    """Writes frames, RGB [H, W, 3] or with an alpha channel [H, W, 4], BT.709.

    Use as a context manager: the file appears under its name only when the block ends well. Odd
    sides, which most formats do not have, are padded by repeating the last row or column.

    fps: frames a second, of frames that come without a time. tick: seconds, in whole multiples of
    which frames have times. sound: is written beside the frames.
    """

    def __init__(
        self,
        path: Path,
        fps: float,
        kind: VideoFormat | None = None,
        tick: Fraction | None = None,
        sound: Sound | None = None,
    ) -> None:
        self.path = path
        self._fps = Fraction(min(max(fps, 1.0), 240.0)).limit_denominator(1001)
        self._kind = kind or h264()
        self._tick = tick or 1 / self._fps
        self._sound = sound
        self._stack = contextlib.ExitStack()
        self._container: Any = None
        self._stream: Any = None
        self._size: tuple[int, int] | None = None
        self._held: Any = None  # the last frame, until it is known how long it is shown
        self.count = 0

    def __enter__(self) -> VideoWriter:
        return self

    def write(self, frame: Frame, at: Fraction | None = None) -> None:
        """Append one frame; all frames have the size of the first.

        at: seconds from the start of the file at which it is shown; later than the frame before.
        """
        if self._container is None:
            self._start(*frame.shape[:2])
        if frame.shape[:2] != self._size:
            raise ValueError(f"frame of {frame.shape[:2]}, the first had {self._size}")
        ticks = self._ticks(self.count / self._fps if at is None else at)
        self._release(ticks)
        self._held = self._image(frame)
        self._held.pts = ticks
        self.count += 1

    def end(self, at: Fraction) -> None:
        """The last frame is shown until `at` seconds; without this, as long as the one before."""
        if self._held is not None:
            self._release(max(self._ticks(at), self._held.pts + 1))

    def _ticks(self, seconds: Fraction) -> int:
        return round(seconds / self._tick)

    def _release(self, until: int | None) -> None:
        """Encode the frame that is held, which is shown until a tick, and the sound before that."""
        if self._held is None:
            return
        image, self._held = self._held, None
        if until is not None:
            if until <= image.pts:
                raise ValueError(f"a frame at tick {until} after one at tick {image.pts}")
            image.duration = until - image.pts
        self._mux(image)
        if self._sound is not None and until is not None:
            with writing(self.path):
                self._sound.write(until * self._tick)

    def _image(self, frame: Frame) -> Any:
        """As the encoder takes it."""
        import av
        from av.video.reformatter import Colorspace

        height, width, channels = frame.shape
        if self._kind.even and (height % 2 or width % 2):
            frame = np.pad(frame, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
        stored = "rgba" if channels == 4 else "rgb24"
        image = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format=stored)
        # One thread: of several, swscale spoils some pixels of opacity where their parts meet.
        return image.reformat(format=self._kind.pixels, dst_colorspace=Colorspace.ITU709, threads=1)

    def _start(self, height: int, width: int) -> None:
        import av
        from av.codec.context import Flags

        kind = self._kind
        partial = self._stack.enter_context(whole_file(self.path))
        with writing(self.path):
            self._container = av.open(
                str(partial), "w", format=kind.container, options=dict(kind.container_options)
            )
        self._stack.push(self._close)
        self._size = (height, width)
        stream = self._container.add_stream(kind.coder, rate=self._fps, options=dict(kind.options))
        odd = int(kind.even)
        stream.height, stream.width = height + height % 2 * odd, width + width % 2 * odd
        stream.pix_fmt = kind.pixels
        codec = stream.codec_context
        codec.time_base = self._tick
        codec.flags |= Flags.frame_duration
        codec.colorspace = codec.color_primaries = codec.color_trc = 1  # BT.709, all three
        codec.color_range = 1  # limited range, what players assume
        if kind.pixels.startswith("yuva"):
            stream.metadata["alpha_mode"] = "1"
        self._stream = stream
        if self._sound is not None:
            with writing(self.path):
                self._sound.attach(self._container, kind)

    def _mux(self, image: Any) -> None:
        with writing(self.path):
            for packet in self._stream.encode(image):
                self._container.mux(packet)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def _close(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self._release(None)
                self._mux(None)
                with writing(self.path):
                    if self._sound is not None:
                        self._sound.write(None)
                        self._sound.finish()
                    self._container.close()
        finally:
            # What is half open is closed; a second failure would hide the first.
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
