"""Foreign checkpoints into run folders (`fsrvos weights import`).

Strict: every tensor of the file is taken, or ignored for a stated reason, or the file is refused;
every tensor of our network comes from the file, or is named as fresh.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from configs import DataError, UsageError, load_config
from configs import command as command_line
from configs.model import ModelConfig
from stages.model.build import build_model
from stages.model.fsrvos import FsrvosModel
from stages.runs.checkpoint import Encoders, fill, read_facts, save_checkpoint
from stages.runs.folder import RunFolder, digest_of_file
from stages.runs.foreign.encoders import write_encoders
from stages.runs.foreign.names import (
    BACKBONE,
    BOX_ALIAS,
    BOXES,
    COUNTERS,
    TEXT_ENCODER,
    official_names,
)
from stages.runs.foreign.reader import ForeignFile, read_foreign
from stages.runtime.provenance import provenance

Family = Literal["official", "referformer"]
SEED = 0  # of parameters that a file lacks
HEADS = 8  # of every attention in the authors' code; no shape shows it

# What ReferFormer has and this network has not, and the reverse.
_REPLACED = {
    "query_embed.weight": "learnt positions of queries; anchor boxes take their place",
    "transformer.reference_points.weight": "anchor boxes take its place",
    "transformer.reference_points.bias": "anchor boxes take its place",
}
_CLASS_HEADS = "class_embed."
_FRESH = (
    "tgt_embed.",
    "refpoint_embed.",
    "transformer.decoder.query_scale.",
    "transformer.decoder.ref_point_head.",
    "support_qkv.",
    "query_qkv.",
    "conv_q.",
    "layer_norm.",
    _CLASS_HEADS,
)


@dataclass(frozen=True)
class ImportReport:
    """What became of a foreign checkpoint.

    Attributes:
        taken: number of the file's tensors that are in the run now.
        ignored: reason to the names of the file's tensors (or entries) left out for it.
        fresh: our parameters (official names) that the file lacks, newly initialised.
        encoders: which frozen encoders came from the file, and where they lie.
        notes: what is left to do.
    """

    run: str
    program: str
    taken: int
    ignored: dict[str, list[str]]
    fresh: list[str]
    encoders: dict[str, str]
    notes: list[str]


def import_checkpoint(
    *, path: Path, run: Path, family: Family = "official", command: str = ""
) -> ImportReport:
    """Write a run folder from a checkpoint of the authors' code or of ReferFormer.

    An imported run may be imported again; a trained one is not replaced. command: kept as
    provenance. Raises MissingError (no such file), DataError (not such a checkpoint, or it does not
    fit), UsageError (`run` holds a trained network).
    """
    if RunFolder(run).weights.exists() and "imported" not in (read_facts(run) or {}):
        raise UsageError(f"{run} holds a network that was not imported; name another folder")
    source = read_foreign(path)
    model, ignored, fresh = _convert(source, family, path)
    base = load_config("official")
    written = write_encoders(run, source.part(BACKBONE), source.part(TEXT_ENCODER), base.encoder)
    config = replace(base, model=model.config, encoder=written.config)
    encoders = Encoders(
        channels_of(source.tensors),
        source.tensors["resizer.fc.weight"].shape[1],
        written.vision_digest,
        written.text_digest,
    )
    made = provenance(command=command, digests={"file": digest_of_file(path)})
    facts = {"imported": family, "fresh": fresh, "provenance": made}
    save_checkpoint(run, model, config, encoders, facts)
    left_out = {name for names in ignored.values() for name in names}
    return ImportReport(
        run=str(run),
        program=family,
        taken=len(source.tensors.keys() - left_out),
        ignored=ignored,
        fresh=fresh,
        encoders=written.places,
        notes=written.notes,
    )


def importable(source: ForeignFile, path: Path) -> str:
    """The command that imports a file, or why there is none."""
    family = source.program
    if family not in ("official", "referformer"):
        return "no"
    try:
        _convert(source, family, path)
    except DataError as error:
        return f"no: {error}"
    option = () if family == "official" else ("--from", family)
    return command_line("fsrvos", "weights", "import", path, path.stem, *option)


def official_config(tensors: Mapping[str, Tensor]) -> ModelConfig:
    """The official variant at the sizes that a state dict's shapes show.

    Raises KeyError (no such tensor) or ValueError (sizes of no such network).
    """
    encoder, decoder = "transformer.encoder.layers.", "transformer.decoder.layers."

    def layers(prefix: str) -> int:
        under = (name.removeprefix(prefix) for name in tensors if name.startswith(prefix))
        return len({name.split(".")[0] for name in under})

    def points(attention: str) -> int:
        return len(tensors[f"{attention}.sampling_offsets.bias"]) // (HEADS * levels * 2)

    levels, hidden = tensors["transformer.level_embed"].shape
    queries = "tgt_embed.weight" if "tgt_embed.weight" in tensors else "query_embed.weight"
    return ModelConfig.of(
        "official",
        hidden=hidden,
        feed_forward=len(tensors[f"{encoder}0.linear1.weight"]),
        heads=HEADS,
        encoder_layers=layers(encoder),
        decoder_layers=layers(decoder),
        encoder_points=points(f"{encoder}0.self_attn"),
        decoder_points=points(f"{decoder}0.cross_attn"),
        queries=len(tensors[queries]),
        mask_dim=len(tensors["pixel_decoder.mask_features.bias"]),
    )


def channels_of(tensors: Mapping[str, Tensor]) -> tuple[int, int, int, int]:
    """Channels of the maps that the network of a state dict reads. Raises KeyError."""
    names = ["pixel_decoder.adapter_1.weight"] + [f"input_proj.{i}.0.weight" for i in range(3)]
    first, second, third, fourth = (tensors[name].shape[1] for name in names)
    return first, second, third, fourth


def _convert(
    source: ForeignFile, family: Family, path: Path
) -> tuple[FsrvosModel, dict[str, list[str]], list[str]]:
    """The network of a file, what of the file was ignored and why, and what stayed fresh."""
    if source.program != family:
        known = "" if source.program == "unknown" else f"; it is of {source.program}"
        inspect = command_line("fsrvos", "weights", "inspect", path)
        raise DataError(f"{path} is no {family} checkpoint{known}; see {inspect}")
    try:
        config, channels = official_config(source.tensors), channels_of(source.tensors)
        text_width = source.tensors["resizer.fc.weight"].shape[1]
    except KeyError as error:
        raise DataError(f"{path} lacks {error.args[0]}; the checkpoint is not whole") from error
    except ValueError as error:
        raise DataError(f"{path} has sizes that no such network has: {error}") from error
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        model = build_model(config, channels, text_width)
    ignored = _ignored(source, family, path)
    left_out = {name for names in ignored.values() for name in names}
    given = {name: t for name, t in source.network().items() if name not in left_out}
    return model, ignored, _place(model, given, family, path)


def _ignored(source: ForeignFile, family: Family, path: Path) -> dict[str, list[str]]:
    """Reasons, and what of the file is left out for each."""
    reasons: dict[str, list[str]] = {}

    def leave(reason: str, name: str) -> None:
        reasons.setdefault(reason, []).append(name)

    for name, tensor in source.tensors.items():
        if name.endswith(COUNTERS):
            leave("a counter, no weight", name)
        elif name.startswith(BOX_ALIAS):
            twin = source.tensors.get(BOXES + name.removeprefix(BOX_ALIAS))
            if twin is None or not torch.equal(twin, tensor):
                raise DataError(f"{path}: {name} differs from its copy under {BOXES}*; refused")
            leave(f"the same tensor as under {BOXES}*", name)
        elif family == "referformer" and name in _REPLACED:
            leave(_REPLACED[name], name)
        elif family == "referformer" and name.startswith(_CLASS_HEADS):
            leave("class heads start anew, as in the authors' training", name)
    for name in source.beside:
        leave("training state of the other program", name)
    return reasons


def _place(
    model: FsrvosModel, given: Mapping[str, Tensor], family: Family, path: Path
) -> list[str]:
    """Fill the network with tensors by official name; the names that stay fresh."""
    own = model.state_dict()
    names = official_names(own)
    lacking = [name for name in names.values() if name not in given]
    fresh = [name for name in lacking if family == "referformer" and name.startswith(_FRESH)]
    missing = [name for name in lacking if name not in fresh]
    if missing:
        raise DataError(f"{path} lacks {missing[0]} ({len(missing)} in all); it is not whole")
    state = {ours: given.get(name, own[ours]) for ours, name in names.items()}
    # Names that we have no place for keep theirs, so that the strict filling names them.
    state |= {name: given[name] for name in given.keys() - set(names.values())}
    fill(model, {name: tensor.float() for name, tensor in state.items()}, path)
    return fresh
