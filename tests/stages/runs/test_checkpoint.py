"""Run folders on disk: equal after a round trip, one line for whatever is wrong with them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from configs import Config, DataError, FsrvosError, MissingError, load_config
from stages.model.networks import build_network
from stages.runs.checkpoint import (
    Encoders,
    load_checkpoint,
    pinned,
    read_facts,
    read_weights,
    require_encoders,
    save_checkpoint,
)
from tests.full_disk import refusal


@pytest.fixture
def run(untrained_run: Path, tmp_path: Path) -> Path:
    """A run folder to break."""
    return Path(shutil.copytree(untrained_run, tmp_path / "run"))


def test_a_round_trip_gives_the_same_network(
    tiny: Config, tiny_encoders: Encoders, tmp_path: Path
) -> None:
    torch.manual_seed(5)
    model = build_network(tiny.model, tiny_encoders.channels, tiny_encoders.text_width)
    facts = {"fold": 2, "report": {"holdout_J": 0.25}}
    save_checkpoint(tmp_path / "run", model, tiny, tiny_encoders, facts)
    loaded = load_checkpoint(tmp_path / "run")
    assert loaded.config == pinned(tiny, tiny_encoders)
    assert loaded.config.encoder.vision_digest == tiny_encoders.vision_digest
    assert loaded.encoders == tiny_encoders
    assert loaded.facts == facts == read_facts(tmp_path / "run")
    assert not loaded.model.training
    found = loaded.model.state_dict()
    assert found.keys() == model.state_dict().keys()
    for name, tensor in model.state_dict().items():
        assert torch.equal(found[name], tensor), name
    assert sorted(p.name for p in (tmp_path / "run").iterdir()) == [
        "config.toml",
        "model.safetensors",
    ]


def truncate(run: Path) -> None:
    weights = run / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])


def cut_header(run: Path) -> None:
    weights = run / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:40])


def empty(run: Path) -> None:
    (run / "model.safetensors").write_bytes(b"")


def forget_the_header(run: Path) -> None:
    weights = run / "model.safetensors"
    save_file(load_file(weights), weights)


def write_a_foreign_file(run: Path) -> None:
    save_file({"layer.weight": torch.zeros(2)}, run / "model.safetensors", {"format": "pt"})


def garble_the_header(run: Path) -> None:
    weights = run / "model.safetensors"
    save_file(load_file(weights), weights, {"encoders": "[1, 2]", "facts": "{}"})


def change_a_shape(run: Path) -> None:
    text = (run / "config.toml").read_text()
    assert "queries = 5" in text
    (run / "config.toml").write_text(text.replace("queries = 5", "queries = 4"))


def drop_a_part(run: Path) -> None:
    text = (run / "config.toml").read_text()
    assert "dense_prior = true" in text
    (run / "config.toml").write_text(text.replace("dense_prior = true", "dense_prior = false"))


def remove_the_weights(run: Path) -> None:
    (run / "model.safetensors").unlink()


def remove_the_configuration(run: Path) -> None:
    (run / "config.toml").unlink()


@pytest.mark.parametrize(
    ("damage", "kind", "says"),
    [
        (truncate, DataError, "model.safetensors is damaged or truncated"),
        (cut_header, DataError, "model.safetensors is damaged or truncated"),
        (empty, DataError, "model.safetensors is damaged or truncated"),
        (forget_the_header, DataError, "was not written by fsrvos"),
        (write_a_foreign_file, DataError, "was not written by fsrvos"),
        (garble_the_header, DataError, "was not written by fsrvos"),
        (change_a_shape, DataError, "has in another shape decoder."),
        (drop_a_part, DataError, "also has dense.linear.bias (2 in all)"),
        (remove_the_weights, MissingError, "model.safetensors does not exist"),
        (remove_the_configuration, MissingError, "holds no config.toml"),
    ],
)
def test_what_is_wrong_with_a_run_is_one_line(
    run: Path, damage: Callable[[Path], None], kind: type[FsrvosError], says: str
) -> None:
    damage(run)
    with pytest.raises(kind) as caught:
        load_checkpoint(run)
    assert type(caught.value) is kind
    assert says in str(caught.value)
    assert str(run) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("vision_digest", "f" * 64, "another vision encoder"),
        ("text_digest", "f" * 64, "another text encoder"),
        ("channels", (8, 8, 16, 17), "another vision encoder"),
        ("text_width", 17, "another text encoder"),
    ],
)
def test_features_of_another_encoder_are_refused(
    tiny_encoders: Encoders, field: str, value: object, words: str
) -> None:
    with pytest.raises(DataError) as caught:
        require_encoders(tiny_encoders, replace(tiny_encoders, **{field: value}), Path("runs/a"))
    assert words in str(caught.value)
    assert "runs/a" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_imported_weights_do_not_name_their_encoders(tiny_encoders: Encoders) -> None:
    """No digest is taken on trust, another digest is not."""
    unnamed = replace(tiny_encoders, vision_digest="", text_digest="")
    require_encoders(unnamed, tiny_encoders, Path("run"))
    require_encoders(tiny_encoders, tiny_encoders, Path("run"))
    for other in (
        replace(unnamed, vision_digest="0" * 64),
        replace(unnamed, text_digest="0" * 64),
    ):
        with pytest.raises(FsrvosError, match="run"):
            require_encoders(other, tiny_encoders, Path("run"))


def test_a_full_disk_keeps_the_former_weights(run: Path, tiny_encoders: Encoders) -> None:
    before = (run / "model.safetensors").read_bytes()
    loaded = load_checkpoint(run)
    with torch.no_grad():
        for parameter in loaded.model.parameters():
            parameter.zero_()

    said = refusal(
        lambda: save_checkpoint(run, loaded.model, loaded.config, tiny_encoders, {"fold": 1}),
        100_000,
    )
    assert "No space left on device" in said and "\n" not in said
    assert (run / "model.safetensors").read_bytes() == before
    assert sorted(p.name for p in run.iterdir()) == ["config.toml", "model.safetensors"]


def test_facts_of_what_is_no_run(run: Path, tmp_path: Path) -> None:
    assert read_facts(tmp_path / "nothing") is None
    truncate(run)
    assert read_facts(run) is None


def test_weights_are_read_without_a_configuration(run: Path, tiny_encoders: Encoders) -> None:
    state, encoders, facts = read_weights(run / "model.safetensors")
    assert encoders == tiny_encoders
    assert facts["fold"] == 1
    assert all(isinstance(tensor, torch.Tensor) for tensor in state.values())


def test_a_run_says_which_configuration_it_was_trained_with(run: Path) -> None:
    (run / "config.toml").write_text(load_and_misspell(run))
    with pytest.raises(FsrvosError, match="hiden"):
        load_checkpoint(run)


def load_and_misspell(run: Path) -> str:
    return (run / "config.toml").read_text().replace("hidden", "hiden")


def test_the_tiny_preset_is_what_the_run_was_made_with(run: Path) -> None:
    assert load_checkpoint(run).config.model == load_config("tiny", []).model
