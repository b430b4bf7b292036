"""A clip whose frames come as they please, with a tone; and what is told of any video file."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

Frame = NDArray[np.uint8]

UNEVEN = (0, 40, 80, 333, 400, 1_000, 1_040, 1_400)  # milliseconds; the last is shown for 100
LASTS = 1_500


def picture(number: int) -> Frame:
    frame = np.full((48, 64, 3), (30, 60, 90), dtype=np.uint8)
    frame[:, 4 * number : 4 * number + 8] = (250, 40, 120)
    return frame


def uneven_clip(path: Path, sound: str | None = "aac", seconds: float = 1.5) -> Path:
    """A clip of 1.5 seconds whose frames come as they please, with a tone."""
    with av.open(str(path), "w") as container:
        film = container.add_stream("libx264", rate=25)
        film.height, film.width, film.pix_fmt = 48, 64, "yuv420p"
        film.codec_context.time_base = Fraction(1, 1000)
        film.codec_context.flags |= av.codec.context.Flags.frame_duration
        film.codec_context.max_b_frames = 0
        tone = container.add_stream(sound, rate=48_000, layout="mono") if sound else None
        for number, (at, until) in enumerate(zip(UNEVEN, (*UNEVEN[1:], LASTS), strict=True)):
            frame = av.VideoFrame.from_ndarray(picture(number), format="rgb24")
            frame.pts, frame.duration = at, until - at
            container.mux(film.encode(frame))
        container.mux(film.encode(None))
        if tone is not None:
            write_tone(container, tone, seconds)
    return path


def write_tone(container: Any, stream: Any, seconds: float) -> None:
    """440 Hz, with a click of silence at 0.7 s to find again."""
    at = np.arange(round(48_000 * seconds)) / 48_000
    wave = (0.3 * np.sin(2 * np.pi * 440 * at)).astype(np.float32)
    wave[(at > 0.7) & (at < 0.8)] = 0
    coder = stream.codec_context
    if not coder.is_open:
        coder.open()
    resampler = av.AudioResampler(coder.format, "mono", 48_000, coder.frame_size or 1024)
    whole = av.AudioFrame.from_ndarray(wave[None], format="fltp", layout="mono")
    whole.sample_rate, whole.pts = 48_000, 0
    for part in [*resampler.resample(whole), *resampler.resample(None)]:
        container.mux(stream.encode(part))
    container.mux(stream.encode(None))


def times(path: Path) -> list[float]:
    with av.open(str(path)) as container:
        return [round(float(frame.time or 0), 3) for frame in container.decode(video=0)]


def durations(path: Path) -> list[float]:
    """Of each track, in seconds."""
    with av.open(str(path)) as container:
        return [float(s.duration * s.time_base) for s in container.streams]
