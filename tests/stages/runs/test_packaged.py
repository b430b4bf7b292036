"""Runs that come with the program, and how one is made small enough to."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from configs import Config, UsageError
from stages.encoders import load_text, load_vision
from stages.model.networks import build_network
from stages.runs.checkpoint import (
    Encoders,
    digest_of_run,
    digest_of_weights,
    load_checkpoint,
    save_checkpoint,
)
from stages.runs.compact import compact
from stages.runs.folder import RunFolder
from stages.runs.packaged import PACKAGED, is_packaged, packaged_run


def test_packaged_runs_are_found_by_name_alone(tmp_path: Path) -> None:
    for name in PACKAGED:
        assert is_packaged(packaged_run(name))
        assert RunFolder(packaged_run(name)).config.is_file()
    assert not is_packaged(tmp_path / "shipped")
    with pytest.raises(KeyError):
        packaged_run("newest")


def test_similarity_takes_any_encoder_and_has_no_weights() -> None:
    loaded = load_checkpoint(packaged_run("similarity"))
    assert loaded.config.model.network == "similarity"
    assert not list(loaded.model.parameters())
    assert loaded.encoders.vision_digest == ""
    assert digest_of_run(packaged_run("similarity")) == ""


def test_the_shipped_head_is_of_the_encoders_that_come_with_pip_and_fits_in_4_mb() -> None:
    run = packaged_run("shipped")
    loaded = load_checkpoint(run)
    vision = load_vision(loaded.config.encoder, "cpu")
    text = load_text(loaded.config.encoder, "cpu")
    present = Encoders(vision.channels, text.width, vision.digest, text.digest)
    assert loaded.encoders == present
    assert RunFolder(run).weights.stat().st_size <= 4_000_000
    assert loaded.facts["fold"] == 0
    assert '"/' not in RunFolder(run).config.read_text()  # no place of another machine


def test_a_compact_run_is_the_network_in_half_precision(
    tiny: Config, tiny_encoders: Encoders, tmp_path: Path
) -> None:
    torch.manual_seed(1)
    config = replace(tiny, model=replace(tiny.model, network="affinity"))
    model = build_network(config.model, tiny_encoders.channels, tiny_encoders.text_width)
    facts = {"fold": 0, "seed": 3, "categories": ["ant"], "data": ["/somewhere"]}
    save_checkpoint(tmp_path / "run", model, config, tiny_encoders, facts)
    report = compact(tmp_path / "run", tmp_path / "small")
    assert report.size == (tmp_path / "small" / "model.safetensors").stat().st_size
    assert report.size < 0.6 * (tmp_path / "run" / "model.safetensors").stat().st_size
    loaded = load_checkpoint(tmp_path / "small")
    assert loaded.facts == {"fold": 0, "seed": 3, "categories": ["ant"]}
    for name, tensor in model.state_dict().items():
        found = loaded.model.state_dict()[name]
        assert found.dtype == tensor.dtype and torch.equal(found, tensor.half().float()), name
    small = tmp_path / "small"
    assert digest_of_run(small) == digest_of_weights(RunFolder(small).weights)
    with pytest.raises(UsageError, match="holds a network already"):
        compact(tmp_path / "run", tmp_path / "small")
