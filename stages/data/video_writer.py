"""Writing H.264 that browsers play.

PyAV encodes: OpenCV's wheels cannot encode H.264.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

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
