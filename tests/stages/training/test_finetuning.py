"""A network tuned on the support clip: that clip is learnt, nothing else is touched."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from configs import Config, UsageError
from configs.training import TrainConfig
from stages.data.clips import Clip, Episode
from stages.data.dataset import Dataset
from stages.data.episodes import test_episodes
from stages.evaluate import CLIPS_A_BATCH, evaluate
from stages.feeding.batches import collate
from stages.feeding.inference import choose_query, run_model
from stages.feeding.sources import open_source
from stages.model.network import Network
from stages.model.networks import build_network
from stages.predictions import read_predictions
from stages.predictions.questions import in_batches, questions_of, support_of
from stages.runs.checkpoint import Encoders, load_checkpoint, save_checkpoint
from stages.training.finetuning import SupportTuner, recipe
from stages.training.optimisation import make_optimizer, make_schedule

CPU = torch.device("cpu")


@pytest.fixture
def stated(tiny: Config) -> Config:
    options = replace(tiny.evaluate, finetune_steps=12, finetune_rate=3e-3, episodes_per_category=0)
    return replace(tiny, evaluate=options)


def tuner(
    network: Network, config: Config, blocks: Dataset, cache: Path
) -> tuple[SupportTuner, Episode]:
    source = open_source(config, blocks, cache, "cpu", from_cache=True)
    return SupportTuner(network, config, blocks, source, CPU), test_episodes(blocks, 1, 0, 2)[0]


@pytest.mark.parametrize("name", ["fsrvos", "danet", "referformer", "mttr", "lbdt"])
def test_the_support_clip_is_learnt_and_the_network_stays(
    name: str, stated: Config, tiny_encoders: Encoders, blocks: Dataset, blocks_cache: Path
) -> None:
    torch.manual_seed(0)
    config = replace(stated, model=replace(stated.model, network=name))
    network = build_network(config.model, tiny_encoders.channels, tiny_encoders.text_width).eval()
    before = {key: tensor.clone() for key, tensor in network.state_dict().items()}
    tuning, episode = tuner(network, config, blocks, blocks_cache)
    shown = replace(episode, query=episode.support)
    copy = tuning.tuned(episode.support)
    assert loss_on(copy, shown, tuning) < 0.9 * loss_on(network, shown, tuning)
    assert all(torch.equal(before[key], tensor) for key, tensor in network.state_dict().items())
    assert tuning.tuned(episode.support) is copy and not copy.training


def loss_on(network: Network, episode: Episode, tuning: SupportTuner) -> float:
    from stages.training.learning import Learner

    batch = collate(tuning.dataset, tuning.source, [episode], CPU)
    learner = Learner(network, tuning.config, CPU)
    network.eval()
    with torch.no_grad():
        return float(learner.losses(batch).total)


def test_the_recipe_drops_the_rate_twice() -> None:
    options = recipe(replace(TrainConfig(), weight_mask=7.0), 60, 1e-4)
    assert options.weight_mask == 7.0 and options.weight_decay == 5e-4
    optimizer = make_optimizer(torch.nn.Linear(2, 2), options)
    schedule = make_schedule(optimizer, options)
    rates = []
    for _ in range(60):
        rates.append(schedule.get_last_lr()[0])
        optimizer.step()
        schedule.step()
    expected = [1e-4] * 30 + [1e-5] * 20 + [1e-6] * 10
    assert rates == pytest.approx(expected)


def test_each_question_is_asked_of_a_copy_tuned_on_its_own_support(
    stated: Config,
    tiny_encoders: Encoders,
    blocks_root: Path,
    blocks: Dataset,
    blocks_cache: Path,
    tmp_path: Path,
) -> None:
    """The answers are those of copies that are made one by one."""
    torch.manual_seed(3)
    stated = replace(stated, train=replace(stated.train, precision="fp32"))
    fresh = build_network(stated.model, tiny_encoders.channels, tiny_encoders.text_width)
    run = tmp_path / "run"
    save_checkpoint(run, fresh, stated, tiny_encoders, {"fold": 1})
    loaded = load_checkpoint(run)
    told = {
        steps: evaluate(
            data_root=blocks_root,
            fold=1,
            run=run,
            config=replace(loaded.config, evaluate=replace(stated.evaluate, finetune_steps=steps)),
            cache_root=blocks_cache,
        )
        for steps in (0, 12)
    }
    assert told[0].path != told[12].path
    records = {
        steps: {said.key: said for said in read_predictions(folder.predictions)}
        for steps, folder in told.items()
    }
    assert records[0].keys() == records[12].keys()
    tuning, _ = tuner(loaded.model, stated, blocks, blocks_cache)
    episodes = test_episodes(blocks, 1, 0, 2)
    questions = questions_of(blocks, 0, episodes, controls=True)
    for batch in in_batches(questions, CLIPS_A_BATCH, by_support=True):
        condition, support = batch[0].key.condition, batch[0].episode.support
        network = tuning.tune(support) if condition != "untrained" else None
        inputs = collate(
            blocks,
            tuning.source,
            [question.episode for question in batch],
            CPU,
            [question.sentence for question in batch],
            with_targets=False,
        )
        for row, question in enumerate(batch):
            plain, tuned = records[0][question.key].presence, records[12][question.key].presence
            if network is None:
                assert np.allclose(plain, tuned, atol=5e-3)  # in batches of other sizes
                continue
            said = run_model(network, inputs, "fp32")
            scores = choose_query(said)[1][row]
            np.testing.assert_allclose(scores, tuned, atol=1e-5)
            assert not np.allclose(plain, tuned, atol=1e-2)


def test_questions_of_one_support_come_together(blocks: Dataset) -> None:
    episodes = test_episodes(blocks, 1, 0, 2)
    questions = questions_of(blocks, 0, episodes, controls=True)
    batches = list(in_batches(questions, 4, by_support=True))
    assert sorted(q.key for batch in batches for q in batch) == sorted(q.key for q in questions)
    supports = [{support_of(q) for q in batch} for batch in batches]
    assert all(len(own) == 1 for own in supports)
    changes = sum(a != b for a, b in zip(supports, supports[1:], strict=False))
    assert changes == len({support_of(q) for q in questions}) - 1


def test_what_has_no_weights_is_not_tuned(stated: Config, blocks: Dataset) -> None:
    config = replace(stated, model=replace(stated.model, network="similarity"))
    network = build_network(config.model, (1, 1, 1, 1), 1)
    with pytest.raises(UsageError, match="nothing to tune; leave --finetune-on-support out"):
        SupportTuner(network, config, blocks, None, CPU)  # type: ignore[arg-type]


def test_a_clip_of_other_frames_is_another_support(
    stated: Config, tiny_encoders: Encoders, blocks: Dataset, blocks_cache: Path
) -> None:
    torch.manual_seed(0)
    few = replace(stated, evaluate=replace(stated.evaluate, finetune_steps=1))
    network = build_network(few.model, tiny_encoders.channels, tiny_encoders.text_width)
    tuning, episode = tuner(network, few, blocks, blocks_cache)
    other = Clip(episode.support.video, episode.support.expression, (0, 3))
    assert tuning.tuned(other) is not tuning.tuned(episode.support)
