"""Evaluation: which episodes under which conditions, the same every time, whole or absent."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from itertools import count
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from configs import Config, DataError, MissingError, UsageError
from stages import evaluate as evaluating
from stages.data.clips import Clip, Episode
from stages.data.dataset import Dataset
from stages.data.episode_files import find_episodes, write_episodes
from stages.data.episodes import read_manifest, test_episodes, twin, wrong_support
from stages.encoders.base import weights_digest
from stages.evaluate import evaluate
from stages.features import extract
from stages.feeding.batches import collate
from stages.feeding.sources import CacheSource
from stages.model.networks import build_network
from stages.predictions import EpisodePrediction, list_episodes, read_meta, read_predictions
from stages.predictions.questions import in_batches, questions_of
from stages.runs.checkpoint import Encoders, load_checkpoint, save_checkpoint
from stages.runs.folder import RunFolder
from tests.full_disk import refusal

Evaluate = Callable[..., Path]
CONDITIONS = ["model", "wrong_support", "empty_sentence", "twin_sentence", "untrained"]


@pytest.fixture
def run(untrained_run: Path, tmp_path: Path) -> Path:
    """A run folder to write into."""
    return Path(shutil.copytree(untrained_run, tmp_path / "run"))


@pytest.fixture
def ask(tiny: Config, blocks_root: Path, blocks_cache: Path) -> Evaluate:
    """Evaluate a run on the blocks, all episodes; options of the evaluation by name."""

    def evaluate_run(  # type: ignore[no-untyped-def]
        run: Path,
        fold: int = 1,
        controls: bool = True,
        out: Path | None = None,
        episodes: Sequence[Path] = (),
        **options,
    ) -> Path:
        stated = replace(tiny.evaluate, **{"episodes_per_category": 0, "seeds": 1} | options)
        config = replace(tiny, evaluate=stated)
        folder = evaluate(
            data_root=blocks_root,
            fold=fold,
            run=run,
            out=out,
            config=config,
            cache_root=blocks_cache,
            controls=controls,
            episodes=episodes,
        )
        return folder.predictions

    return evaluate_run


def records(path: Path) -> dict[tuple[str, int, int], EpisodePrediction]:
    return {
        (said.key.condition, said.key.seed, said.key.episode): said
        for said in read_predictions(path)
    }


def same(one: EpisodePrediction, other: EpisodePrediction) -> bool:
    return np.array_equal(one.masks, other.masks) and np.array_equal(one.presence, other.presence)


def test_listed_episodes_are_asked_and_drawn_ones_are_the_same(
    ask: Evaluate, run: Path, blocks: Dataset, tmp_path: Path
) -> None:
    """Files of what would be drawn are the same evaluation; of other shots, another."""
    drawn = ask(run, seeds=2, controls=False)
    write_episodes(blocks, tmp_path / "same", fold=1, seeds=2, shots=2)
    again = ask(run, controls=False, episodes=find_episodes([tmp_path / "same"]))
    assert again == drawn
    write_episodes(blocks, tmp_path / "one", fold=1, seeds=2, shots=1)
    one = ask(run, controls=True, episodes=[tmp_path / "one/seed1.json"])
    said = records(one)
    assert {(condition, seed) for condition, seed, _ in said if condition == "untrained"} == {
        ("untrained", 1)
    }
    assert {len(answer.info.support_frames) for answer in said.values()} == {1}
    meta = read_meta(one)
    assert meta["shots"] == 1
    assert meta["manifest"] == [read_manifest(tmp_path / "one/seed1.json", blocks).digest]
    assert "seeds1-" in one.parent.name and one != drawn


def test_protocol_paper_asks_about_other_categories_too(
    run: Path, tiny: Config, blocks_root: Path, blocks_cache: Path, tmp_path: Path
) -> None:
    """As the authors count: an expression about another kind's object in a test video."""
    root = Path(shutil.copytree(blocks_root, tmp_path / "blocks"))
    path = root / "meta_expressions/train/meta_expressions.json"
    words = json.loads(path.read_text())
    spoken = words["videos"]["ant0"]["expressions"]
    words["videos"]["ant0"]["expressions"] = {"9": {"exp": "a bee", "obj_id": "2"}, **spoken}
    path.write_text(json.dumps(words))
    extract(config=tiny, data_root=root, fold=1, split="all", cache_root=tmp_path / "cache")
    asked = {}
    for protocol in ("davis", "paper"):
        stated = replace(tiny.evaluate, seeds=3, episodes_per_category=0, protocol=protocol)
        folder = evaluate(
            data_root=root,
            fold=1,
            run=run,
            config=replace(tiny, evaluate=stated),
            cache_root=tmp_path / "cache",
            controls=False,
        )
        found = [info for _, info in list_episodes(folder.predictions)]
        asked[protocol] = [i for i in found if (i.video, i.expression_id) == ("ant0", "9")]
    assert asked["davis"] == [] and asked["paper"]
    assert {info.category for info in asked["paper"]} == {"ant"}


def test_every_condition_asks_its_episodes(ask: Evaluate, run: Path, blocks: Dataset) -> None:
    said = records(ask(run, seeds=2))
    expected: Counter[tuple[str, int]] = Counter()
    for seed in (0, 1):
        episodes = test_episodes(blocks, 1, seed, 2)
        asked = [episode.query.expression for episode in episodes]
        assert {blocks.videos[e.video].category for e in asked} == {"ant", "eel"}
        twins = [e for e in asked if twin(blocks, e)]
        expected["model", seed] = expected["wrong_support", seed] = len(asked)
        expected["empty_sentence", seed] = expected["twin_sentence", seed] = len(twins)
        for number, episode in enumerate(episodes):
            info = said["model", seed, number].info
            assert (info.video, info.text) == (episode.query.video, episode.query.expression.text)
            assert info.twin == (twin(blocks, episode.query.expression) is not None)
            assert info.support_video == episode.support.video != info.video
            assert len(info.support_frames) == 2
            other = said["wrong_support", seed, number].info
            assert other.text == info.text
            assert {other.category, blocks.videos[other.support_video].category} == {"ant", "eel"}
    expected["untrained", 0] = expected["model", 0]
    found = Counter((condition, seed) for condition, seed, _ in said)
    assert found == {key: number for key, number in expected.items() if number}
    assert sum(number for (condition, _), number in found.items() if "sentence" in condition) > 0


def test_a_run_is_tried_on_features_of_another_stored_type(
    run: Path, tiny: Config, blocks_root: Path, blocks_cache: Path, tmp_path: Path
) -> None:
    """Few bits move the scores; the run's own type stays what the run says."""

    def evaluated(dtype: str, cache: Path) -> Path:
        config = replace(tiny, features=replace(tiny.features, stored=dtype))
        return evaluate(
            data_root=blocks_root,
            fold=1,
            run=run,
            config=config,
            cache_root=cache,
            controls=False,
        ).predictions

    with pytest.raises(MissingError, match="fsrvos features"):
        evaluated("uint4", blocks_cache)
    coarse = replace(tiny, features=replace(tiny.features, stored="uint4"))
    extract(config=coarse, data_root=blocks_root, fold=1, cache_root=tmp_path / "cache")
    presence = {}
    for dtype, cache in (("uint8", blocks_cache), ("uint4", tmp_path / "cache")):
        path = evaluated(dtype, cache)
        assert read_meta(path)["provenance"]["settings"]["features"]["stored"] == dtype
        presence[dtype] = [said.presence for said in records(path).values()]
    assert not np.array_equal(presence["uint8"], presence["uint4"])
    np.testing.assert_allclose(presence["uint8"], presence["uint4"], atol=0.2)
    assert load_checkpoint(run).config.features.stored == "uint8"


def test_a_twins_sentence_is_asked_and_the_object_stays(
    ask: Evaluate, run: Path, blocks: Dataset
) -> None:
    said = records(ask(run, seeds=3))
    rivals = [key for key in said if key[0] == "twin_sentence"]
    assert rivals
    for _, seed, number in rivals:
        own = said["model", seed, number].info
        asked = said["twin_sentence", seed, number].info
        empty = said["empty_sentence", seed, number].info
        assert asked.object_id == own.object_id == empty.object_id
        assert asked.expression_id == own.expression_id
        expression = blocks.expression(own.video, own.expression_id)
        rival = twin(blocks, expression)
        assert rival is not None and rival.object_id != own.object_id
        assert (own.text, asked.text, empty.text) == (expression.text, rival.text, "")


def test_without_controls_there_is_the_model_alone(ask: Evaluate, run: Path) -> None:
    said = records(ask(run, controls=False))
    assert {condition for condition, _, _ in said} == {"model"}


def test_answers_are_at_the_annotations_size_and_say_their_frames(
    ask: Evaluate, run: Path, blocks: Dataset
) -> None:
    for answer in records(ask(run)).values():
        video = blocks.videos[answer.info.video]
        assert answer.info.frames == video.frames
        assert answer.masks.shape == (6, *blocks.masks(video.id, 0).shape)
        assert answer.masks.dtype == np.bool_
        assert ((answer.presence >= 0) & (answer.presence <= 1)).all()
        assert answer.info.score == pytest.approx(float(answer.presence.mean()))


def test_it_answers_the_same_every_time_but_not_under_other_conditions(
    ask: Evaluate, run: Path
) -> None:
    first = records(ask(run))
    torch.manual_seed(77)
    again = records(ask(run))
    assert first.keys() == again.keys()
    assert all(same(first[key], again[key]) for key in first)
    for condition in CONDITIONS[1:]:
        keys = [key for key in first if key[0] == condition]
        assert any(not same(first[key], first["model", key[1], key[2]]) for key in keys), condition


def test_a_batch_answers_as_each_episode_alone(
    ask: Evaluate, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    together = records(ask(run, controls=False))
    assert len({answer.masks.shape for answer in together.values()}) == 2  # two sizes meet
    monkeypatch.setattr(evaluating, "CLIPS_A_BATCH", 1)
    alone = records(ask(run, controls=False))
    for key, answer in together.items():
        # Not equal to the last bit, as maps are interpolated across the edge of a padded frame.
        np.testing.assert_allclose(answer.presence, alone[key].presence, rtol=0.4)
        assert (answer.masks != alone[key].masks).mean() < 0.05


@pytest.mark.parametrize("window", [0, 1, 4, 6, 50])
def test_windows_cover_the_clip_once_and_in_order(
    ask: Evaluate,
    run: Path,
    blocks: Dataset,
    blocks_cache: Path,
    monkeypatch: pytest.MonkeyPatch,
    window: int,
) -> None:
    monkeypatch.setattr(evaluating, "CLIPS_A_BATCH", 1)
    said = records(ask(run, controls=False, window=window))
    loaded = load_checkpoint(run)
    source = CacheSource(loaded.config, blocks, blocks_cache, "cpu")
    episode = test_episodes(blocks, 1, 0, 2)[0]
    found = said["model", 0, 0]
    assert found.masks.shape[0] == len(episode.query.frames) == 6
    pieces = []
    for start in range(0, 6, window or 6):
        frames = episode.query.frames[start : start + (window or 6)]
        piece = replace(episode, query=replace(episode.query, frames=frames))
        batch = collate(blocks, source, [piece], torch.device("cpu"), with_targets=False)
        said_of_piece = evaluating.run_model(loaded.model, batch, loaded.config.train.precision)
        scores = said_of_piece.logits[0, :, :, 0].float().sigmoid()  # [T, Q]
        pieces.append(scores[:, scores.mean(0).argmax()])
    assert len(pieces) == {0: 1, 1: 6, 4: 2, 6: 1, 50: 1}[window]
    np.testing.assert_allclose(found.presence, torch.cat(pieces).numpy(), rtol=1e-5)


def test_protocol_paper_keeps_the_networks_size(
    ask: Evaluate, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = Dataset.masks

    def enlarged(self: Dataset, video: str, index: int) -> object:
        """Annotations of twice the size of what the network sees."""
        return size(self, video, index).repeat(2, 0).repeat(2, 1)

    monkeypatch.setattr(Dataset, "masks", enlarged)
    shapes = {
        protocol: {
            answer.info.video: answer.masks.shape[1:]
            for answer in records(ask(run, controls=False, protocol=protocol)).values()
        }
        for protocol in ("davis", "paper")
    }
    assert set(shapes["paper"].values()) == {(64, 96), (96, 64)}
    for video, (height, width) in shapes["paper"].items():
        assert shapes["davis"][video] == (2 * height, 2 * width)


def test_the_file_says_what_it_was_made_of(ask: Evaluate, run: Path, blocks: Dataset) -> None:
    path = ask(run, seeds=2)
    folder = path.parent
    assert folder.parent == run / "evaluations"
    assert re.fullmatch(r"blocks-fold1-davis-seeds2-[0-9a-f]{8}", folder.name)
    meta = read_meta(path)
    assert (meta["fold"], meta["run"], meta["protocol"]) == (1, str(run), "davis")
    assert {key.seed for key, _ in list_episodes(path)} == {0, 1}
    for seed in (0, 1):
        listed = read_manifest(folder / "manifests" / f"seed{seed}.json", blocks).episodes
        assert list(listed) == test_episodes(blocks, 1, seed, 2)
        content = json.loads((folder / "manifests" / f"seed{seed}.json").read_text())
        assert content["seed"] == seed and content["fold"] == 1
    made = meta["provenance"]
    weights = weights_digest(load_file(run / "model.safetensors"))
    encoders = load_checkpoint(run).encoders
    assert made["digests"] == {
        "dataset": blocks.digest,
        "weights": weights,
        "vision": encoders.vision_digest,
        "text": encoders.text_digest,
    }
    assert made["settings"]["evaluate"]["seeds"] == 2
    model = asdict(load_checkpoint(run).config.model)
    assert made["settings"]["model"] == json.loads(json.dumps(model))


def test_other_settings_and_other_weights_have_folders_of_their_own(
    ask: Evaluate, run: Path
) -> None:
    first = ask(run)
    content = first.read_bytes()
    others = [ask(run, controls=False), ask(run, window=3), ask(run, protocol="paper")]
    weights = load_file(run / "model.safetensors")
    with safe_open(run / "model.safetensors", "pt") as file:
        header = file.metadata()
    name = next(name for name in weights if weights[name].is_floating_point())
    save_file({**weights, name: weights[name] + 1}, run / "model.safetensors", header)
    others.append(ask(run))
    assert len({first, *others}) == 5
    assert first.read_bytes() == content
    newest, *_ = RunFolder(run).evaluations()
    assert newest.predictions == others[-1]


def test_the_same_again_takes_the_former_ones_place_and_drops_its_score(
    ask: Evaluate, run: Path
) -> None:
    path = ask(run)
    (path.parent / "score.json").write_text("of the former")
    before = records(path)
    assert ask(run) == path
    assert all(same(before[key], answer) for key, answer in records(path).items())
    assert not (path.parent / "score.json").exists()


def test_a_folder_of_ones_own_is_never_taken_by_something_else(
    ask: Evaluate, run: Path, tmp_path: Path
) -> None:
    out = tmp_path / "mine"
    path = ask(run, out=out)
    assert path == out / "predictions.h5"
    assert not (run / "evaluations").exists()
    content = path.read_bytes()
    with pytest.raises(UsageError, match="holds another evaluation .fold 1 of .*blocks"):
        ask(run, out=out, window=3)
    assert path.read_bytes() == content
    ask(run, out=out)
    path.write_bytes(content[:100])  # a damaged one can be made again
    assert ask(run, out=out) == path
    assert records(path)
    (out / "thesis.tex").touch()
    with pytest.raises(UsageError, match="thesis.tex, which is no former result"):
        ask(run, out=out)


def test_a_run_that_cannot_hold_an_evaluation_asks_where_to(
    ask: Evaluate, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: path != run)  # root may write anywhere
    with pytest.raises(UsageError, match=r"is not to be written to; .*--out"):
        ask(run)
    assert ask(run, out=tmp_path / "out") == tmp_path / "out/predictions.h5"


def test_a_network_without_training_is_evaluated_into_a_folder_of_ones_own(
    tiny: Config,
    blocks_root: Path,
    blocks_cache: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = replace(tiny.model, network="similarity")
    run = RunFolder(tmp_path / "similarity")
    run.write_config(replace(tiny, model=model))
    monkeypatch.setattr("stages.runs.evaluation.is_packaged", lambda place: place == run.path)
    options = {"data_root": blocks_root, "fold": 1, "run": run.path, "cache_root": blocks_cache}
    with pytest.raises(UsageError, match="--out"):
        evaluate(**options)
    folder = evaluate(**options, out=tmp_path / "out")
    assert read_meta(folder.predictions)["provenance"]["digests"]["weights"] == ""
    asked = {condition for condition, _, _ in records(folder.predictions)}
    assert {"model", "wrong_support"} <= asked and "untrained" not in asked
    assert [path.name for path in run.path.iterdir()] == ["config.toml"]


def test_a_setting_without_effect_is_refused(
    run: Path, tiny: Config, blocks_root: Path, blocks_cache: Path
) -> None:
    for section, changed in (("train", {"steps": 9}), ("model", {"queries": 2})):
        config = replace(tiny, **{section: replace(getattr(tiny, section), **changed)})
        (name,) = changed
        with pytest.raises(UsageError, match=f"{section}.{name} is . here and . in the run"):
            evaluate(data_root=blocks_root, fold=1, run=run, config=config, cache_root=blocks_cache)
    assert not (run / "evaluations").exists()


def test_a_fold_whose_classes_were_trained_on_is_refused(ask: Evaluate, run: Path) -> None:
    before = sorted(run.iterdir())
    with pytest.raises(UsageError, match="trained for fold 1, so fold 2's test classes are not"):
        ask(run, fold=2)
    assert sorted(run.iterdir()) == before


@pytest.mark.parametrize("former", [True, False])
def test_an_interruption_leaves_no_half_of_a_file(
    ask: Evaluate, run: Path, monkeypatch: pytest.MonkeyPatch, former: bool
) -> None:
    if former:
        ask(run)
    files = [path for path in run.rglob("*") if path.is_file()]
    before = {path: path.read_bytes() for path in files}
    answer, calls = evaluating.run_model, count(1)

    def stop(*arguments: object) -> object:
        if next(calls) == 2:
            raise KeyboardInterrupt
        return answer(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(evaluating, "run_model", stop)
    with pytest.raises(KeyboardInterrupt):
        ask(run)
    assert next(calls) == 3
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before
    assert (len(before) > 2) == former


@pytest.mark.parametrize("limit", [0, 6_000])
def test_a_full_disk_is_one_line_and_keeps_the_former_answers(
    ask: Evaluate, run: Path, limit: int
) -> None:
    """At the manifests, and among the masks."""
    folder = ask(run, controls=True).parent
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    said = refusal(lambda: ask(run, controls=True), limit)
    assert said.startswith(f"{folder}: cannot be written (No space left on device)")
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before


def test_what_it_cannot_do_without(
    ask: Evaluate, run: Path, tiny: Config, blocks_root: Path, tmp_path: Path
) -> None:
    with pytest.raises(MissingError, match="fsrvos features --data"):
        evaluate(data_root=blocks_root, fold=1, run=run, cache_root=tmp_path / "nothing")
    assert not (run / "evaluations").exists()
    weights = run / "model.safetensors"
    digest = load_checkpoint(run).encoders.vision_digest.encode()
    weights.write_bytes(weights.read_bytes().replace(digest, b"0" * len(digest)))
    with pytest.raises(DataError, match="trained on features of another vision encoder"):
        ask(run)
    assert not (run / "evaluations").exists()


def episodes(blocks: Dataset) -> list[Episode]:
    return test_episodes(blocks, 1, 0, 2)


def test_the_untrained_network_is_asked_the_first_seed_alone(blocks: Dataset) -> None:
    for seed in (0, 3):
        tasks = questions_of(blocks, seed, episodes(blocks), controls=True)
        found = list(dict.fromkeys(task.key.condition for task in tasks))
        assert found == CONDITIONS[: 5 if seed == 0 else 4]
        assert all(task.key.seed == seed for task in tasks)
    wrong = [t for t in questions_of(blocks, 0, episodes(blocks), True)
             if t.key.condition == "wrong_support"]  # fmt: skip
    assert [task.episode for task in wrong] == wrong_support(episodes(blocks))


def test_a_network_that_compares_is_asked_beside_the_frozen_features_alone(
    blocks: Dataset, blocks_root: Path, blocks_cache: Path, tiny: Config, tmp_path: Path,
    tiny_encoders: Encoders, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    config = replace(tiny, model=replace(tiny.model, network="affinity"))
    torch.manual_seed(0)
    model = build_network(config.model, tiny_encoders.channels, tiny_encoders.text_width)
    facts = {"fold": 0, "categories": ["ant", "bee"]}
    save_checkpoint(tmp_path / "run", model, config, tiny_encoders, facts)
    folder = evaluate(data_root=blocks_root, fold=1, run=tmp_path / "run", cache_root=blocks_cache)
    found = {key.condition for key, _ in list_episodes(folder.predictions)}
    assert "similarity" in found and "untrained" not in found
    assert "was trained on 1 of these 2 kinds (ant)" in capsys.readouterr().err


def test_batches_hold_one_condition_and_one_length(blocks: Dataset) -> None:
    def shorter(clip: Clip) -> Clip:
        return replace(clip, frames=clip.frames[:4])

    asked = episodes(blocks)
    asked = [replace(e, query=shorter(e.query)) if i % 3 else e for i, e in enumerate(asked)]
    tasks = questions_of(blocks, 0, asked, controls=True)
    batches = list(in_batches(tasks, 4))
    assert [task for batch in batches for task in batch] == tasks
    for batch in batches:
        assert 1 <= len(batch) <= 4
        assert len({(t.key.condition, len(t.episode.query.frames)) for t in batch}) == 1
    assert max(map(len, batches)) > 1
