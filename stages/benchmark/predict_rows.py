"""Section `predict`: how fast a video is segmented, against its networks alone, and in what memory.

Bare is what cannot be saved: encoder and network on frames in memory, window after window, without
decoding, finishing, drawing or writing. Speed: preset `lite`, untrained, on a rendered clip, from
the video file to the last file in place. Two lengths are timed: what the longer takes more is the
steady state, the rest is the start.
Memory: preset `tiny`, whose network costs little, so that 10,000 frames take a minute; what it
would keep of each frame it would keep with any network.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cache.whole import replace_text
from configs import load_config
from stages.benchmark.material import rendered_frames, untrained_run
from stages.benchmark.measure import alternate, peak_gb
from stages.benchmark.setting import Setting
from stages.data.overlay import write_mask_png, write_png
from stages.data.support import load_support
from stages.data.video_writer import write_video
from stages.predict import predict
from stages.predicting.segmenter import Segmenter
from stages.predicting.stream import WINDOW
from stages.predicting.windows import batches

SIZE, TINY_SIZE = (336, 592), (64, 96)
SHORT, LONG = 20, 100
LENGTHS = (100, 10_000)
SUPPORT_FRAMES = 5
SENTENCE = "the rabbit on the left"
FPS = 25.0


def rows(setting: Setting) -> dict[str, float]:
    """predict_fps, predict_bare_fps, predict_encoder_fps, predict_share, predict_encoder_share,
    predict_start_frames, predict_peak_gb.<frames>."""
    return {**speed(setting), **memory(setting)}


def speed(
    setting: Setting,
    preset: str = "lite",
    size: tuple[int, int] = SIZE,
    lengths: tuple[int, int] = (SHORT, LONG),
) -> dict[str, float]:
    """Frames a second in the steady state, of encoder and network bare on the same frames, and of
    the encoder alone; the first over either; what starting costs, in frames of the bare two.

    size: (H, W) of the video, and the network's. lengths: in frames.
    """
    folder, config = setting.work / "speed", load_config(preset, [])
    clip = rendered_frames(max(lengths), size)
    untrained_run(config, folder / "run")
    write_support(folder / "support", clip[:SUPPORT_FRAMES])
    for name, length in zip(("short", "long"), lengths, strict=True):
        write_video(folder / f"{name}.mp4", clip[:length], FPS)
    segmenter = Segmenter(folder / "run", setting.device)
    words, support = segmenter.words(SENTENCE), segmenter.support(load_support(folder / "support"))

    def segment(name: str) -> None:
        _predict(folder, folder / f"{name}.mp4", setting.device)

    def encoder() -> None:
        for frames in batches(clip, config.features.batch_frames):
            segmenter.encode(frames)

    def bare() -> None:
        for frames in batches(clip, config.evaluate.window or WINDOW):
            segmenter.follow(frames, segmenter.encode(frames), words, support, None, 0)

    functions: dict[str, Callable[[], object]] = {
        "encoder": encoder,
        "bare": bare,
        "short": partial(segment, "short"),
        "long": partial(segment, "long"),
    }
    return figures(alternate(functions, setting.rounds), *lengths)


def figures(seconds: Mapping[str, float], short: int, long: int) -> dict[str, float]:
    """The rows of `speed`, from the seconds for two lengths in frames, and for the encoder, with
    the network and without, on the longer."""
    bare, encoder = seconds["bare"] / long, seconds["encoder"] / long
    steady = (seconds["long"] - seconds["short"]) / (long - short)
    return {
        "predict_fps": 1 / steady,
        "predict_bare_fps": 1 / bare,
        "predict_encoder_fps": 1 / encoder,
        "predict_share": bare / steady,
        "predict_encoder_share": encoder / steady,
        "predict_start_frames": (seconds["short"] - steady * short) / bare,
    }


def memory(
    setting: Setting, lengths: tuple[int, ...] = LENGTHS, network: str = "similarity"
) -> dict[str, float]:
    """Peak memory of `predict` on videos of those many frames, in a fresh process each.

    network: the one that remembers most of a video by default.
    """
    folder = setting.work / "memory"
    clip = rendered_frames(SUPPORT_FRAMES, TINY_SIZE)
    untrained_run(load_config("tiny", [f"model.network={network}"]), folder / "run")
    write_support(folder / "support", clip)
    found = {}
    for length in lengths:
        video = folder / f"{length}.mp4"
        write_video(video, (clip[number % len(clip)] for number in range(length)), FPS)
        found[f"predict_peak_gb.{length}"] = peak_gb(
            predict_there, str(folder), str(video), setting.device
        )
    return found


def predict_there(folder: str, video: str, device: str) -> None:
    """What `peak_gb` calls, with what JSON can carry."""
    _predict(Path(folder), Path(video), device)


def _predict(folder: Path, video: Path, device: str) -> None:
    out = folder / f"{video.stem}-masks"
    predict(
        video=video,
        expression=SENTENCE,
        support=folder / "support",
        run=folder / "run",
        out=out,
        device=device,
    )


def write_support(folder: Path, frames: NDArray[np.uint8]) -> None:
    """A support folder of those frames [S, H, W, 3], with the middle of each as its object."""
    height, width = frames.shape[1:3]
    ids = np.zeros((height, width), np.uint8)
    ids[height // 4 : height // 2, width // 4 : width // 2] = 1
    for number, frame in enumerate(frames):
        write_png(folder / f"{number}.png", frame)
        write_mask_png(folder / "masks" / f"{number}.png", ids)
    replace_text(folder / "support.toml", f'expression = "{SENTENCE}"\n')
