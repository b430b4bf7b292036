"""Which devices compute in bfloat16, by what they are and not by what they emulate."""

from __future__ import annotations

import pytest
import torch

from stages.runtime.precision import autocast_dtype, has_bf16

# From NVIDIA's table of compute capabilities.
CARDS = {
    "V100": ((7, 0), False),
    "T4": ((7, 5), False),
    "A100": ((8, 0), True),
    "RTX 4090": ((8, 9), True),
    "H100": ((9, 0), True),
}


@pytest.mark.parametrize("card", CARDS)
def test_a_card_that_only_emulates_bf16_computes_in_fp32(
    card: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    capability, native = CARDS[card]
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda *_, **__: True)  # as torch says
    device = torch.device("cuda")
    assert has_bf16(device) == native
    assert autocast_dtype("auto", device) == (torch.bfloat16 if native else None)


@pytest.mark.parametrize("native", [True, False])
def test_a_processor_is_asked_for_its_instructions(
    native: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: native)
    assert autocast_dtype("auto", torch.device("cpu")) == (torch.bfloat16 if native else None)
    monkeypatch.delattr(torch.cpu, "_is_avx512_bf16_supported")
    assert not has_bf16(torch.device("cpu"))


@pytest.mark.parametrize("kind", ["cpu", "mps", "meta"])
def test_a_stated_precision_is_taken_as_it_stands(kind: str) -> None:
    device = torch.device(kind)
    assert autocast_dtype("bf16", device) == torch.bfloat16
    assert autocast_dtype("fp32", device) is None
    assert kind == "cpu" or autocast_dtype("auto", device) is None
