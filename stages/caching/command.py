"""The command that puts into the cache what a configuration reads, for errors that name it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from cache import Place
from configs import (
    AbsentFeaturesError,
    CacheIntegrityError,
    Config,
    MissingError,
    command,
    load_config,
)
from configs.values import differences, is_among, pair

# What features are made by; where the weights lie and not what they are.
_MAKING = ("features.", "encoder.family", "encoder.vision", "encoder.text", "encoder.precision")


def features_command(config: Config, data: Path, fold: int, cache: Place | None) -> str:
    """`fsrvos features ...` with every option that the configuration asks for, for a shell.

    It starts from the shipped preset that goes by the encoders' family, so that it holds without
    the file that the configuration came from. A cache in one exported file is filled as a folder
    elsewhere, the default one.
    """
    base = load_config(config.encoder.family)
    words: list[object] = ["fsrvos", "features", "--data", data, "--fold", fold]
    words += ["--config", config.encoder.family]
    for name, (value, _) in differences(config, base).items():
        if is_among(name, _MAKING):
            words += ["--set", pair(name, value)]
    if cache is not None and not (isinstance(cache, Path) and cache.is_file()):
        words += ["--cache-dir", cache]
    return command(*words)


@contextmanager
def naming_the_command(
    config: Config, data: Sequence[Path], fold: int, cache: Place | None
) -> Iterator[None]:
    """Errors about absent or damaged features end in the command that makes them, one a dataset."""
    try:
        yield
    except AbsentFeaturesError as error:
        way = " && ".join(features_command(config, root, fold, cache) for root in data)
        raise MissingError(f"{error}; run {way}") from error
    except CacheIntegrityError as error:
        way = " && ".join(features_command(config, root, fold, cache) for root in data)
        raise CacheIntegrityError(f"{error}: {way}") from error
