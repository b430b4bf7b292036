"""A run folder's network: config.toml beside model.safetensors, loaded strictly.

The safetensors header carries what the weights were made for (channels, text width, the digests of
the encoders), so that a network is never fed features it was not trained on.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_safetensors
from torch import Tensor

from cache.whole import replace_bytes
from configs import Config, DataError, MissingError, command
from stages.encoders.base import weights_digest
from stages.encoders.pinning import pin
from stages.model.network import Network
from stages.model.networks import UNTRAINED, build_network
from stages.runs.folder import CONFIG, RunFolder


@dataclass(frozen=True)
class Encoders:
    """What of the frozen encoders a network depends on."""

    channels: tuple[int, int, int, int]
    text_width: int
    vision_digest: str
    text_digest: str


NO_ENCODERS = Encoders((0, 0, 0, 0), 0, "", "")  # of a network that takes any


@dataclass(frozen=True)
class Checkpoint:
    """A loaded run. `facts` is what training noted of it (fold, seed, steps, dataset ...)."""

    config: Config
    encoders: Encoders
    model: Network
    facts: Mapping[str, Any]


def save_checkpoint(
    run: Path, model: Network, config: Config, encoders: Encoders, facts: Mapping[str, Any]
) -> None:
    """Write config.toml and then, whole or not at all, model.safetensors. Raises FsrvosError."""
    folder = RunFolder(run)
    folder.write_config(pinned(config, encoders))
    save_weights(folder.weights, model, encoders, facts)


def save_weights(path: Path, model: Network, encoders: Encoders, facts: Mapping[str, Any]) -> None:
    """The weights alone, with what they were made for. Raises FsrvosError."""
    header = {"encoders": json.dumps(asdict(encoders)), "facts": json.dumps(dict(facts))}
    state = {
        name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()
    }
    replace_bytes(path, to_safetensors(state, header))


def pinned(config: Config, encoders: Encoders) -> Config:
    """The configuration with the encoders' places and digests, as a run keeps it."""
    encoder = pin(config.encoder, encoders.vision_digest, encoders.text_digest)
    return replace(config, encoder=encoder)


def load_checkpoint(run: Path, device: str | torch.device = "cpu") -> Checkpoint:
    """The network of a run folder, in eval mode.

    Raises MissingError (nothing there) or DataError (damaged, or not the configuration's network).
    """
    folder = RunFolder(run)
    config = folder.read_config()
    if config.model.network in UNTRAINED:
        model = build_network(config.model, NO_ENCODERS.channels, NO_ENCODERS.text_width)
        return Checkpoint(config, NO_ENCODERS, model.to(device).eval(), {})
    if not folder.weights.is_file():
        train = command("fsrvos", "train", "--from-cache", "--config", folder.config, "--run", run)
        raise MissingError(f"{folder.weights} does not exist; train the run first: {train}")
    state, encoders, facts = read_weights(folder.weights)
    model = build_network(config.model, encoders.channels, encoders.text_width)
    fill(model, state, folder.weights)
    return Checkpoint(config, encoders, model.to(device).eval(), facts)


def read_facts(run: Path) -> Mapping[str, Any] | None:
    """What training noted of a run, None where it has no readable weights."""
    try:
        with safe_open(RunFolder(run).weights, framework="pt") as file:
            return dict(json.loads((file.metadata() or {})["facts"]))
    except (OSError, SafetensorError, KeyError, ValueError):
        return None


def read_weights(path: Path) -> tuple[dict[str, Tensor], Encoders, Mapping[str, Any]]:
    """Tensors, encoders and facts of a weights file. Raises MissingError or DataError."""
    if not path.is_file():
        raise MissingError(f"{path} does not exist; name a weights file")
    try:
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        stated = json.loads(header["encoders"])
        stated["channels"] = tuple(stated["channels"])
        return state, Encoders(**stated), json.loads(header["facts"])
    except (OSError, SafetensorError) as error:
        raise DataError(
            f"{path} is damaged or truncated ({str(error).splitlines()[0]}); train or copy it again"
        ) from error
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(
            f"{path} was not written by fsrvos; what it is, says "
            f"{command('fsrvos', 'weights', 'inspect', path)}"
        ) from error


def digest_of_weights(path: Path) -> str:
    """sha256 of a weights file's tensors, whatever else it says. Raises as `read_weights`."""
    return weights_digest(read_weights(path)[0])


def digest_of_run(run: Path) -> str:
    """The same of a run folder's network, "" for one that has no weights."""
    weights = RunFolder(run).weights
    return digest_of_weights(weights) if weights.is_file() else ""


def fill(model: Network, state: Mapping[str, Tensor], source: Path) -> None:
    """Strictly: every name and every shape must agree. Raises DataError naming the first fault."""
    own = model.state_dict()
    missing, foreign = sorted(own.keys() - state.keys()), sorted(state.keys() - own.keys())
    reshaped = [n for n in own if n in state and own[n].shape != state[n].shape]
    for fault, names in (
        ("lacks", missing),
        ("also has", foreign),
        ("has in another shape", reshaped),
    ):
        if names:
            raise DataError(
                f"{source} {fault} {names[0]} ({len(names)} in all): it is not of this "
                f"configuration's network; use the {CONFIG} it was saved with"
            )
    model.load_state_dict(dict(state))


def take_over(model: Network, state: Mapping[str, Tensor], source: Path) -> str:
    """Take what agrees in name and shape, leave the rest as it is; gives a line that says which.

    Raises DataError where nothing agrees: those are the weights of another network.
    """
    own = model.state_dict()
    taken = {n: t for n, t in state.items() if n in own and own[n].shape == t.shape}
    if not taken:
        raise DataError(f"{source} has no tensor of this configuration's network")
    model.load_state_dict({**own, **taken})
    left = [_part(name) for name in state if name not in taken]
    anew = [_part(name) for name in own if name not in taken]
    parts = [f"{len(taken)} of {len(own)} tensors taken"]
    parts += [f"{len(anew)} start anew ({_listed(anew)})"] if anew else []
    parts += [f"{len(left)} of its own left ({_listed(left)})"] if left else []
    return f"{source}: " + ", ".join(parts)


def _part(name: str) -> str:
    """The part of the network that a tensor belongs to."""
    return name.partition(".")[0]


def _listed(parts: Sequence[str]) -> str:
    return ", ".join(dict.fromkeys(parts))


def require_encoders(saved: Encoders, present: Encoders, run: Path) -> None:
    """DataError unless a network's encoders are those that features come from, or it takes any."""
    if saved == NO_ENCODERS:
        return
    for names, kind in (("vision_digest channels", "vision"), ("text_digest text_width", "text")):
        known = [(getattr(saved, name), getattr(present, name)) for name in names.split()]
        # A digest is empty where imported weights came without their encoder.
        if any(before and before != now for before, now in known):
            raise DataError(
                f"{run} was trained on features of another {kind} encoder than the one configured; "
                "use the run's own configuration and encoder weights"
            )
