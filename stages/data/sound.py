"""A video's sound, carried over to what is made of the video: at its times, copied if possible."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

from stages.data.video_file import open_container
from stages.data.video_formats import VideoFormat

_RATE = 48_000  # which every sound coder here takes
_SAMPLES = 1024  # of a piece of sound, for coders that take any number
_MICROSECONDS = 1_000_000


class Sound:
    """The sound of a video file from one moment of it to another.

    start: seconds from the start of the video, which become 0. end: seconds; what begins there or
    later is left out. None is the video's own. `problem` is None, or says in one line why the rest
    of the sound is missing.
    """

    def __init__(
        self, path: Path, start: Fraction | None = None, end: Fraction | None = None
    ) -> None:
        self.path, self.start, self.end = path, start, end
        self.problem: str | None = None
        self._stack = contextlib.ExitStack()
        self._track: _Track | None = None
        self._packets: Iterator[Any] = iter(())
        self._next: Any = None
        self._zero = Fraction(0)

    def attach(self, output: Any, kind: VideoFormat) -> None:
        """Add a track to an output container where there is sound; before anything is written."""
        container = self._stack.enter_context(open_container(self.path))
        source = container.streams.best("audio")
        if source is None or source.codec_context is None:
            return
        self._zero = Fraction(container.start_time or 0, _MICROSECONDS) + (self.start or 0)
        copied = source.codec_context.codec.canonical_name in kind.sound_kept
        track = _Copied if copied else _Coded
        self._track = track(output, source, kind, self._zero)
        self._packets = (p for p in container.demux(source) if p.pts is not None)
        self._advance()

    def write(self, until: Fraction | None) -> None:
        """Write what begins before `until` seconds; None for all that is left."""
        while self._next is not None and (until is None or self._time < until):
            if self.end is not None and self._time + (self.start or 0) >= self.end:
                break
            if self.start is None or self._time >= 0:
                self._guarded(self._write_next)
            self._advance()

    def finish(self) -> None:
        """Write what coders hold back, and let go of the file."""
        self._guarded(self._close_track)
        self._stack.close()

    @property
    def _time(self) -> Fraction:
        """When the next packet is heard, in seconds of the output."""
        return Fraction(self._next.pts * self._next.time_base - self._zero)

    def _write_next(self) -> None:
        if self._track is not None:
            self._track.write(self._next)

    def _close_track(self) -> None:
        if self._track is not None:
            self._track.close()

    def _advance(self) -> None:
        self._next = None
        self._guarded(self._fetch)

    def _fetch(self) -> None:
        self._next = next(self._packets, None)

    def _guarded(self, step: Any) -> None:
        """Damaged sound ends the sound and not the work; a place that cannot be written does."""
        import av

        try:
            step()
        except av.error.FFmpegError as error:
            if isinstance(error, OSError):
                raise
            self.problem = f"{self.path}: its sound is damaged and ends early ({error.strerror})"
            self._next = None


class _Track(ABC):
    """Packets of a sound track of the source -> the output; `zero` seconds there are 0 here."""

    @abstractmethod
    def __init__(self, output: Any, source: Any, kind: VideoFormat, zero: Fraction) -> None: ...

    @abstractmethod
    def write(self, packet: Any) -> None:
        """Take the next packet."""

    @abstractmethod
    def close(self) -> None:
        """Write what is held back."""


class _Copied(_Track):
    """As it is."""

    def __init__(self, output: Any, source: Any, kind: VideoFormat, zero: Fraction) -> None:
        self._output = output
        self._stream = output.add_stream_from_template(source)
        self._shift = round(zero / source.time_base)

    def write(self, packet: Any) -> None:
        packet.pts -= self._shift
        packet.dts = packet.pts  # sound has no packets out of order
        packet.stream = self._stream
        self._output.mux(packet)

    def close(self) -> None:
        """There is nothing."""


class _Coded(_Track):
    """Decoded, and coded for the output; more than two channels become two."""

    def __init__(self, output: Any, source: Any, kind: VideoFormat, zero: Fraction) -> None:
        import av

        layout = "mono" if source.codec_context.channels == 1 else "stereo"
        self._output, self._source = output, source
        self._stream = output.add_stream(kind.sound_coder, rate=_RATE, layout=layout)
        coder = self._stream.codec_context
        coder.open()
        self._resampler = av.AudioResampler(
            format=coder.format, layout=layout, rate=_RATE, frame_size=coder.frame_size or _SAMPLES
        )
        self._shift = round(zero * _RATE)

    def write(self, packet: Any) -> None:
        for frame in packet.decode():
            self._code(frame)

    def close(self) -> None:
        for frame in self._source.codec_context.decode(None):
            self._code(frame)
        self._code(None)
        self._output.mux(self._stream.encode(None))

    def _code(self, frame: Any) -> None:
        for part in self._resampler.resample(frame):
            if part.pts is not None:
                part.pts -= self._shift
            self._output.mux(self._stream.encode(part))
