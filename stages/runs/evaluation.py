"""What tells one evaluation of a network from another: the name and the identity it goes by."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from cache.keys import digest_of
from configs import Config, UsageError
from configs.values import differences, is_among
from stages.runs.checkpoint import Encoders
from stages.runs.folder import EvaluationFolder, RunFolder
from stages.runs.packaged import is_packaged
from stages.runtime.provenance import provenance

# What an evaluation may be told otherwise than the run states it. Encoders may lie elsewhere;
# that they are the same is seen from their digests.
FREE = ("evaluate.", "features.stored", "encoder.vision", "encoder.text")
_DIGESTS = ("encoder.vision_digest", "encoder.text_digest")


@dataclass(frozen=True)
class EvaluationIdentity:
    """All that the masks depend on.

    dataset: digest of its index; config: as `settle` gives it; episodes: digests of the manifests,
    whether drawn or read from files; weights: digest of the network's,
    empty where it has none of its own; device: the kind that it ran on.
    """

    dataset: str
    fold: int
    config: Config
    episodes: tuple[str, ...]
    controls: bool
    weights: str
    device: str

    @property
    def digest(self) -> str:
        """sha256; evaluations of equal digest are the same evaluation."""
        return digest_of(asdict(self))

    def name(self, dataset_name: str) -> str:
        """A folder's name: dataset, fold, protocol and seeds for people, the rest as digits."""
        options = self.config.evaluate
        said = f"{dataset_name}-fold{self.fold}-{options.protocol}-seeds{options.seeds}"
        return f"{said}-{self.digest[:8]}"

    def provenance(self, encoders: Encoders, device: str, command: str) -> dict[str, Any]:
        """What is kept with the masks, so that they can be made again."""
        digests = {
            "dataset": self.dataset,
            "weights": self.weights,
            "vision": encoders.vision_digest,
            "text": encoders.text_digest,
        }
        settings = asdict(self.config)
        return provenance(command=command, device=device, settings=settings, digests=digests)


def place(run: Path, name: str, out: Path | None) -> EvaluationFolder:
    """`out`, or a folder of that name under the run. UsageError where the run cannot hold one."""
    if out is not None:
        return EvaluationFolder(out)
    if is_packaged(run) or not os.access(run, os.W_OK):
        raise UsageError(f"{run} is not to be written to; say where the evaluation goes with --out")
    return RunFolder(run).evaluation(name)


def settle(own: Config, stated: Config | None) -> Config:
    """What a run is evaluated with: its own configuration, or the stated one where that may differ.

    Raises UsageError where it states anything else otherwise, since that would have no effect.
    """
    if stated is None:
        return own
    changed = differences(stated, own)
    useless = [name for name in changed if not is_among(name, FREE + _DIGESTS)]
    if useless:
        name = useless[0]
        here, there = changed[name]
        raise UsageError(
            f"{name} is {here!r} here and {there!r} in the run, which is evaluated as it was "
            f"trained; only {', '.join(FREE)} have an effect on an evaluation"
        )
    known = (own.encoder.vision_digest, own.encoder.text_digest)
    return replace(
        stated, encoder=replace(stated.encoder, vision_digest=known[0], text_digest=known[1])
    )
