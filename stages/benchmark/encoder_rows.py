"""Section `encoder`: what the tuned vision encoders gain, and how busy extraction keeps one.

The plain loop is what one would write: a frame at a time, float32, batch norms as they are, planes
one after the other (NCHW). The tuned encoder is what extraction runs: norms folded, channels-last,
a batch a call. Both run in one process, so that kept memory serves the plain loop too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from configs import load_config
from stages.benchmark.filling import fill
from stages.benchmark.material import rendered_frames, resnet50, save_resnet50
from stages.benchmark.measure import alternate
from stages.benchmark.setting import Setting
from stages.encoders import VisionEncoder, load_vision
from stages.encoders.folded import use_bf16
from stages.runtime.precision import has_bf16

LITE_SIZE, PAPER_SIZE = (192, 320), (360, 640)
LITE_FRAMES, PAPER_FRAMES = 32, 4
PAPER_VIDEOS, PAPER_ROUNDS = 2, 2


def rows(setting: Setting) -> dict[str, float]:
    """encoder_speedup (lite, 192x320), encoder_speedup.resnet50 (360x640), both with .bf16 where
    the device computes in it; the rows of `filling` for lite, and fill_share.resnet50."""
    lite = load_config("lite", []).encoder

    def load_lite(tuned: bool) -> VisionEncoder:
        return load_vision(lite, setting.device, tuned=tuned)

    def load_resnet50(tuned: bool) -> VisionEncoder:
        return resnet50(tuned, setting.device)

    light, heavy = (
        rendered_frames(LITE_FRAMES, LITE_SIZE),
        rendered_frames(PAPER_FRAMES, PAPER_SIZE),
    )
    return {
        **speedups(setting, "encoder_speedup", load_lite, light),
        **speedups(setting, "encoder_speedup.resnet50", load_resnet50, heavy),
        **fill(setting, load_config("lite", [])),
        "fill_share.resnet50": paper_fill_share(setting),
    }


def paper_fill_share(setting: Setting) -> float:
    """fill_share of a ResNet-50 at 360x640, in few rounds: each takes minutes on a CPU."""
    work = setting.work / "resnet50"
    save_resnet50(work / "encoder")
    height, width = PAPER_SIZE
    changes = [
        f'encoder.vision="{work / "encoder"}"',
        f"features.short_side={height}",
        f"features.long_side={width}",
    ]
    few = replace(setting, work=work, rounds=min(PAPER_ROUNDS, setting.rounds))
    return fill(few, load_config("lite", changes), PAPER_VIDEOS, (width, height))["fill_share"]


def speedups(
    setting: Setting,
    name: str,
    load: Callable[[bool], VisionEncoder],
    frames: NDArray[np.uint8],
) -> dict[str, float]:
    """The tuned encoder's throughput over the plain loop's on frames [N, H, W, 3].

    load: makes the encoder, tuned or not.
    """
    clip = torch.from_numpy(frames).to(setting.device)
    plain, tuned = load(False), load(True)
    functions: dict[str, Callable[[], object]] = {
        "plain": partial(plain_loop, plain, clip),
        name: partial(tuned, clip),
    }
    if has_bf16(tuned.mean.device):
        half = load(True)
        use_bf16(half)
        functions[f"{name}.bf16"] = partial(half, clip)
        setting.note(
            "encoder_speedup*.bf16: with encoder.precision=bf16, which moves lite's features by "
            "4 to 7 % and is off by default"
        )
    seconds = alternate(functions, setting.rounds)
    return {row: seconds["plain"] / taken for row, taken in seconds.items() if row != "plain"}


@torch.inference_mode()
def plain_loop(encoder: VisionEncoder, frames: Tensor) -> list[tuple[Tensor, ...]]:
    """Maps [1, C, h, w] of four levels, frame by frame."""
    return [encoder.pyramid(encoder.normalise(frame[None]).contiguous()) for frame in frames]
