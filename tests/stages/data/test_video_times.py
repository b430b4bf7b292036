"""Time stamps, sound and transparency of videos that are made of videos."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from stages.data.excerpt import WHOLE, Excerpt, Moment
from stages.data.frame_times import FrameTimes
from stages.data.sound import Sound
from stages.data.video import read_video
from stages.data.video_formats import PRORES, WEBM, VideoFormat
from stages.data.video_writer import VideoWriter
from tests.stages.data.uneven_clips import LASTS, UNEVEN, durations, picture, times, uneven_clip

Frame = NDArray[np.uint8]


def made_again(
    source: Path, out: Path, kind: VideoFormat | None = None, excerpt: Excerpt = WHOLE
) -> Sound:
    """The same video, written anew as results are."""
    video = read_video(source, excerpt)
    start = None if excerpt.start is None else video.times.seconds(0)
    sound = Sound(
        source, start, None if excerpt.end is None else Fraction(excerpt.end.seconds or 0)
    )
    with VideoWriter(out, video.fps, kind, video.times.tick, sound) as film:
        for index, frame in enumerate(video):
            film.write(frame, video.times.seconds(index) - (start or 0))
        film.end(video.times.end - (start or 0))
    return sound


def heard(path: Path) -> NDArray[np.float32]:
    """Samples at 48 kHz, mono, from 0 seconds."""
    found = np.zeros(48_000 * 4, np.float32)
    with av.open(str(path)) as container:
        resampler = av.AudioResampler("fltp", "mono", 48_000)
        for frame in container.decode(audio=0):
            at = round(float(frame.time or 0) * 48_000)
            for part in resampler.resample(frame):
                values = part.to_ndarray()[0]
                found[at : at + len(values)] = values
                at += len(values)
    return found


def silence(path: Path) -> tuple[float, float]:
    """From when to when the tone stops, in seconds."""
    loud = np.abs(heard(path)) > 0.05
    loud = np.convolve(loud, np.ones(240), "same") > 0  # within a wave of the tone
    turns = np.diff(loud.astype(int))
    stops = int(np.argmax(turns < 0))
    return stops / 48_000, (stops + int(np.argmax(turns[stops:] > 0))) / 48_000


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "mov"])
def test_a_clip_of_uneven_frames_keeps_every_time_and_its_length(
    tmp_path: Path, suffix: str
) -> None:
    source = uneven_clip(tmp_path / f"v.{suffix}")
    video = read_video(source)
    assert len(list(video)) == len(UNEVEN)
    assert [video.times.seconds(i) * 1000 for i in range(len(UNEVEN))] == list(UNEVEN)
    made_again(source, tmp_path / "out.mp4")
    assert times(tmp_path / "out.mp4") == [at / 1000 for at in UNEVEN]
    pictures, sound = durations(tmp_path / "out.mp4")
    if suffix != "mkv":  # which does not say how long its last frame is shown
        assert pictures == 1.5
    assert sound == pytest.approx(1.5, abs=0.03)


def test_rates_of_television_stay_exact(tmp_path: Path) -> None:
    tick = Fraction(1001, 30_000)
    with VideoWriter(tmp_path / "v.mp4", 30_000 / 1001) as film:
        for number in range(12):
            film.write(picture(number))
    made_again(tmp_path / "v.mp4", tmp_path / "out.mp4")
    with av.open(str(tmp_path / "out.mp4")) as container:
        found = [frame.pts * frame.time_base for frame in container.decode(video=0)]
    assert found == [number * tick for number in range(12)]


@pytest.mark.parametrize("codec", ["aac", "flac"])
def test_sound_is_copied_or_coded_and_stays_where_it_was(tmp_path: Path, codec: str) -> None:
    source = uneven_clip(tmp_path / "v.mkv", codec)
    assert made_again(source, tmp_path / "out.mp4").problem is None
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert container.streams.audio[0].codec_context.codec.canonical_name == "aac"
    assert silence(tmp_path / "out.mp4") == pytest.approx(silence(source), abs=0.005)
    if codec == "aac":
        with av.open(str(source)) as was, av.open(str(tmp_path / "out.mp4")) as now:
            copied = [[bytes(p) for p in c.demux(audio=0) if p.size] for c in (was, now)]
        assert copied[0] == copied[1]


def test_a_part_takes_its_sound_along(tmp_path: Path) -> None:
    source = uneven_clip(tmp_path / "v.mp4", seconds=3)
    part = Excerpt(Moment(seconds=0.3), Moment(seconds=1.2))
    made_again(source, tmp_path / "out.mp4", excerpt=part)
    assert times(tmp_path / "out.mp4") == [0, 0.067, 0.667, 0.707]  # from 0.333 s on
    pictures, sound = durations(tmp_path / "out.mp4")
    assert pictures == pytest.approx(1.2 - 0.333)
    assert sound == pytest.approx(pictures, abs=0.05)
    shifted = [at - 0.333 for at in silence(source)]
    assert silence(tmp_path / "out.mp4") == pytest.approx(shifted, abs=0.005)


def test_a_stride_keeps_the_time(tmp_path: Path) -> None:
    source = uneven_clip(tmp_path / "v.mp4")
    made_again(source, tmp_path / "out.mp4", excerpt=Excerpt(stride=3))
    assert times(tmp_path / "out.mp4") == [0, 0.333, 1.04]
    assert durations(tmp_path / "out.mp4")[0] == 1.5


def test_sound_that_is_damaged_ends_and_the_pictures_do_not(tmp_path: Path) -> None:
    source = uneven_clip(tmp_path / "v.mkv", "flac")
    broken = tmp_path / "broken.mkv"
    content = bytearray(source.read_bytes())
    for spot in range(len(content) // 2, len(content) - 4000, 50):
        content[spot] ^= 0xFF
    broken.write_bytes(content)
    sound = Sound(broken)
    with VideoWriter(tmp_path / "out.mp4", 25, sound=sound) as film:
        for number in range(5):
            film.write(picture(number))
    assert times(tmp_path / "out.mp4") == [0, 0.04, 0.08, 0.12, 0.16]
    assert sound.problem is None or "\n" not in sound.problem


def test_a_video_without_sound_gets_none(tmp_path: Path) -> None:
    source = uneven_clip(tmp_path / "v.mp4", sound=None)
    made_again(source, tmp_path / "out.mp4")
    assert len(durations(tmp_path / "out.mp4")) == 1


@pytest.mark.parametrize(("kind", "suffix"), [(WEBM, "webm"), (PRORES, "mov")])
def test_transparency_and_colours_come_back(tmp_path: Path, kind: VideoFormat, suffix: str) -> None:
    source = uneven_clip(tmp_path / "v.mp4")
    path = tmp_path / f"out.{suffix}"
    masks = []
    with VideoWriter(path, 25, kind, Fraction(1, 1000), Sound(source)) as film:
        for number, at in enumerate(UNEVEN):
            mask = np.zeros((48, 64), bool)
            mask[8:40, 4 * number : 4 * number + 20] = True
            masks.append(mask)
            alpha = np.where(mask, 255, 0).astype(np.uint8)
            film.write(np.dstack([picture(number), alpha]), Fraction(at, 1000))
        film.end(Fraction(LASTS, 1000))
    assert times(path) == [at / 1000 for at in UNEVEN]
    coder = av.Codec("libvpx-vp9" if suffix == "webm" else "prores", "r")
    with av.open(str(path)) as container:
        assert container.streams.audio[0].codec_context.codec.canonical_name in ("opus", "aac")
        decoder = av.CodecContext.create(coder)
        decoder.extradata = container.streams.video[0].codec_context.extradata
        decoder.codec_tag = container.streams.video[0].codec_context.codec_tag
        drawn = [
            frame.reformat(format="rgba", threads=1).to_ndarray()
            for packet in container.demux(video=0)
            for frame in decoder.decode(packet if packet.size else None)
        ]
    assert len(drawn) == len(UNEVEN)
    for number, (mask, found) in enumerate(zip(masks, drawn, strict=True)):
        if suffix == "mov":
            np.testing.assert_array_equal(found[..., 3], np.where(mask, 255, 0))
        np.testing.assert_array_equal(found[..., 3] > 127, mask)
        inside = np.s_[12:36, 4 * number + 11 : 4 * number + 17]
        assert np.abs(found[inside][..., :3].astype(int) - (30, 60, 90)).max() <= 8


def test_times_go_forward_whatever_a_file_says() -> None:
    kept = FrameTimes(Fraction(1, 100))
    for at, guess in ((0, 0), (4, 4), (4, 8), (2, 12), (None, 16), (20, 20)):
        kept.next(at, guess, 4)
        kept.take()
    assert [kept.seconds(i) * 100 for i in range(6)] == [0, 4, 5, 6, 16, 20]
    assert kept.end * 100 == 24
    kept.stop(Fraction(22, 100))
    assert kept.end * 100 == 22
