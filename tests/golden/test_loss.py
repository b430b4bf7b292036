"""Matching, loss terms and gradients against recorded ones."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from stages.model import FramePyramid, QueryPrediction
from stages.model.losses import compute_losses
from stages.model.matcher import LossWeights, match, matching_costs
from stages.model.targets import Targets
from stages.runs.foreign.names import official_name
from tests.golden.cases import FOLDERS, Case, generator, inputs_of, model_of

CLOSE = 1e-5
PARTS = ("logits", "boxes", "masks")


@dataclass(frozen=True)
class LossCase:
    """One target set on one case's recorded outputs."""

    folder: Path
    name: str

    @property
    def entry(self) -> dict[str, Any]:
        return stated(self.folder)["cases"][self.name]

    @property
    def outputs_from(self) -> Case:
        return Case(self.folder, self.entry["outputs_from"])

    def __str__(self) -> str:
        return self.name


def stated(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "loss.json").read_text("utf-8"))


FOLDERS_WITH_LOSS = [folder for folder in FOLDERS if (folder / "loss.json").exists()]
LOSS_CASES = [
    LossCase(folder, name) for folder in FOLDERS_WITH_LOSS for name in stated(folder)["cases"]
]


def recorded_prediction(case: Case) -> QueryPrediction:
    """The recorded outputs as leaves that gradients reach."""
    recorded = case.recorded

    def layer(prefix: str) -> dict[str, Tensor]:
        return {part: recorded[f"{prefix}pred_{part}"].requires_grad_() for part in PARTS}

    count = sum(name.endswith("pred_logits") for name in recorded) - 1
    auxiliary = tuple(QueryPrediction(**layer(f"aux.{i}.")) for i in range(count))
    return QueryPrediction(**layer(""), auxiliary=auxiliary)


def targets_of(case: LossCase, prediction: QueryPrediction) -> Targets:
    masks = case.entry["masks"]
    made = generator(case.folder).disc_masks(masks["name"], masks["frames"], *masks["size"])
    made[masks["zeroed_frames"]] = 0
    grid = (prediction.masks.shape[-2], prediction.masks.shape[-1])
    size = torch.tensor([masks["size"]])
    return Targets.of(torch.from_numpy(made)[None], size, grid, stride=4)


@pytest.mark.parametrize("case", LOSS_CASES, ids=str)
def test_costs_matches_terms_and_gradients(case: LossCase) -> None:
    recorded = load_file(case.folder / "loss.safetensors")
    prediction = recorded_prediction(case.outputs_from)
    targets = targets_of(case, prediction)
    layers = [prediction, *prediction.auxiliary]
    close = {"rtol": CLOSE, "atol": CLOSE}
    torch.testing.assert_close(
        targets.boxes[0, 0], recorded[f"{case.name}.target_boxes"], rtol=0, atol=1e-6
    )
    assert targets.visible[0, 0].int().tolist() == recorded[f"{case.name}.target_valid"].tolist()

    weights = LossWeights()
    for index, (layer, place) in enumerate(
        zip(layers, case.entry["matched_query"].values(), strict=True)
    ):
        costs = matching_costs(layer, targets, weights)[0]
        torch.testing.assert_close(costs, recorded[f"{case.name}.cost.{index}"], **close)
        assert match(layer, targets, weights).tolist() == [[place]]

    losses = compute_losses(prediction, targets, weights)
    # The recorded cardinality error is a count for logs that means nothing with one class.
    stated_terms = {
        name.replace("_ce", "_score").replace("_bbox", "_box"): value
        for name, value in case.entry["losses"].items()
        if "cardinality" not in name
    }
    assert set(losses.terms) == set(stated_terms)
    for name, value in losses.terms.items():
        assert float(value.detach()) == pytest.approx(stated_terms[name], rel=CLOSE, abs=CLOSE)
    total = float(losses.total.detach())
    assert total == pytest.approx(case.entry["total"], rel=CLOSE)

    losses.total.backward()
    prefixes = ["", *(f"aux.{i}." for i in range(len(prediction.auxiliary)))]
    for prefix, layer in zip(prefixes, layers, strict=True):
        for part in PARTS:
            expected = recorded[f"{case.name}.grad.{prefix}pred_{part}"]
            torch.testing.assert_close(getattr(layer, part).grad, expected, **close)


@pytest.mark.parametrize("folder", FOLDERS_WITH_LOSS, ids=lambda folder: folder.name)
def test_gradient_norm_of_every_parameter(folder: Path) -> None:
    entry = stated(folder)["model_gradients"]
    case = Case(folder, entry["case"])
    inputs = inputs_of(case)
    model = model_of(folder, case.entry["config"])
    model.zero_grad()
    prediction = model(inputs.query, inputs.words, inputs.support)
    targets = targets_of(LossCase(folder, entry["targets"]), prediction)
    losses = compute_losses(prediction, targets)
    losses.total.backward()
    assert float(losses.total.detach()) == pytest.approx(entry["total"], rel=CLOSE)
    expected = entry["l2_norm_per_parameter"]
    found = {
        official_name(name): None if p.grad is None else float(p.grad.norm())
        for name, p in model.named_parameters()
    }
    model.zero_grad()
    assert set(found) == set(expected)
    for name, norm in expected.items():
        if norm is None:
            assert found[name] is None, name
        else:
            assert found[name] == pytest.approx(norm, rel=1e-4, abs=1e-5), name


def test_targets_pad_to_the_grid_and_take_the_middle_pixels() -> None:
    masks = torch.zeros(1, 1, 7, 9, dtype=torch.bool)
    masks[0, 0, 2, 6] = True
    targets = Targets.of(masks, torch.tensor([[7, 9]]), grid=(2, 3), stride=4)
    expected = torch.zeros(2, 3)
    expected[0, 1] = 1.0
    assert torch.equal(targets.masks[0, 0, 0], expected)
    torch.testing.assert_close(targets.boxes[0, 0, 0], torch.tensor([6 / 9, 2 / 7, 0.0, 0.0]))


def test_a_clip_of_another_size_has_its_own_canvas() -> None:
    frames = FramePyramid(
        maps=tuple(torch.zeros(2, 1, 1, 1, 1) for _ in range(4)),
        size=torch.tensor([[10, 20], [20, 10]]),
    )
    masks = torch.zeros(2, 1, 20, 20, dtype=torch.bool)
    masks[:, :, 0:3, 0:5] = True  # bounds 0..2 and 0..4
    boxes = Targets.of(masks, frames.size, grid=(5, 5), stride=4).boxes[:, 0, 0]
    expected = torch.tensor([[2 / 20, 1 / 10, 4 / 20, 2 / 10], [2 / 10, 1 / 20, 4 / 10, 2 / 20]])
    torch.testing.assert_close(boxes, expected)
