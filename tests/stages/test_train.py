"""Training: the same seed the same weights, interrupted or not; and that it learns at all."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from itertools import count
from pathlib import Path
from unittest.mock import Mock

import pytest
import torch
from safetensors.torch import load_file, save_file

from configs import Config, DataError, FsrvosError, MissingError, UsageError
from stages.data.clips import Episode
from stages.data.dataset import Dataset
from stages.data.index import load_dataset
from stages.feeding.batches import EpisodeBatch
from stages.model.prediction import Losses
from stages.runs.checkpoint import load_checkpoint, read_facts, read_weights
from stages.runs.training import TrainReport
from stages.train import _Training, train
from stages.training.draws import Draws

Train = Callable[..., TrainReport]


@pytest.fixture(scope="module", autouse=True)
def no_event_files() -> Iterator[None]:
    """As where tensorboard, which takes seconds to import, is not installed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("stages.runs.journal.find_spec", lambda name: None)
        yield


@pytest.fixture
def fit(tiny: Config, blocks_root: Path, blocks_cache: Path) -> Train:
    """Train the blocks' fold 1 for six steps; options of the training by name."""

    def run(
        folder: Path,
        *,
        fold: int = 1,
        seed: int = 0,
        init: Path | None = None,
        overwrite: bool = False,
        **options,
    ):  # type: ignore[no-untyped-def]
        stated = {"steps": 6, "checkpoint_every": 4, "holdout_every": 2} | options
        config = replace(tiny, train=replace(tiny.train, **stated))
        return train(
            config=config,
            data_roots=[blocks_root],
            fold=fold,
            run=folder,
            cache_root=blocks_cache,
            seed=seed,
            init=init,
            overwrite=overwrite,
        )

    return run


def weights(run: Path) -> dict[str, torch.Tensor]:
    return load_file(run / "model.safetensors")


def equal(one: Path, other: Path) -> bool:
    first, second = weights(one), weights(other)
    assert first.keys() == second.keys()
    return all(torch.equal(first[name], second[name]) for name in first)


def journal(run: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def without_time(lines: list[dict[str, float]]) -> list[dict[str, float]]:
    timed = ("steps_per_second", "step_seconds", "wait_share")
    return [{key: line[key] for key in line if key not in timed} for line in lines]


@pytest.fixture(scope="module")
def uninterrupted(
    tiny: Config,
    blocks_root: Path,
    blocks_cache: Path,
    no_event_files: None,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """A run of six steps that nothing stopped. Only read."""
    run = tmp_path_factory.mktemp("uninterrupted") / "run"
    options = replace(tiny.train, steps=6, checkpoint_every=4, holdout_every=2)
    train(
        config=replace(tiny, train=options),
        data_roots=[blocks_root],
        fold=1,
        run=run,
        cache_root=blocks_cache,
    )
    return run


def kept(run: Path) -> list[str]:
    """The checkpoints of a run, but the best."""
    return sorted(path.name for path in (run / "checkpoints").iterdir() if path.suffix == ".pt")


def stop_at(step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    learn = _Training.learn

    def learn_or_stop(self: _Training, batch: EpisodeBatch) -> Losses:
        if self.step == step:
            raise KeyboardInterrupt
        return learn(self, batch)

    monkeypatch.setattr(_Training, "learn", learn_or_stop)


@pytest.mark.parametrize("loading", [{}, {"loader_threads": 3, "prefetch": 1}])
def test_a_seed_gives_the_same_weights_whoever_makes_the_batches(
    fit: Train, uninterrupted: Path, tmp_path: Path, loading: dict[str, int]
) -> None:
    torch.manual_seed(99)  # what came before does not matter
    fit(tmp_path / "run", **loading)
    assert equal(tmp_path / "run", uninterrupted)
    assert without_time(journal(tmp_path / "run")) == without_time(journal(uninterrupted))


def test_another_seed_gives_other_weights(fit: Train, uninterrupted: Path, tmp_path: Path) -> None:
    fit(tmp_path / "run", seed=1)
    assert not equal(tmp_path / "run", uninterrupted)


def test_checkpointing_gives_the_same_weights_and_keeps_no_freed_memory(
    fit: Train, uninterrupted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = Mock()
    monkeypatch.setattr("stages.train.keep_freed_memory", kept)
    fit(tmp_path / "thrifty", checkpointing=True)
    assert equal(uninterrupted, tmp_path / "thrifty")
    kept.assert_not_called()
    fit(tmp_path / "plain", steps=1)
    kept.assert_called_once()


def test_an_interrupted_run_goes_on_as_if_it_had_not_been(
    fit: Train, uninterrupted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "run"
    with pytest.MonkeyPatch.context() as patch:
        stop_at(5, patch)  # one step after what was kept
        with pytest.raises(KeyboardInterrupt):
            fit(run)
    assert not (run / "model.safetensors").exists()
    assert kept(run) == ["step-00000004.pt"]
    torch.manual_seed(99)
    steps = count()
    learn = _Training.learn

    def counted(self: _Training, batch: EpisodeBatch) -> Losses:
        next(steps)
        return learn(self, batch)

    monkeypatch.setattr(_Training, "learn", counted)
    report = fit(run)
    assert next(steps) == 2
    assert report.steps == 6
    assert equal(run, uninterrupted)
    assert without_time(journal(run)) == without_time(journal(uninterrupted))
    assert kept(run) == ["step-00000004.pt", "step-00000006.pt"] == kept(uninterrupted)


def files(run: Path) -> dict[Path, tuple[int, bytes]]:
    found = [path for path in run.rglob("*") if path.is_file()]
    return {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in found}


def test_progress_of_other_settings_is_refused_and_dropped_on_request(
    fit: Train, uninterrupted: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    with pytest.MonkeyPatch.context() as patch:
        stop_at(5, patch)
        with pytest.raises(KeyboardInterrupt):
            fit(run, seed=1)
    before = files(run)
    with pytest.raises(UsageError, match="was trained with seed 1, not 0; .* --overwrite"):
        fit(run)
    assert files(run) == before
    fit(run, overwrite=True)
    assert equal(run, uninterrupted)
    assert without_time(journal(run)) == without_time(journal(uninterrupted))


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"learning_rate": 0.5}, "trained with train.learning_rate 0.0008, not 0.5; name"),
        ({"learning_rate": 0.5, "steps": 9, "paired": False}, r"\(3 differences in all\)"),
        ({"seed": 4}, "trained with seed 0, not 4"),
        ({"steps": 5}, "has been trained for 6 steps, more than train.steps=5"),
    ],
)
def test_a_finished_run_is_not_trained_otherwise_without_being_told(
    fit: Train, uninterrupted: Path, tmp_path: Path, changed: dict[str, object], words: str
) -> None:
    run = tmp_path / "run"
    shutil.copytree(uninterrupted, run)
    before = files(run)
    with pytest.raises(UsageError, match=words):
        fit(run, **changed)
    assert files(run) == before


def test_overwriting_drops_what_was_made_of_the_former_weights(
    fit: Train, uninterrupted: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    shutil.copytree(uninterrupted, run)
    (run / "evaluations/old").mkdir(parents=True)
    (run / "evaluations/old/score.json").touch()
    (run / "notes.txt").touch()
    with pytest.raises(FsrvosError, match="the loss is nan"):
        fit(run, weight_dice=math.nan, overwrite=True)
    left = {path.name for path in run.iterdir()}
    assert left == {"config.toml", "metrics.jsonl", "notes.txt"}
    assert journal(run) == []


def test_more_steps_go_on_by_the_longer_schedule(
    fit: Train, uninterrupted: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The rate of a step depends on the step and on train.steps alone."""
    run, whole = tmp_path / "run", tmp_path / "whole"
    shutil.copytree(uninterrupted, run)
    steps = count()
    learn = _Training.learn
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_Training, "learn", lambda self, batch: (next(steps), learn(self, batch))[1])
        report = fit(run, steps=9)
    assert (next(steps), report.steps) == (3, 9)
    fit(whole, steps=9)
    rates = {line["step"]: line["lr"] for line in journal(whole) if "lr" in line}
    gone_on = {line["step"]: line["lr"] for line in journal(run) if "lr" in line}
    assert [gone_on[step] for step in (7, 8, 9)] == [rates[step] for step in (7, 8, 9)]
    assert gone_on[6] < rates[6]  # the end of a shorter cosine
    assert f"of 9 steps from here on, next {rates[6]:.3g}" in capsys.readouterr().err
    facts = read_facts(run)
    assert facts is not None and facts["lengthened"] == [[6, 6]]
    assert load_checkpoint(run).config.train.steps == 9
    again = fit(run, steps=9)
    assert again.already_done


def test_more_steps_need_what_training_goes_on_from(
    fit: Train, uninterrupted: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    shutil.copytree(uninterrupted, run)
    shutil.rmtree(run / "checkpoints")
    with pytest.raises(UsageError, match=r"for more steps, since .*checkpoints is empty"):
        fit(run, steps=9)


@pytest.mark.parametrize("kind", ["imported", "damaged"])
def test_weights_that_do_not_say_how_they_were_trained_are_kept(
    fit: Train, uninterrupted: Path, untrained_run: Path, tmp_path: Path, kind: str
) -> None:
    run = tmp_path / "run"
    shutil.copytree(untrained_run if kind == "imported" else uninterrupted, run)
    if kind == "damaged":
        (run / "model.safetensors").write_bytes(b"half")
    before = files(run)
    with pytest.raises(UsageError, match="do not say how they were trained"):
        fit(run)
    assert files(run) == before


@pytest.mark.parametrize("world", ["2", "8"])
def test_one_of_several_processes_is_refused(
    fit: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, world: str
) -> None:
    monkeypatch.setenv("WORLD_SIZE", world)
    with pytest.raises(UsageError, match=f"WORLD_SIZE is {world}"):
        fit(tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_damaged_progress_says_what_to_do(fit: Train, tmp_path: Path) -> None:
    half = tmp_path / "run/checkpoints/step-00000004.pt"
    half.parent.mkdir(parents=True)
    half.write_bytes(b"PK\x03\x04 half of it")
    with pytest.raises(DataError, match=r"4\.pt is damaged; remove .* to train from the start"):
        fit(tmp_path / "run")
    assert not (tmp_path / "run/model.safetensors").exists()


def test_a_complete_run_is_left_as_it_is(
    fit: Train, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    first = fit(run, steps=1)
    before = files(run)
    again = fit(run, steps=1)
    assert again == replace(first, already_done=True)
    assert files(run) == before
    assert "already trained: nothing to do" in capsys.readouterr().err
    assert not fit(run, steps=2).already_done


def test_the_journal_has_every_field(uninterrupted: Path) -> None:
    lines = journal(uninterrupted)
    looks = [line for line in lines if "loss" in line]
    assert [line["step"] for line in looks] == [1, 2, 3, 4, 5, 6]
    terms = {"loss_score", "loss_box", "loss_giou", "loss_mask", "loss_dice", "loss_dense"}
    for line in looks:
        assert terms | {"step", "loss", "lr", "steps_per_second", "wait_share"} <= line.keys()
        assert all(math.isfinite(value) for value in line.values())
        assert line["steps_per_second"] > 0
        assert 0 <= line["wait_share"] <= 1
        assert line["lr"] > 0 and line["step_seconds"] > 0
        assert line["gradient_norm"] > 0
    assert any("loss_twin" in line for line in looks)
    watched = [line for line in lines if "holdout_J" in line]
    assert [line["step"] for line in watched] == [2, 4, 6]
    assert all(line.keys() == {"step", "holdout_J"} for line in watched)
    assert all(0 <= line["holdout_J"] <= 1 for line in watched)


def test_the_run_states_how_it_was_made(uninterrupted: Path, tiny: Config, blocks: Dataset) -> None:
    facts = read_facts(uninterrupted)
    assert facts is not None
    assert (facts["fold"], facts["seed"], facts["dataset"]) == (1, 0, blocks.digest)
    report = TrainReport(**facts["report"])
    assert report.steps == 6 and report.run == str(uninterrupted)
    model = load_checkpoint(uninterrupted).model
    assert report.parameters == sum(p.numel() for p in model.parameters() if p.requires_grad)
    assert report.holdout_J == pytest.approx(journal(uninterrupted)[-1]["holdout_J"], abs=1e-6)
    assert load_checkpoint(uninterrupted).config.model == tiny.model


def test_it_learns_what_it_is_shown_again_and_again(
    tiny: Config, blocks_root: Path, blocks_cache: Path, tmp_path: Path
) -> None:
    options = replace(
        tiny.train, steps=30, warmup_steps=1, schedule="constant", learning_rate=2e-3,
        channel_dropout=0.0, channel_noise=0.0, hide_nouns=0.0, log_every=30, holdout_every=0,
    )  # fmt: skip
    config = replace(tiny, train=options, model=replace(tiny.model, dropout=0.0))
    batch = Draws.__call__
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Draws, "__call__", lambda self, step: batch(self, 0))
        losses: list[float] = []
        learn = _Training.learn

        def noted(self: _Training, given: EpisodeBatch) -> Losses:
            found = learn(self, given)
            losses.append(found.total.item())
            return found

        patch.setattr(_Training, "learn", noted)
        train(
            config=config,
            data_roots=[blocks_root],
            fold=1,
            run=tmp_path / "run",
            cache_root=blocks_cache,
        )
    assert len(losses) == 30
    assert sum(losses[-5:]) / 5 < 0.6 * losses[0]


def test_training_sees_neither_test_classes_nor_held_back_videos(
    tiny: Config,
    blocks_root: Path,
    blocks_cache: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: set[str] = set()

    def note(dataset: object, source: object, episodes: list[Episode], *_: object) -> None:
        asked.update(clip.video for e in episodes for clip in (e.query, e.support))
        raise KeyboardInterrupt

    monkeypatch.setattr("stages.training.draws.collate", note)
    for seed in range(12):
        config = replace(tiny, train=replace(tiny.train, videos_per_step=8))
        with pytest.raises(KeyboardInterrupt):
            train(
                config=config,
                data_roots=[blocks_root],
                fold=1,
                run=tmp_path / "run",
                cache_root=blocks_cache,
                seed=seed,
            )
    assert {video[:-1] for video in asked} == {"bee", "cat", "dog", "fox"}  # ant and eel are tested
    assert len(asked) == 8  # two of each class's three videos


def test_a_run_may_start_from_another_ones_weights(
    fit: Train, uninterrupted: Path, tmp_path: Path
) -> None:
    still = {"steps": 1, "learning_rate": 1e-12, "weight_decay": 0.0}
    begun = weights(uninterrupted)
    for name, init in (("folder", uninterrupted), ("file", uninterrupted / "model.safetensors")):
        fit(tmp_path / name, init=init, **still)
        for key, tensor in weights(tmp_path / name).items():
            torch.testing.assert_close(tensor, begun[key], atol=1e-9, rtol=0)


def test_a_run_takes_what_agrees_and_says_what_does_not(
    fit: Train, uninterrupted: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file that lacks a part, has one too many and one of another size."""
    state, encoders, facts = read_weights(uninterrupted / "model.safetensors")
    first, second, *rest = sorted(state)
    changed = {
        **{n: state[n] for n in rest},
        second: torch.zeros(3, 5, 7),
        "old.part": state[first],
    }
    header = {"encoders": json.dumps(asdict(encoders)), "facts": json.dumps(dict(facts))}
    save_file(changed, tmp_path / "other.safetensors", header)
    fit(tmp_path / "run", init=tmp_path / "other.safetensors", steps=1, learning_rate=1e-12,
        weight_decay=0.0)  # fmt: skip
    said = capsys.readouterr().err
    assert f"{len(rest)} of {len(state)} tensors taken, 2 start anew (" in said
    assert "2 of its own left (" in said and "old" in said
    trained = weights(tmp_path / "run")
    for name in rest:
        torch.testing.assert_close(trained[name], state[name], atol=1e-9, rtol=0)
    save_file({"old.part": state[first]}, tmp_path / "none.safetensors", header)
    with pytest.raises(DataError, match="has no tensor of this configuration's network"):
        fit(tmp_path / "none", init=tmp_path / "none.safetensors")


def test_what_a_run_cannot_start_from(
    fit: Train, uninterrupted: Path, tmp_path: Path, tiny: Config
) -> None:
    run = tmp_path / "run"
    with pytest.raises(MissingError, match="nothing"):
        fit(run, init=tmp_path / "nothing.safetensors")
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes((uninterrupted / "model.safetensors").read_bytes()[:-8])
    with pytest.raises(DataError, match=r"cut\.safetensors is damaged or truncated"):
        fit(run, init=cut)
    foreign = tmp_path / "foreign.safetensors"
    digest = load_checkpoint(uninterrupted).encoders.vision_digest.encode()
    whole = (uninterrupted / "model.safetensors").read_bytes()
    foreign.write_bytes(whole.replace(digest, b"0" * len(digest)))
    with pytest.raises(DataError, match="another vision encoder"):
        fit(run, init=foreign)
    assert not run.exists()


def test_an_unknown_fold_leaves_nothing(fit: Train, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="unknown fold 9; choose one of 1, 2, 3, 4"):
        fit(tmp_path / "run", fold=9)
    assert not (tmp_path / "run").exists()


def test_a_loss_that_is_not_finite_stops_with_advice(fit: Train, tmp_path: Path) -> None:
    with pytest.raises(
        FsrvosError, match="the loss is nan at step 0 .*; lower train.learning_rate"
    ):
        fit(tmp_path / "run", weight_dice=math.nan)
    assert not (tmp_path / "run/model.safetensors").exists()


def test_a_changed_sentence_is_another_dataset(blocks_root: Path, tmp_path: Path) -> None:
    before = load_dataset(blocks_root).digest
    copy = tmp_path / "copy"
    shutil.copytree(blocks_root, copy)
    assert load_dataset(copy).digest == before
    path = copy / "meta_expressions/train/meta_expressions.json"
    content = json.loads(path.read_text("utf-8"))
    first = next(iter(content["videos"].values()))["expressions"]
    next(iter(first.values()))["exp"] = "something else"
    path.write_text(json.dumps(content), "utf-8")
    assert load_dataset(copy).digest != before
