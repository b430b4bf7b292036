"""Overlays and cut-outs last as long as their video, frame by frame, and sound as it does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from stages.data.excerpt import WHOLE, Excerpt, Moment
from stages.data.video import read_video
from stages.predicting.answers import FrameAnswer, ObjectAnswer
from stages.predicting.results import OverlayVideo, whole_results
from tests.stages.data.uneven_clips import UNEVEN, durations, times, uneven_clip


def overlay(clip: Path, excerpt: Excerpt = WHOLE, answered: int = 100) -> Path:
    """The overlay of the first frames of a clip; the rest is not waited for."""
    source, out = read_video(clip, excerpt), clip.parent / "overlay.mp4"
    film = OverlayVideo(out, "a bar", source)
    with whole_results([film]):
        for index, frame in enumerate(source):
            mask = np.zeros(frame.shape[:2], bool)
            found = ObjectAnswer(1, mask, mask.astype(np.float32), 0.5)
            at = source.times.seconds(index)
            film.add(FrameAnswer(index, source.name(index), frame, (found,), at))
            if index + 1 == answered:
                source.end("interrupted")
                break
    return out


def test_an_overlay_of_1_5_seconds_of_uneven_frames_is_of_1_5_seconds(tmp_path: Path) -> None:
    out = overlay(uneven_clip(tmp_path / "v.mp4"))
    assert times(out) == [at / 1000 for at in UNEVEN]
    pictures, sound = durations(out)
    assert pictures == 1.5 and sound == pytest.approx(1.5, abs=0.03)


def test_a_part_begins_at_zero_and_ends_with_its_sound(tmp_path: Path) -> None:
    clip = uneven_clip(tmp_path / "v.mp4", seconds=4)
    part = Excerpt(Moment(seconds=0.3), Moment(seconds=1.2))
    out = overlay(clip, part)
    assert times(out) == [0, 0.067, 0.667, 0.707]
    assert durations(out) == pytest.approx([0.867, 0.867], abs=0.05)
    out = overlay(clip, Excerpt(end=Moment(frame=4)))  # the frame at 0.4 s is not read
    assert durations(out) == pytest.approx([0.4, 0.4], abs=0.03)


def test_where_answers_end_early_the_sound_ends_with_them(tmp_path: Path) -> None:
    out = overlay(uneven_clip(tmp_path / "v.mp4", seconds=3), answered=3)
    assert times(out) == [0, 0.04, 0.08]
    pictures, sound = durations(out)
    assert pictures == pytest.approx(0.333, abs=0.001) and sound == pytest.approx(0.333, abs=0.03)
