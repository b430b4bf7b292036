"""The kinds of video files that are written: for browsers, and with transparency for editors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class VideoFormat:
    """Container and coders of a file.

    Attributes:
        container: FFmpeg's name of it; `container_options` go with it.
        coder: FFmpeg's name of the picture coder; `options` go with it.
        pixels: how it stores pixels.
        even: sides have to be even, because colour is stored at half the resolution.
        sound_kept: sound of these codecs is copied as it is.
        sound_coder: what any other sound is written with.
    """

    container: str
    coder: str
    pixels: str
    even: bool
    sound_kept: tuple[str, ...]
    sound_coder: str
    options: Mapping[str, str] = field(default_factory=dict)
    container_options: Mapping[str, str] = field(default_factory=dict)


def h264(crf: int = 18) -> VideoFormat:
    """What every browser plays, index first, so that it starts before it has come whole.

    crf: from 0, without loss, to 51.
    """
    return VideoFormat(
        container="mp4",
        coder="libx264",
        pixels="yuv420p",
        even=True,
        sound_kept=("aac", "mp3"),
        sound_coder="aac",
        # Frames that refer to later ones would make a file's length wrong where rates vary.
        options={"crf": str(crf), "preset": "veryfast", "bf": "0"},
        container_options={"movflags": "faststart"},
    )


WEBM = VideoFormat(
    container="webm",
    coder="libvpx-vp9",
    pixels="yuva420p",
    even=True,
    sound_kept=("opus", "vorbis"),
    sound_coder="libopus",
    # Frames that are not shown (alternate references) are not written with their transparency.
    options={"crf": "20", "b": "0", "auto-alt-ref": "0", "deadline": "realtime", "cpu-used": "5"},
)
"""VP9 with transparency: web pages, OBS, and editors built on FFmpeg."""

PRORES = VideoFormat(
    container="mov",
    coder="prores_ks",
    pixels="yuva444p10le",
    even=False,
    sound_kept=("aac", "alac", "pcm_s16le", "pcm_s24le"),
    sound_coder="pcm_s16le",
    options={"profile": "4444", "alpha_bits": "16", "vendor": "apl0"},
)
"""ProRes 4444: Premiere, Final Cut, Resolve, After Effects. Transparency is kept without loss."""
