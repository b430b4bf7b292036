"""Encoders pinned in a configuration: found from any working folder, and known again.

A run states where its frozen encoders' weights are and what they are. Should a file have changed
since, loading it is refused, since features of other weights mean nothing to the network.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from configs import DataError, EncoderConfig


def with_absolute_paths(encoder: EncoderConfig) -> EncoderConfig:
    """The same encoders; weights in files here under names that hold in any working folder."""
    return replace(encoder, vision=_place(encoder.vision), text=_place(encoder.text))


def pin(encoder: EncoderConfig, vision_digest: str, text_digest: str) -> EncoderConfig:
    """The same encoders with absolute paths and the digests of their weights, "" if unknown."""
    return replace(
        with_absolute_paths(encoder), vision_digest=vision_digest, text_digest=text_digest
    )


def require_pinned(encoder: EncoderConfig, kind: str, digest: str) -> None:
    """DataError where a configuration states another digest than the weights loaded have.

    kind: vision or text. digest: of the weights loaded.
    """
    stated: str = getattr(encoder, f"{kind}_digest")
    if stated in ("", digest):
        return
    source = getattr(encoder, kind) or f"the weights of family {encoder.family}"
    raise DataError(
        f"encoder.{kind}: {source} is not what it was: sha256 {digest[:12]}, and the configuration "
        f"states {stated[:12]}; put the former weights back, or take these for a new training with "
        f"--set encoder.{kind}_digest={digest}"
    )


def _place(source: str) -> str:
    path = Path(source).expanduser()
    return str(path.absolute()) if source and path.exists() else source
