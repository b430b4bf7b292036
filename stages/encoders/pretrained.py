"""Load a transformers model from a hub id or a local folder, and say in one line why not.

`from_pretrained` fills weights that a file lacks with random numbers and only logs it; here that
is an error. Code that a repository carries is never run.
"""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from configs import DataError, FsrvosError, MissingError

_OFFLINE = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
_TRUE = ("1", "ON", "YES", "TRUE")
WEIGHT_FILES = (".pth", ".pt", ".safetensors")


def is_local(source: str) -> bool:
    """Whether `source` means a file or folder here and not a hub id (`name` or `owner/name`)."""
    path = Path(source).expanduser()
    hub_like = source.count("/") <= 1 and not source.startswith((".", "/", "~"))
    return path.exists() or path.suffix in WEIGHT_FILES or not hub_like


def load_pretrained(load: Callable[..., Any], source: str, *, option: str) -> Any:
    """`load(source, local_files_only=...)`, with failures as one-line errors.

    load: a call of `from_pretrained`. source: hub id or folder. option: the configuration key that
    named it. What is on this machine is taken without asking the network. Raises MissingError
    where the weights can't be had, DataError where they can't be used.
    """
    with quietly(), _one_line_errors(source, option):
        if is_local(source):
            folder = Path(source).expanduser()
            if not folder.is_dir():
                raise missing_source(source, option)
            return load(str(folder), local_files_only=True)
        try:
            return load(source, local_files_only=True)
        except OSError:
            if offline_variable():
                raise _not_cached(source, option) from None
        try:
            return load(source, local_files_only=False)
        except OSError:
            raise _not_cached(source, option) from None


def missing_source(source: str, option: str) -> MissingError:
    """The error for a path of `option` that isn't there."""
    kinds = "model folder (config.json, model.safetensors)"
    if option == "encoder.vision":
        kinds += " or a torchvision .pth"
    return MissingError(
        f"{option}: {source} is not there; put a {kinds} there or set {option} to where one is"
    )


def offline_variable() -> str:
    """`NAME=value` of the variable that forbids the network, or an empty string."""
    for name in _OFFLINE:
        if os.environ.get(name, "").upper() in _TRUE:
            return f"{name}={os.environ[name]}"
    return ""


def optional_file(source: str, name: str, *, local_files_only: bool) -> Path | None:
    """A file that the model `source` may have beside its weights."""
    from transformers.utils import cached_file

    path = cached_file(
        source,
        name,
        local_files_only=local_files_only,
        _raise_exceptions_for_missing_entries=False,
        _raise_exceptions_for_connection_errors=False,
    )
    return Path(path) if path else None


def require_complete(info: dict[str, Any], *, source: str, option: str, optional: str) -> None:
    """Refuse weights that lack tensors of the model, but for names that contain `optional`.

    info: the loading report of `from_pretrained`. Raises DataError.
    """
    lacking = sorted(name for name in info["missing_keys"] if optional not in name)
    if lacking:
        raise DataError(
            f"{option}: {source} lacks {len(lacking)} of the model's tensors (first: {lacking[0]});"
            " it is another model's file"
        )


def architecture(config: Any) -> bytes:
    """Facts of a transformers configuration that change the result and that no tensor shows."""
    names = (
        "model_type",
        "hidden_act",
        "layer_norm_eps",
        "num_attention_heads",
        "depths",
        "layer_type",
        "downsample_in_first_stage",
        "downsample_in_bottleneck",
    )
    facts = {name: getattr(config, name, None) for name in names}
    return json.dumps(facts, sort_keys=True, default=list).encode()


def _not_cached(source: str, option: str) -> MissingError:
    from huggingface_hub.constants import HF_HUB_CACHE

    variable = offline_variable()
    why = f"{variable} forbids fetching it" if variable else "it could not be fetched from the hub"
    way = f"unset {variable.partition('=')[0]}" if variable else "check the network and the name"
    kinds = "a local folder or a torchvision .pth" if option == "encoder.vision" else "a folder"
    return MissingError(
        f"{option}: {source} is not in {HF_HUB_CACHE} and {why}; {way}, put it there, or give"
        f" {kinds} with --set {option}=PATH"
    )


@contextmanager
def _one_line_errors(source: str, option: str) -> Iterator[None]:
    from safetensors import SafetensorError

    try:
        yield
    except FsrvosError:
        raise
    except (OSError, ValueError, KeyError, RuntimeError, ImportError, SafetensorError) as error:
        reason = " ".join(str(error).split())[:200]
        raise DataError(f"{option}: cannot load {source}: {reason}") from error


@contextmanager
def quietly() -> Iterator[None]:
    """Keep the libraries' bars and retry notices off stderr; errors speak for themselves."""
    import logging

    from transformers.utils import logging as transformers_logging

    hub = logging.getLogger("huggingface_hub")
    level, verbosity = hub.level, transformers_logging.get_verbosity()
    bars = transformers_logging.is_progress_bar_enabled()
    hub.setLevel(logging.ERROR)
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        hub.setLevel(level)
        transformers_logging.set_verbosity(verbosity)
        if bars:
            transformers_logging.enable_progress_bar()
