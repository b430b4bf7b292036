"""The frozen encoders that a foreign checkpoint carries, written as local encoder files.

ReferFormer tunes both encoders, so those in a file are the ones its network was trained on.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from safetensors.torch import save as to_safetensors
from torch import Tensor

from cache.whole import replace_bytes, replace_text
from configs import DataError, EncoderConfig, FsrvosError
from stages.encoders import load_text, load_vision
from stages.runs.folder import RunFolder
from stages.runs.foreign.names import COUNTERS

VISION_FILE, TEXT_FOLDER = "vision.safetensors", "text"
TOKENIZER = "roberta-base"
HEAD_WIDTH = 64  # of RoBERTa's attention; no shape shows it


@dataclass(frozen=True)
class WrittenEncoders:
    """Where encoders of a checkpoint lie now; a digest is empty where it is not known yet."""

    config: EncoderConfig
    vision_digest: str
    text_digest: str
    places: dict[str, str]
    notes: list[str]


def write_encoders(
    run: Path,
    backbone: Mapping[str, Tensor],
    text: Mapping[str, Tensor],
    base: EncoderConfig,
) -> WrittenEncoders:
    """Write the encoders that there are under `run`/encoders; the others stay those of `base`."""
    folder = RunFolder(run.resolve()).encoders
    config, places, notes = base, dict[str, str](), list[str]()
    vision_digest = text_digest = ""
    if backbone:
        replace_bytes(folder / VISION_FILE, to_safetensors(_weights(backbone)))
        config = replace(config, vision=str(folder / VISION_FILE))
        vision_digest = load_vision(config).digest
        places["vision"] = config.vision
    else:
        notes.append("the file holds no backbone: encoder.vision stays the family's own")
    if text:
        place = folder / TEXT_FOLDER
        replace_text(place / "config.json", json.dumps(roberta_config(text), indent=1))
        replace_bytes(place / "model.safetensors", to_safetensors(_weights(text), {"format": "pt"}))
        config = replace(config, text=str(place))
        places["text"] = config.text
        if _copy_tokenizer(place):
            text_digest = load_text(config).digest
        else:
            notes.append(
                f"the file holds no tokenizer: copy {TOKENIZER}'s tokenizer.json into {place}"
            )
    else:
        notes.append("the file holds no text encoder: encoder.text stays the family's own")
    return WrittenEncoders(config, vision_digest, text_digest, places, notes)


def roberta_config(state: Mapping[str, Tensor]) -> dict[str, object]:
    """`config.json` of a RobertaModel, from its tensors' shapes. Raises DataError."""
    try:
        return _roberta_config(state)
    except (KeyError, ValueError) as error:
        raise DataError(
            f"the checkpoint's text encoder is no whole RobertaModel: {error}"
        ) from error


def _roberta_config(state: Mapping[str, Tensor]) -> dict[str, object]:
    vocabulary, width = state["embeddings.word_embeddings.weight"].shape
    layers = {name.split(".")[2] for name in state if name.startswith("encoder.layer.")}
    return {
        "architectures": ["RobertaModel"],
        "model_type": "roberta",
        "vocab_size": vocabulary,
        "hidden_size": width,
        "num_hidden_layers": len(layers),
        "num_attention_heads": max(1, width // HEAD_WIDTH),
        "intermediate_size": len(state["encoder.layer.0.intermediate.dense.bias"]),
        "max_position_embeddings": len(state["embeddings.position_embeddings.weight"]),
        "type_vocab_size": len(state["embeddings.token_type_embeddings.weight"]),
        "layer_norm_eps": 1e-05,
        "pad_token_id": 1,
        "bos_token_id": 0,
        "eos_token_id": 2,
    }


def _weights(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Copies that share no storage, without counters."""
    return {
        name: tensor.detach().to(torch.float32, copy=True).contiguous()
        for name, tensor in state.items()
        if not name.endswith(COUNTERS)
    }


def _copy_tokenizer(place: Path) -> bool:
    """Save RoBERTa's tokenizer in a folder, where there or to be had; False if it is not."""
    if (place / "tokenizer.json").is_file():
        return True
    from transformers import AutoTokenizer

    from stages.encoders.pretrained import load_pretrained

    try:
        tokenizer = load_pretrained(AutoTokenizer.from_pretrained, TOKENIZER, option="encoder.text")
    except FsrvosError:
        return False
    tokenizer.save_pretrained(str(place))
    return (place / "tokenizer.json").is_file()
