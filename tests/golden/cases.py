"""Golden cases from a folder's `manifest.json` alone: the network, its weights and its inputs."""

from __future__ import annotations

import importlib.util
import json
import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from configs.model import ModelConfig
from stages.model import FramePyramid, FsrvosModel, Support, Words, build_model
from stages.runs.foreign.names import official_name

HERE = Path(__file__).parent
OTHERS = os.environ.get("FSRVOS_GOLDEN", "")
FOLDERS = [HERE, *([Path(OTHERS)] if OTHERS else [])]


@dataclass(frozen=True)
class Case:
    """One recorded run of the authors' network."""

    folder: Path
    name: str

    @property
    def entry(self) -> dict[str, Any]:
        return manifest(self.folder)["cases"][self.name]

    @property
    def recorded(self) -> dict[str, Tensor]:
        return load_file(self.folder / f"{self.name}.outputs.safetensors")

    def __str__(self) -> str:
        return self.name if self.folder == HERE else f"{self.folder.name}/{self.name}"


@dataclass(frozen=True)
class CaseInputs:
    """What a case feeds to the network."""

    query: FramePyramid
    words: Words
    support: Support


def cases() -> list[Case]:
    """Every feature-level case of every folder."""
    return [Case(folder, name) for folder in FOLDERS for name in manifest(folder)["cases"]]


@cache
def manifest(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "manifest.json").read_text("utf-8"))


@cache
def generator(folder: Path) -> ModuleType:
    """The folder's `param_rng.py`, or ours where it has none."""
    path = folder / "param_rng.py"
    spec = importlib.util.spec_from_file_location(
        f"param_rng_{folder.name}", path if path.exists() else HERE / "param_rng.py"
    )
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def official_config(hyper: dict[str, Any]) -> ModelConfig:
    """The official variant at the sizes of a manifest's hyper-parameters."""
    assert hyper["use_dab"] and hyper["rel_coord"] and hyper["with_box_refine"]
    assert hyper["num_feature_levels"] == 4
    return ModelConfig.of(
        "official",
        hidden=hyper["hidden_dim"],
        feed_forward=hyper["dim_feedforward"],
        encoder_layers=hyper["enc_layers"],
        decoder_layers=hyper["dec_layers"],
        encoder_points=hyper["enc_n_points"],
        decoder_points=hyper["dec_n_points"],
        heads=hyper["nheads"],
        queries=hyper["num_queries"],
        mask_dim=hyper["mask_dim"],
        mask_layers=hyper["controller_layers"],
        mask_channels=hyper["dynamic_mask_channels"],
    )


@cache
def model_of(folder: Path, config_name: str, text_width: int = 768) -> FsrvosModel:
    """The network of a manifest's configuration, filled by the rule, in evaluation mode."""
    entry = manifest(folder)["configs"][config_name]
    config = official_config(entry["hyper"])
    model = build_model(config, tuple(entry["backbone_channels"]), text_width)
    fill(model, folder)
    return model.eval()


def fill(model: nn.Module, folder: Path) -> None:
    """Give every parameter the value that the rule makes of its official name and shape."""
    rule = generator(folder)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(torch.from_numpy(rule.parameter(official_name(name), parameter.shape)))


def inputs_of(case: Case) -> CaseInputs:
    """The case's inputs, checked against the manifest's checksums."""
    entry, spec = case.entry["inputs"], case.entry["spec"]

    def made(call: dict[str, Any]) -> Tensor:
        array = generator(case.folder).inputs(
            call["name"], call["shape"], call["kind"], call["scale"]
        )
        check_sum(array, call)
        return torch.from_numpy(array)

    def words(side: str) -> Words:
        text = entry["text"]
        length, known = spec[f"{side}l"]
        padding = None if length == known else (torch.arange(length) >= known)[None]
        return Words(made(text[f"{side}_text"]), made(text[f"{side}_pooler"]), padding)

    def frames(side: str) -> FramePyramid:
        maps = tuple(made(call)[None] for call in entry["features"][side])
        count = maps[0].shape[1]
        return pyramid(maps, count, spec[side], spec[f"{side}v"])

    call = entry["support_masks"]
    masks = generator(case.folder).disc_masks(call["name"], *call["shape"])
    check_sum(masks, call)
    support = Support(frames("s"), words("s"), torch.from_numpy(masks).float()[None])
    return CaseInputs(frames("q"), words("q"), support)


def pyramid(
    maps: tuple[Tensor, ...], frames: int, canvas: list[int], valid: list[int]
) -> FramePyramid:
    """A clip of one batch entry whose valid part is the canvas's top left."""
    padding = torch.ones(1, frames, *canvas, dtype=torch.bool)
    padding[..., : valid[0], : valid[1]] = False
    return FramePyramid(maps, torch.tensor([valid]), padding if padding.any() else None)


def check_sum(array: np.ndarray, call: dict[str, Any]) -> None:
    """A generator that made other values than the recorded run used must not go unnoticed."""
    if "sum" in call:
        found = float(np.asarray(array, dtype=np.float64).sum())
        assert abs(found - call["sum"]) <= 1e-6 * max(1.0, abs(call["sum"])), call["name"]
