"""Cases that start from pixels and token ids: the encoders' paths, then the network."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from stages.encoders.torchvision_resnet import backbone_state, resnet_config
from stages.model import Support, Words
from tests.golden.cases import FOLDERS, check_sum, generator, model_of, pyramid
from tests.golden.table import difference
from tests.golden.trace import trace

BACKBONE = "backbone.0.body."
TEXT = "text_encoder."


@dataclass(frozen=True)
class PixelCase:
    """One recorded run from pixels."""

    folder: Path
    name: str

    @property
    def entry(self) -> dict[str, Any]:
        return json.loads((self.folder / f"{self.name}.json").read_text("utf-8"))

    def __str__(self) -> str:
        return self.name if self.folder == FOLDERS[0] else f"{self.folder.name}/{self.name}"

    def errors(self) -> dict[str, float]:
        """Largest difference of every recorded tensor."""
        recorded = load_file(self.folder / f"{self.name}.outputs.safetensors")
        found = PixelRun(self).tensors
        return {name: difference(found[name], expected) for name, expected in recorded.items()}


def pixel_cases() -> list[PixelCase]:
    """The cases from pixels of every folder."""
    return [
        PixelCase(folder, path.stem)
        for folder in FOLDERS
        for path in sorted(folder.glob("*e2e*.json"))
    ]


class PixelRun:
    """The encoders and the network of a case, run once."""

    def __init__(self, case: PixelCase) -> None:
        self.case, self.entry = case, case.entry
        self.rule = generator(case.folder)

    @cached_property
    @torch.no_grad()
    def tensors(self) -> dict[str, Tensor]:
        """All tensors by their recorded names."""
        named: dict[str, Tensor] = {}
        clips, words = {}, {}
        backbone, text = self.backbone(), self.text_encoder()
        for side in ("q", "s"):
            call = self.entry["inputs"][f"{side}_images"]
            images = torch.from_numpy(
                self.rule.inputs(call["name"], call["shape"], call["kind"], call["scale"])
            )
            height, width = call["valid"]
            images[..., height:, :] = 0
            images[..., width:] = 0
            maps = backbone(pixel_values=images[0]).feature_maps
            for level, features in enumerate(maps):
                named[f"{side}_feat.{level}.frame0_first8ch"] = features[0, :8]
                named[f"{side}_feat.{level}.channel_mean"] = features.mean((2, 3))
            batched = tuple(features[None] for features in maps)
            clips[side] = pyramid(batched, images.shape[1], call["shape"][-2:], call["valid"])
            attention = torch.tensor([self.entry[f"{side}_attention"]])
            said = text(
                input_ids=torch.tensor([self.entry[f"{side}_ids"]]), attention_mask=attention
            )
            named[f"{side}_last_hidden_state"] = said.last_hidden_state
            named[f"{side}_pooler_output"] = said.pooler_output
            padding = attention == 0
            words[side] = Words(
                said.last_hidden_state, said.pooler_output, padding if padding.any() else None
            )
        call = self.entry["inputs"]["support_masks"]
        masks = torch.from_numpy(self.rule.disc_masks(call["name"], *call["shape"])).float()
        support = Support(clips["s"], words["s"], masks[None])
        network = model_of(self.case.folder, self.entry["config"])
        return named | trace(network, clips["q"], words["q"], support)

    def filled(self, prefix: str) -> dict[str, Tensor]:
        """The encoder tensors under a prefix, without it, made by the rule."""
        state = {}
        for name, call in self.entry["parameters"].items():
            if name.startswith(prefix):
                array = self.rule.parameter(name, tuple(call["shape"]))
                check_sum(array, call)
                state[name.removeprefix(prefix)] = torch.from_numpy(array)
        return state

    def backbone(self) -> torch.nn.Module:
        """ResNet-50 as `stages.encoders` builds it from torchvision's names."""
        from transformers import ResNetBackbone, ResNetConfig

        state = self.filled(BACKBONE)
        network = ResNetBackbone(ResNetConfig(**resnet_config(state), out_indices=[1, 2, 3, 4]))
        load_all_but(network, backbone_state(state), "num_batches_tracked")
        return network.eval()

    def text_encoder(self) -> torch.nn.Module:
        from transformers import RobertaConfig, RobertaModel

        sizes = self.entry["roberta"]
        config = RobertaConfig(
            vocab_size=sizes["vocab_size"],
            num_hidden_layers=sizes["num_hidden_layers"],
            max_position_embeddings=514,
            type_vocab_size=1,
            layer_norm_eps=1e-5,
        )
        network = RobertaModel(config)
        load_all_but(network, self.filled(TEXT), "position_ids")
        return network.eval()


def load_all_but(network: torch.nn.Module, state: dict[str, Tensor], counter: str) -> None:
    """Load every tensor; only counters, which a frozen encoder does not use, may be absent."""
    missing, unexpected = network.load_state_dict(state, strict=False)
    assert not unexpected
    assert all(name.endswith(counter) for name in missing), missing
