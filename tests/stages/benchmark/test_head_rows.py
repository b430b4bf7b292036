"""The section `head` on a tiny network: its names, and figures that can be known."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from stages.benchmark import gpu, head_rows
from stages.benchmark.breakdown import LOSSES, OPTIMISER, REST, step_costs
from stages.benchmark.setting import Setting
from stages.benchmark.steps import step, step_flop
from stages.benchmark.workload import FED, WORDS, Workload

TINY = Workload("tiny", (64, 96))


@pytest.fixture
def setting(tmp_path: Path) -> Setting:
    return Setting(device="cpu", rounds=1, threads=1, work=tmp_path)


def test_the_section_gives_the_names_it_promises(
    setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    monkeypatch.setattr(head_rows, "peak_gb", lambda *told: asked.append(told) or 0.5)
    monkeypatch.setattr(head_rows, "matrix_product", lambda device: lambda: None)
    rows = head_rows.rows(setting, [TINY], TINY)
    plain = {name for name in rows if not name.startswith("modules.")}
    measures = ("forward_mm", "step_mm", "peak_share", "step_gb")
    networks = {f"{p}{m}.64x96" for p in ("", "default_") for m in measures}
    options = {f"{m}.{o}.64x96" for m in measures[1::2] for o in ("checkpointing", "mask_points")}
    assert plain == networks | options
    of_tiny = (head_rows.take_steps, "cpu", "tiny", 64, 96)
    with_options = [(*of_tiny, pair) for pair in head_rows.THRIFTY.values()]
    assert asked == [of_tiny, *with_options, of_tiny]
    assert all(rows[name] > 0 for name in plain)
    columns = ("forward_share", "backward_share", "saved_gb")
    for case in ("64x96", "default_64x96"):
        for column in columns:
            assert f"modules.{case}.encoder.{column}" in rows
        shares = [
            figure
            for name, figure in rows.items()
            if name.startswith(f"modules.{case}.") and name.endswith("_share")
        ]
        assert sum(shares) == pytest.approx(1)


@pytest.mark.parametrize("name", ["official", "default"])
def test_workloads_have_the_sizes_of_the_stated_encoders(name: str) -> None:
    work = Workload(name, (192, 320))
    batch, data = work.batch("cpu"), work.config.data
    channels = {"official": (256, 512, 1024, 2048), "default": (24, 40, 112, 320)}[name]
    episodes = {"official": 1, "default": 5}[name]
    for level, width, stride in zip(batch.query.maps, channels, (4, 8, 16, 32), strict=True):
        assert level.shape == (episodes, data.frames, width, 192 // stride, 320 // stride)
        assert (level >= 0).all()
    assert batch.support.masks.shape == (episodes, data.support_frames, 192, 320)
    assert batch.targets is not None
    assert batch.targets.float().mean() == pytest.approx(1 / 16)
    assert {"official": (5, 5), "default": (3, 3)}[name] == (data.frames, data.support_frames)
    assert batch.words.tokens.shape[-1] == FED[name].text_width


def test_the_official_workload_is_the_official_preset_in_float32() -> None:
    config = Workload("official", (192, 320)).config
    assert config.model.variant == "official"
    assert config.train.precision == "fp32"
    assert (
        Workload("official", (192, 320), ("train.precision=bf16",)).config.train.precision == "bf16"
    )


def test_every_part_of_a_step_is_counted_to_its_module() -> None:
    learner, batch = TINY.learner("cpu"), TINY.batch("cpu")
    step(learner, batch)
    costs = step_costs(learner, batch)
    parts = [name for name, _ in learner.model.named_children()]
    assert list(costs) == [*parts, REST, LOSSES, OPTIMISER]
    for name in ("fusion", "affinity", "encoder", "decoder", "pixel_decoder", "mask_head"):
        assert costs[name].forward > 0, name
        assert costs[name].backward > 0, name
        assert costs[name].saved > 0, name
    assert costs[LOSSES].forward > 0
    assert costs[OPTIMISER].backward > 0
    assert costs[OPTIMISER].saved == costs[OPTIMISER].forward == 0


class Slow(torch.autograd.Function):
    """The identity; takes time both ways and keeps a megabyte."""

    forward_seconds, backward_seconds = 0.02, 0.05

    @staticmethod
    def forward(ctx, values: torch.Tensor) -> torch.Tensor:  # type: ignore[no-untyped-def]
        ctx.save_for_backward(torch.zeros(250_000))
        wait(Slow.forward_seconds)
        return values.clone()

    @staticmethod
    def backward(ctx, gradient: torch.Tensor) -> torch.Tensor:  # type: ignore[no-untyped-def]
        assert len(ctx.saved_tensors) == 1
        wait(Slow.backward_seconds)
        return gradient


def wait(seconds: float) -> None:
    from time import perf_counter

    end = perf_counter() + seconds
    while perf_counter() < end:
        pass


def test_what_a_module_adds_is_found_in_its_row() -> None:
    learner, batch = TINY.learner("cpu"), TINY.batch("cpu")
    step(learner, batch)
    before = step_costs(learner, batch)
    head = learner.model.pixel_decoder
    plain = head.forward
    head.forward = lambda *given: Slow.apply(plain(*given))  # type: ignore[method-assign]
    after = step_costs(learner, batch)
    assert after["pixel_decoder"].forward >= Slow.forward_seconds
    assert after["pixel_decoder"].backward >= Slow.backward_seconds
    saved = {name: after[name].saved - before[name].saved for name in after}
    assert saved.pop("pixel_decoder") == 1_000_000
    assert set(saved.values()) == {0}


def test_operations_of_a_step_grow_by_those_of_a_layer_that_is_added() -> None:
    learner, batch = TINY.learner("cpu"), TINY.batch("cpu")
    before = step_flop(learner, batch)
    added, plain = torch.nn.Linear(32, 32, bias=False), learner.model.text.forward
    learner.model.text.forward = lambda states: added(plain(states))  # type: ignore[method-assign]
    # Query's words and support's with their sentence, and the sentence again for the queries.
    rows = 2 * (WORDS + 1) + 1
    product = 2 * rows * 32 * 32  # forward, and backward by the input and by the weight
    assert step_flop(learner, batch) - before == 3 * product


def test_the_variants_of_a_gpu(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu, "peak_gb", lambda *told: {"fp32": 2.0, "bf16": 1.0}[told[-1][-4:]])
    monkeypatch.setattr(torch.nn.Module, "compile", lambda self: None)
    rows = gpu.gpu_rows(TINY, setting, side=64)
    assert rows.keys() == {
        f"{name}.64x96"
        for name in (
            *("step_ms.fp32", "step_ms.bf16", "step_ms.compiled"),
            *("peak_share.fp32", "peak_share.bf16", "peak_share.compiled"),
            *("step_gb.fp32", "step_gb.bf16"),
        )
    }
    assert rows["step_gb.bf16.64x96"] == 1.0
    assert setting.notes == []


def test_without_a_compiler_its_figures_are_left_out(
    setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    def compile_(module: torch.nn.Module) -> None:
        def fail(*_: object) -> None:
            raise RuntimeError("no triton here\nmore")

        module.forward = fail  # type: ignore[assignment]

    monkeypatch.setattr(gpu, "peak_gb", lambda *told: 1.0)
    monkeypatch.setattr(torch.nn.Module, "compile", compile_)
    rows = gpu.gpu_rows(TINY, setting, side=64)
    assert not any("compiled" in name for name in rows)
    assert setting.notes == ["torch.compile is left out: no triton here"]
