"""Writing H.264 that browsers play.

PyAV encodes: OpenCV's wheels cannot encode H.264.
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
from stages.data.video_file import Frame


class VideoWriter:
    """Writes RGB frames [H, W, 3] as H.264, yuv420p, BT.709, index first (faststart).

    Use as a context manager: the file appears under its name only when the block ends well. Odd
    sides, which yuv420p does not have, are padded by repeating the last row or column.
    """

    def __init__(self, path: Path, fps: float, crf: int = 18) -> None:
        self.path = path
        self._fps = Fraction(min(max(fps, 1.0), 240.0)).limit_denominator(1001)
        self._crf = crf
        self._stack = contextlib.ExitStack()
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

        partial = self._stack.enter_context(whole_file(self.path))
        with writing(self.path):
            self._container = av.open(
                str(partial), "w", format="mp4", options={"movflags": "faststart"}
            )
        self._stack.push(self._close)
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
                self._mux(None)
                with writing(self.path):
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
