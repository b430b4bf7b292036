"""Section `head`: the network alone, feature maps given, no encoder.

The official network takes one episode of 5 + 5 frames of ResNet-50 channels in float32, the
default one a batch of `lite`'s. A step is forward, losses, backward and optimiser, the same that
`stages.train` takes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from types import MappingProxyType

from stages.benchmark.breakdown import module_rows
from stages.benchmark.gpu import gpu_rows
from stages.benchmark.measure import MM_SIDE, alternate, matrix_product, peak_gb
from stages.benchmark.setting import Setting
from stages.benchmark.steps import forward, step, step_flop, take_steps
from stages.benchmark.workload import Workload

OFFICIAL = (Workload("official", (192, 320)), Workload("official", (384, 640)))
DEFAULT = Workload("default", (192, 320))
THRIFTY: Mapping[str, str] = MappingProxyType(
    {"checkpointing": "train.checkpointing=true", "mask_points": "train.mask_points=4096"}
)


def rows(
    setting: Setting,
    works: Sequence[Workload] = OFFICIAL,
    default: Workload = DEFAULT,
) -> dict[str, float]:
    """forward_mm, step_mm, peak_share, step_gb and modules.<size>; default_ before the default's.

    peak_share: floating-point operations a second of a step, over those of a mm. With options
    that save memory, on the first size: step_mm.<option>.<size> and step_gb.<option>.<size>. On a
    GPU also the rows of `gpu_rows`.
    """
    figures: dict[str, float] = {}
    for work in works:
        figures |= network_rows(work, setting, prefix="")
        if setting.device == "cuda":
            figures |= gpu_rows(work, setting)
    figures |= thrifty_rows(works[0], setting)
    return figures | network_rows(default, setting, prefix="default_")


def network_rows(work: Workload, setting: Setting, prefix: str) -> dict[str, float]:
    """The rows of one network at one size."""
    learner, batch, case = work.learner(setting.device), work.batch(setting.device), work.case
    seconds = alternate(
        {
            "mm": matrix_product(setting.device),
            "forward": partial(forward, learner, batch),
            "step": partial(step, learner, batch),
        },
        setting.rounds,
    )
    mm_of_products = step_flop(learner, batch) / (2 * MM_SIDE**3)
    return {
        f"{prefix}forward_mm.{case}": seconds["forward"] / seconds["mm"],
        f"{prefix}step_mm.{case}": seconds["step"] / seconds["mm"],
        f"{prefix}peak_share.{case}": mm_of_products * seconds["mm"] / seconds["step"],
        f"{prefix}step_gb.{case}": peak_gb(take_steps, setting.device, *work.told),
        **module_rows(learner, batch, f"{prefix}{case}"),
    }


def thrifty_rows(work: Workload, setting: Setting) -> dict[str, float]:
    """What a step takes with each option that saves memory."""
    works = {name: replace(work, stated=(*work.stated, pair)) for name, pair in THRIFTY.items()}
    batch = work.batch(setting.device)
    steps = {
        name: partial(step, work.learner(setting.device), batch) for name, work in works.items()
    }
    seconds = alternate({"mm": matrix_product(setting.device), **steps}, setting.rounds)
    figures = {}
    for name, work in works.items():
        memory = peak_gb(take_steps, setting.device, *work.told)
        figures[f"step_mm.{name}.{work.case}"] = seconds[name] / seconds["mm"]
        figures[f"step_gb.{name}.{work.case}"] = memory
    return figures
