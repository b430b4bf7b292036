"""Configuration: what is accepted, what is refused and with which words."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import configs
from configs import Config, MissingError, UsageError, from_toml, load_config, to_toml
from configs.loading import _build, config_digest
from configs.model import ModelConfig


@pytest.mark.parametrize("name", configs.presets())
def test_every_shipped_preset_loads_and_survives_a_round_trip(name: str) -> None:
    config = load_config(name)
    assert from_toml(to_toml(config)) == config


def test_presets_are_those_of_the_documentation() -> None:
    assert {"lite", "paper", "tiny", "official", "demo", "full"} <= set(configs.presets())


def test_nothing_given_is_the_lite_preset() -> None:
    assert load_config() == load_config("lite")
    assert load_config().encoder.family == "lite"


def test_a_preset_changes_only_what_it_states_over_the_one_it_extends() -> None:
    paper, official = load_config("paper"), load_config("official")
    assert official.encoder == paper.encoder
    assert official.features == paper.features
    assert (paper.model.variant, official.model.variant) == ("paper", "official")
    assert official.model == ModelConfig.of("official", affinity_width=128)


def test_the_paper_s_preset_says_what_the_paper_does() -> None:
    """docs/paper.md has the table; a number of it that moves is to move there as well."""
    paper = load_config("paper")
    assert (paper.features.short_side, paper.features.long_side) == (360, 640)
    assert (paper.data.support_frames, paper.evaluate.support_frames) == (5, 5)
    assert (paper.train.learning_rate, paper.train.weight_decay) == (1e-4, 5e-4)
    assert paper.train.weight_score == 2
    assert (paper.train.weight_mask, paper.train.weight_dice) == (5, 5)
    others = ("box", "giou", "twin", "dense")
    assert [getattr(paper.train, f"weight_{name}") for name in others] == [0, 0, 0, 0]
    assert (paper.model.hidden, paper.model.affinity_width) == (256, 256)
    assert (paper.evaluate.window, paper.evaluate.per_frame) == (0, True)
    network = paper.model
    assert network.affinity_support_frames == network.affinity_query_frames == "all"
    assert network.train_affinity and network.sentence_queries and not network.power_log
    ours = ("similarity_prior", "clip_exchange", "dense_prior", "finer_maps", "sentence_word")
    assert not any(getattr(network, name) for name in (*ours, "support_background"))


def test_files_of_earlier_versions_are_read(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('extends = "lite"\n[encoder]\npreset = "paper"\n')
    assert load_config(str(file)).encoder.family == "paper"
    assert from_toml('[encoder]\npreset = "tiny"\n').encoder.family == "tiny"
    former = from_toml(
        '[model]\npreset = "official"\n[features]\ndtype = "uint4"\n[train]\nweight_class = 9.0\n'
    )
    assert former.model == ModelConfig.of("official")
    assert (former.features.stored, former.train.weight_score) == ("uint4", 9.0)
    with pytest.raises(UsageError, match="unknown key 'encoder.preset' in --set"):
        load_config(None, ["encoder.preset=tiny"])


def test_demo_and_full_share_their_features() -> None:
    # So that the cache which `make demo` fills serves `make sample-full` as it stands.
    assert load_config("demo").features == load_config("full").features
    assert load_config("demo").encoder == load_config("full").encoder == load_config().encoder


def test_a_pair_beats_the_file_and_the_file_beats_the_default(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("[features]\nshort_side = 128\nbatch_frames = 2\n")
    config = load_config(str(file), ["features.short_side=96"])
    assert config.features.short_side == 96
    assert config.features.batch_frames == 2
    assert config.features.long_side == Config().features.long_side


@pytest.mark.parametrize(
    ("pair", "section", "name", "value"),
    [
        ("train.steps=7", "train", "steps", 7),
        ("train.learning_rate=1e-3", "train", "learning_rate", 1e-3),
        ("data.holdout=0", "data", "holdout", 0.0),
        ("train.paired=false", "train", "paired", False),
        ("encoder.vision=models/resnet.pth", "encoder", "vision", "models/resnet.pth"),
        ('encoder.text="a b"', "encoder", "text", "a b"),
        ("encoder.vision=", "encoder", "vision", ""),
        (" evaluate.protocol = paper ", "evaluate", "protocol", "paper"),
    ],
)
def test_pairs_take_the_type_of_their_field(
    pair: str, section: str, name: str, value: object
) -> None:
    found = getattr(getattr(load_config(None, [pair]), section), name)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("pair", "words"),
    [
        ("train.stepps=7", ["train.stepps", "did you mean 'train.steps'"]),
        ("trian.steps=7", ["trian.steps", "did you mean 'train.steps'"]),
        ("train.steps=many", ["train.steps=many", "a whole number"]),
        ("train.steps=1.5", ["train.steps", "1.5", "a whole number"]),
        ("train.paired=1", ["train.paired", "true or false"]),
        ("data.holdout=true", ["data.holdout", "a number"]),
        ("encoder.family=huge", ["encoder.family", "huge", "lite, paper, tiny"]),
        ("data.holdout=1", ["data.holdout", "[0, 1)"]),
        ("features.short_side=8", ["features.short_side", "32 or more"]),
        ("features.long_side=100", ["features.long_side", "at least"]),
        ("steps=7", ["section.key=value", "steps=7"]),
        ("train.steps", ["section.key=value"]),
        ("train.steps=1\nx=2", ["train.steps"]),
    ],
)
def test_a_wrong_pair_is_refused_by_name(pair: str, words: list[str]) -> None:
    with pytest.raises(UsageError) as caught:
        load_config(None, [pair])
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[train]\nstepps = 7\n", ["'train.stepps'", "'train.steps'", "mine.toml"]),
        ("[trian]\nsteps = 7\n", ["'trian'", "'train'", "mine.toml"]),
        ("[whatever]\nx = 7\n", ["'whatever'", "encoder, features", "mine.toml"]),
        ("train = 7\n", ["'train'", "section", "mine.toml"]),
        ("train = [7\n", ["mine.toml", "not valid TOML"]),
        ("[train]\nsteps = 'many'\n", ["train.steps", "'many'", "mine.toml"]),
        ("extends = 'light'\n", ["'light'", "'lite'", "mine.toml"]),
        ("[data]\nholdout = 2.0\n", ["data.holdout", "mine.toml"]),
    ],
)
def test_a_wrong_file_is_refused_with_key_hint_and_file(
    tmp_path: Path, text: str, words: list[str]
) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(text)
    with pytest.raises(UsageError) as caught:
        load_config(str(file))
    for word in words:
        assert word in str(caught.value)


def test_a_byte_order_mark_is_passed_over(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("[train]\nsteps = 7\n", encoding="utf-8-sig")
    assert load_config(str(file)).train.steps == 7


def test_a_file_that_is_not_there_or_not_text(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match="does not exist"):
        load_config(str(tmp_path / "none.toml"))
    with pytest.raises(UsageError, match="did you mean 'lite'"):
        load_config("light")
    with pytest.raises(UsageError, match="folder"):
        load_config(str(tmp_path))
    binary = tmp_path / "binary.toml"
    binary.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match="not a text file"):
        load_config(str(binary))


@given(text=st.text(), number=st.integers(1, 10**9), real=st.floats(0, 0.99, exclude_max=True))
def test_any_value_survives_the_round_trip(text: str, number: int, real: float) -> None:
    base = Config()
    config = dataclasses.replace(
        base,
        encoder=dataclasses.replace(base.encoder, vision=text),
        features=dataclasses.replace(base.features, batch_frames=number),
        data=dataclasses.replace(base.data, holdout=real),
    )
    assert from_toml(to_toml(config)) == config


def test_tuples_are_lists_in_toml() -> None:
    @dataclasses.dataclass(frozen=True)
    class Sizes:
        pair: tuple[int, int] = (1, 2)
        many: tuple[str, ...] = ()

    # Local names cannot be resolved from annotations written as text.
    Sizes.__annotations__.update(pair=tuple[int, int], many=tuple[str, ...])
    built = _build(Sizes, {"pair": [3, 4], "many": ["a", "b", "c"]}, "here", "")
    assert built == Sizes((3, 4), ("a", "b", "c"))
    with pytest.raises(UsageError, match="pair in here"):
        _build(Sizes, {"pair": [3]}, "here", "")
    with pytest.raises(UsageError, match="many in here is 1"):
        _build(Sizes, {"many": [1]}, "here", "")


def test_the_digest_tells_configurations_apart() -> None:
    base = load_config()
    assert config_digest(base) == config_digest(from_toml(to_toml(base)))
    assert config_digest(base) != config_digest(load_config(None, ["train.steps=7"]))


def test_presets_joined_with_a_plus_are_the_first_with_what_the_others_change() -> None:
    paper, joined = load_config("paper"), load_config("paper+mttr+demo")
    assert joined.encoder == paper.encoder and joined.features == paper.features
    assert joined.model == dataclasses.replace(
        paper.model, network="mttr", queries=50, encoder_layers=3, decoder_layers=3
    )
    assert joined.train == dataclasses.replace(
        paper.train,
        hide_nouns=0.0,
        channel_dropout=0.0,
        channel_noise=0.0,
        weight_score=2.0,
        weight_mask=2.0,
        weight_dice=5.0,
        steps=280,
    )
    assert joined.evaluate == dataclasses.replace(paper.evaluate, episodes_per_category=10)
    assert load_config("small+danet") == load_config("danet")


def test_only_what_changes_another_preset_comes_after_a_plus() -> None:
    with pytest.raises(UsageError, match="preset tiny starts from no other"):
        load_config("paper+tiny")
    with pytest.raises(UsageError, match="no preset or file named 'paper\\+dane'"):
        load_config("paper+dane")
