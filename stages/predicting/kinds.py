"""Kinds of objects as they are shown: a support folder, or an encoded kind in one file."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from stages.data.nouns import ANY_THING
from stages.data.support import SupportSet, load_support
from stages.model.inputs import Support
from stages.model.network import Adaptation
from stages.predicting.adapting import adapt_network
from stages.predicting.requests import Shown
from stages.predicting.segmenter import Segmenter
from stages.predicting.support_file import (
    SupportFile,
    is_support_file,
    read_support,
    require_same_encoder,
)
from stages.runtime.progress import say


@dataclass(frozen=True)
class Kind:
    """A kind that was read. `digest` is of its content: frames, masks and sentence."""

    place: Path
    expression: str
    digest: str
    content: SupportSet | SupportFile

    @property
    def label(self) -> str:
        """What its objects are called in short: the category where the support says one."""
        kept = self.content
        named = kept.encoded.category if isinstance(kept, SupportFile) else kept.category
        return named or ANY_THING

    def encoded(self, segmenter: Segmenter) -> Kind:
        """The same with its frames encoded. DataError where it is of another encoder."""
        if isinstance(self.content, SupportFile):
            require_same_encoder(self.place, self.content.seen_by, segmenter.sees)
            return self
        encoded = segmenter.encode_support(self.content)
        return replace(self, content=SupportFile(encoded, segmenter.sees, self.digest, {}))

    def as_input(self, segmenter: Segmenter) -> Support:
        """As the network is given it, once it is encoded."""
        assert isinstance(self.content, SupportFile)
        return self.content.encoded.as_input(segmenter.words(self.expression))

    def adapted(self, segmenter: Segmenter) -> Adaptation:
        """A network tuned on it, once it is encoded. Raises UsageError as `adapt_network`."""
        assert isinstance(self.content, SupportFile)
        words = segmenter.words(self.expression)
        return adapt_network(segmenter.model, self.content.encoded, words)


def read_kind(shown: Shown) -> Kind:
    """A support folder or file. Raises as `load_support` and `read_support`."""
    if is_support_file(shown.support):
        kept = read_support(shown.support)
        expression = shown.expression or kept.encoded.expression
        return Kind(shown.support, expression, _digest(kept.digest, expression), kept)
    found = load_support(shown.support, expression=shown.expression)
    for remark in found.remarks:
        say(f"note: {remark}")
    return kind_of(shown.support, found)


def kind_of(place: Path, found: SupportSet) -> Kind:
    """Annotated frames as a kind; `place` is where they are from."""
    return Kind(place, found.expression, _digest_of(found), found)


def _digest_of(support: SupportSet) -> str:
    total = hashlib.sha256()
    for frame, mask in zip(support.frames, support.masks, strict=True):
        total.update(f"{frame.shape}".encode())
        total.update(frame.tobytes())
        total.update(np.packbits(mask).tobytes())
    return _digest(total.hexdigest(), support.expression)


def _digest(content: str, expression: str) -> str:
    return hashlib.sha256(f"{content}|{expression}".encode()).hexdigest()
