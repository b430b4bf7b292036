"""What a network's step takes on a GPU in float32, in bfloat16, and compiled in bfloat16."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from types import MappingProxyType

import torch

from stages.benchmark.measure import alternate, peak_gb
from stages.benchmark.setting import Setting
from stages.benchmark.steps import step, step_flop, take_steps
from stages.benchmark.workload import Workload
from stages.training.learning import Learner

SIDE = 8192  # of the matrices whose product shows what the device can do
DTYPES: Mapping[str, torch.dtype] = MappingProxyType(
    {"fp32": torch.float32, "bf16": torch.bfloat16}
)
COMPILED = "compiled"


def gpu_rows(work: Workload, setting: Setting, side: int = SIDE) -> dict[str, float]:
    """step_ms, peak_share and step_gb .<variant>.<size>, variants fp32, bf16 and compiled.

    peak_share: floating-point operations a second of a step, over those of a product of two large
    matrices in the variant's dtype, measured in the same run.
    """
    batch = work.batch(setting.device)
    learners = {name: _in(work, name).learner(setting.device) for name in DTYPES}
    compiled = _in(work, "bf16").learner(setting.device)
    if _compiles(compiled, partial(step, compiled, batch), setting):
        learners[COMPILED] = compiled
    flop = step_flop(learners["fp32"], batch)
    steps = {name: partial(step, learner, batch) for name, learner in learners.items()}
    peaks = {f"peak {name}": _product(side, dtype, setting) for name, dtype in DTYPES.items()}
    seconds = alternate({**steps, **peaks}, setting.rounds)
    rows = {}
    for name in learners:
        dtype = name if name in DTYPES else "bf16"
        speed, peak = flop / seconds[name], 2 * side**3 / seconds[f"peak {dtype}"]
        rows[f"step_ms.{name}.{work.case}"] = 1000 * seconds[name]
        rows[f"peak_share.{name}.{work.case}"] = speed / peak
    for name in DTYPES:
        told = _in(work, name).told
        rows[f"step_gb.{name}.{work.case}"] = peak_gb(take_steps, setting.device, *told)
    return rows


def _in(work: Workload, precision: str) -> Workload:
    return replace(work, stated=(*work.stated, f"train.precision={precision}"))


def _compiles(learner: Learner, take_step: Callable[[], object], setting: Setting) -> bool:
    """Compile a network in place; a note where that, or its first step, fails."""
    learner.model.compile()
    try:
        take_step()
    except Exception as error:  # the compiler raises many kinds; its figures are optional
        reason = str(error).strip().splitlines() or [type(error).__name__]
        setting.note(f"torch.compile is left out: {reason[0]}")
        return False
    return True


def _product(side: int, dtype: torch.dtype, setting: Setting) -> Callable[[], object]:
    one = torch.randn(side, side, dtype=dtype, device=setting.device)
    return lambda: torch.mm(one, one)
