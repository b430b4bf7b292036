"""Foreign checkpoints: all of a file is accounted for, or it is refused; nothing in it runs."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from configs import DataError, MissingError, UsageError
from stages.encoders import load_text, load_vision
from stages.runs.checkpoint import load_checkpoint, read_facts
from stages.runs.foreign.conversion import import_checkpoint
from stages.runs.foreign.names import BOX_ALIAS, BOXES, official_name, official_names
from stages.weights import inspect_weights
from tests.golden.cases import HERE, Case, inputs_of
from tests.golden.table import allowed, difference
from tests.golden.trace import trace
from tests.stages.runs.foreign import files as foreign

POSITION_IDS = "text_encoder.embeddings.position_ids"
RESNET_50_NORM_CHANNELS = 26_560


@pytest.fixture(autouse=True, scope="module")
def offline() -> object:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HUB_OFFLINE", "1")
        yield


@pytest.fixture(scope="module")
def official() -> dict[str, Tensor]:
    return foreign.small_official_state()


@pytest.fixture(scope="module")
def file(
    official: dict[str, Tensor], offline: object, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    state = official | {POSITION_IDS: torch.arange(514)[None]}
    return foreign.save_old_torch(tmp_path_factory.mktemp("official") / "checkpoint.pth", state)


@pytest.fixture(scope="module")
def run(file: Path) -> Path:
    import_checkpoint(path=file, run=file.parent / "run")
    return file.parent / "run"


def test_imported_network_gives_the_recorded_outputs(run: Path) -> None:
    model = load_checkpoint(run).model
    case = Case(HERE, "tiny_padded")
    inputs = inputs_of(case)
    made = trace(model, inputs.query, inputs.words, inputs.support)
    checked = ("pred_", "aux.", "cma.", "encoder.", "hs.", "mask_features", "controller.")
    errors = {
        name: difference(made[name], expected)
        for name, expected in case.recorded.items()
        if name.startswith(checked)
    }
    assert len(errors) > 20
    assert {name: error for name, error in errors.items() if error > allowed(name)} == {}


def test_every_tensor_is_taken_or_named(
    official: dict[str, Tensor], file: Path, tmp_path: Path
) -> None:
    report = import_checkpoint(path=file, run=tmp_path / "run")
    ignored = [name for names in report.ignored.values() for name in names]
    aliases = [name for name in official if name.startswith(BOX_ALIAS)]
    beside = ["optimizer", "lr_scheduler", "epoch", "args"]
    assert sorted(ignored) == sorted([*aliases, POSITION_IDS, *beside])
    assert report.taken == len(official) - len(aliases)
    assert report.fresh == []
    assert any("tokenizer" in note for note in report.notes)


def test_encoders_come_from_the_file(official: dict[str, Tensor], run: Path) -> None:
    checkpoint = load_checkpoint(run)
    vision = load_vision(checkpoint.config.encoder)
    assert vision.channels == checkpoint.encoders.channels == (32, 64, 128, 256)
    assert vision.digest == checkpoint.encoders.vision_digest
    text = load_file(Path(checkpoint.config.encoder.text) / "model.safetensors")
    assert {f"text_encoder.{name}" for name in text} == {
        name for name in official if name.startswith("text_encoder.")
    }
    for name, tensor in text.items():
        assert torch.equal(tensor, official[f"text_encoder.{name}"])


def test_text_encoder_loads_once_a_tokenizer_is_there(file: Path, tmp_path: Path) -> None:
    import_checkpoint(path=file, run=tmp_path)
    config = load_checkpoint(tmp_path).config.encoder
    write_tokenizer(Path(config.text))
    states = load_text(config).encode(["a b"])[0]
    assert (states.tokens.shape, states.sentence.shape) == ((4, 768), (768,))
    report = import_checkpoint(path=file, run=tmp_path)  # again, now that its tokenizer is there
    assert report.notes == []
    assert load_checkpoint(tmp_path).encoders.text_digest == load_text(config).digest


def write_tokenizer(folder: Path) -> None:
    """The smallest tokenizer of RoBERTa's kind."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    words = {"<s>": 0, "<pad>": 1, "</s>": 2, "<unk>": 3, "a": 4, "b": 5}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(
        '{"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": 512, '
        '"pad_token": "<pad>"}'
    )


def test_all_827_names_and_shapes_of_the_official_file(tmp_path: Path) -> None:
    shapes = foreign.full_encoder_shapes() | foreign.network_shapes("full")
    assert len(shapes) == 827
    prefixes = [name.split(".")[0] for name in shapes]
    assert (prefixes.count("text_encoder"), prefixes.count("backbone")) == (199, 265)
    file = foreign.save_old_torch(tmp_path / "official.pth", foreign.hollow(shapes))
    report = inspect_weights(path=file)
    assert report.importable == f"fsrvos weights import {file} {file.stem}"
    aliased = sum(
        torch.Size(shape).numel() for name, shape in shapes.items() if name.startswith(BOXES)
    )
    frozen, trainable = 148_100_544, 30_293_265  # norms of the backbone are buffers
    assert report.weights == frozen + trainable + aliased + 4 * RESNET_50_NORM_CHANNELS


@pytest.mark.slow
def test_the_whole_official_file_is_imported(tmp_path: Path) -> None:
    shapes = foreign.full_encoder_shapes() | foreign.network_shapes("full")
    file = foreign.save_old_torch(tmp_path / "official.pth", foreign.hollow(shapes))
    report = import_checkpoint(path=file, run=tmp_path / "run")
    assert report.taken == 827 - 24
    assert load_checkpoint(tmp_path / "run").encoders.channels == (256, 512, 1024, 2048)


def test_names_map_one_to_one(run: Path) -> None:
    names = official_names(load_checkpoint(run).model.state_dict())
    assert len(set(names.values())) == len(names)
    listed = {name for name in foreign.network_shapes("tiny") if not name.startswith(BOX_ALIAS)}
    assert set(names.values()) == listed
    own = "pixel_decoder.stages.3.attention.text_norm.bias"
    assert official_name(own) == "pixel_decoder.cross_attn_1.norm2.bias"


def test_referformer_starts_a_training(tmp_path: Path) -> None:
    state = foreign.referformer_state()
    file = foreign.save_old_torch(tmp_path / "rf.pth", state)
    report = import_checkpoint(path=file, run=tmp_path / "run", family="referformer")
    model = load_checkpoint(tmp_path / "run").model
    names = official_names(model.state_dict())
    heads = {name for name in names.values() if name.startswith("class_embed.")}
    assert set(report.fresh) == heads | (set(names.values()) - state.keys())
    for ours, tensor in model.state_dict().items():
        if names[ours] not in report.fresh:
            assert torch.equal(tensor, state[names[ours]])
    assert float(model.decoder.class_heads[0].bias.detach()) == pytest.approx(-4.5951, abs=1e-4)
    assert "query_embed.weight" in [name for names in report.ignored.values() for name in names]


def test_the_same_file_gives_the_same_fresh_weights(tmp_path: Path) -> None:
    state = foreign.referformer_state()
    state = {name: t for name, t in state.items() if not name.startswith("text_encoder.")}
    file = foreign.save_old_torch(tmp_path / "rf.pth", state)
    for seed, run in enumerate(("one", "two")):
        torch.manual_seed(seed)
        import_checkpoint(path=file, run=tmp_path / run, family="referformer")
    one, two = (load_checkpoint(tmp_path / run).model.state_dict() for run in ("one", "two"))
    assert all(torch.equal(one[name], two[name]) for name in one)


def reshape(state: dict[str, Tensor]) -> None:
    state["conv_q.weight"] = torch.zeros(32, 64, 3, 3)


def part_the_twins(state: dict[str, Tensor]) -> None:
    state[f"{BOX_ALIAS}0.layers.0.bias"] = torch.zeros(64)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda state: state.pop("conv_q.bias"), "lacks conv_q.bias"),
        (lambda state: state.update(extra=torch.zeros(1)), "also has extra"),
        (reshape, "affinity.skip.weight"),
        (part_the_twins, "differs from its copy"),
        (lambda state: state.pop("transformer.level_embed"), "lacks transformer.level_embed"),
        (lambda state: state.pop("refpoint_embed.weight"), "no official checkpoint"),
    ],
    ids=["missing", "unknown", "shape", "alias", "level", "program"],
)
def test_what_does_not_fit_is_refused(
    official: dict[str, Tensor],
    tmp_path: Path,
    change: Callable[[dict[str, Tensor]], object],
    says: str,
) -> None:
    state = {name: t for name, t in official.items() if not name.startswith("text_encoder.")}
    change(state)
    file = foreign.save_old_torch(tmp_path / "bad.pth", state)
    with pytest.raises(DataError) as error:
        import_checkpoint(path=file, run=tmp_path / "run")
    assert says in str(error.value)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "run").exists()


class Trap:
    """Makes a folder when unpickled."""

    def __init__(self, target: Path) -> None:
        self.target = str(target)

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (self.target,)


def test_nothing_in_a_file_is_executed(tmp_path: Path) -> None:
    sprung = tmp_path / "sprung"
    file = foreign.save_old_torch(tmp_path / "trap.pth", {}, trap=Trap(sprung))
    with pytest.raises(DataError, match="never loaded"):
        import_checkpoint(path=file, run=tmp_path / "run")
    assert not sprung.exists()


def test_a_damaged_file_is_refused(file: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.pth"
    cut.write_bytes(file.read_bytes()[:100_000])
    with pytest.raises(DataError) as error:
        import_checkpoint(path=cut, run=tmp_path / "run")
    assert "\n" not in str(error.value)
    with pytest.raises(MissingError):
        import_checkpoint(path=tmp_path / "absent.pth", run=tmp_path / "run")


def test_inspect_names_what_is_beside_the_weights(file: Path, run: Path) -> None:
    report = inspect_weights(path=file)
    assert (report.program, report.format) == ("the authors' release", "PyTorch, before zip")
    assert (report.beside["epoch"], report.beside["args"]) == ("23", "Namespace")
    assert inspect_weights(path=run).program == "fsrvos"


def test_a_trained_network_is_not_replaced_by_an_imported_one(
    file: Path, untrained_run: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    shutil.copytree(untrained_run, run)
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    with pytest.raises(UsageError, match="holds a network that was not imported"):
        import_checkpoint(path=file, run=run)
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before


def test_an_imported_run_says_what_it_was_imported_from(file: Path, run: Path) -> None:
    facts = read_facts(run)
    assert facts is not None
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    assert facts["provenance"]["digests"] == {"file": digest}
