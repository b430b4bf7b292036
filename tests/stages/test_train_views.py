"""Training on views: from the cache and live, the same for a seed, the same episodes as without."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from configs import Config, MissingError
from stages.data.clips import Episode
from stages.data.views import PLAIN, View
from stages.features import extract
from stages.feeding.sources import VIEWS_TRIED, LiveSource
from stages.runs.training import TrainReport
from stages.train import train

Train = Callable[..., TrainReport]


@pytest.fixture(autouse=True)
def no_event_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stages.runs.journal.find_spec", lambda name: None)


@pytest.fixture(scope="module")
def three_views(tiny: Config) -> Config:
    short = replace(tiny.train, steps=3, holdout_every=0)
    return replace(tiny, features=replace(tiny.features, views=3), train=short)


@pytest.fixture(scope="module")
def cache_of_three(
    three_views: Config, blocks_root: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    cache = tmp_path_factory.mktemp("views")
    extract(config=three_views, data_root=blocks_root, fold=1, split="train", cache_root=cache)
    return cache


@pytest.fixture
def fit(three_views: Config, cache_of_three: Path, blocks_root: Path) -> Train:
    def run(folder: Path, *, views: int = 3, live: bool = False, seed: int = 0, **options: object):  # type: ignore[no-untyped-def]
        config = replace(
            three_views,
            features=replace(three_views.features, views=views),
            train=replace(three_views.train, **options),  # type: ignore[arg-type]
        )
        return train(
            config=config,
            data_roots=[blocks_root],
            fold=1,
            run=folder,
            cache_root=cache_of_three,
            from_cache=not live,
            seed=seed,
        )

    return run


@pytest.fixture
def episodes(monkeypatch: pytest.MonkeyPatch) -> list[list[Episode]]:
    """The episodes of every batch that is made."""
    from stages.feeding.batches import collate

    noted: list[list[Episode]] = []

    def note(dataset, source, made, *rest, **options):  # type: ignore[no-untyped-def]
        noted.append(list(made))
        return collate(dataset, source, made, *rest, **options)

    monkeypatch.setattr("stages.training.draws.collate", note)
    monkeypatch.setattr("stages.training.holdout.collate", note)
    return noted


def equal(one: Path, other: Path) -> bool:
    first, second = (load_file(run / "model.safetensors") for run in (one, other))
    return all(torch.equal(first[name], second[name]) for name in first)


def plain(batches: list[list[Episode]]) -> list[list[Episode]]:
    return [
        [
            replace(e, query=replace(e.query, view=PLAIN), support=replace(e.support, view=PLAIN))
            for e in batch
        ]
        for batch in batches
    ]


def views(batches: list[list[Episode]]) -> list[View]:
    return [clip.view for batch in batches for e in batch for clip in (e.query, e.support)]


@pytest.mark.parametrize("live", [False, True])
def test_a_seed_gives_the_same_views_and_weights(
    fit: Train, tmp_path: Path, episodes: list[list[Episode]], live: bool
) -> None:
    fit(tmp_path / "one", live=live, loader_threads=1, prefetch=1, holdout_episodes=1)
    first = list(episodes)
    episodes.clear()
    torch.manual_seed(99)
    fit(tmp_path / "two", live=live, loader_threads=1, prefetch=2, holdout_episodes=1)
    assert episodes == first
    assert equal(tmp_path / "one", tmp_path / "two")
    assert any(view != PLAIN for view in views(first))
    fit(tmp_path / "other", live=live, seed=1)
    assert not equal(tmp_path / "one", tmp_path / "other")


def test_episodes_do_not_hang_on_views(
    fit: Train, tmp_path: Path, episodes: list[list[Episode]]
) -> None:
    made = {}
    for name, options in {
        "three": {},
        "one": {"views": 1},
        "off": {"augment": False},
        "live": {"live": True},
    }.items():
        episodes.clear()
        fit(tmp_path / name, **options)
        made[name] = list(episodes)
    assert plain(made["three"]) == made["one"] == made["off"] == plain(made["live"])
    assert made["three"] != made["one"] and made["live"] != made["three"]
    assert equal(tmp_path / "one", tmp_path / "off")
    assert not equal(tmp_path / "one", tmp_path / "three")


def test_holdout_sees_the_frames_as_they_are(
    fit: Train, tmp_path: Path, episodes: list[list[Episode]]
) -> None:
    fit(tmp_path / "run", holdout_every=1)
    asked = [batch for batch in episodes if {e.query.video for e in batch} <= held(episodes)]
    assert asked and all(view == PLAIN for view in views(asked))


def held(batches: list[list[Episode]]) -> set[str]:
    """Videos that are asked about after the last step: those of the holdout."""
    return {e.query.video for e in batches[-1]}


def test_live_views_are_new_each_time_and_the_plain_one_is_last(
    three_views: Config, blocks: object
) -> None:
    live = LiveSource(three_views, blocks, "cpu")  # type: ignore[arg-type]
    rng = np.random.default_rng(0)
    offered = list(live.views("ant0", rng))
    assert len(offered) == VIEWS_TRIED + 1 == len(set(offered))
    assert offered[-1] == PLAIN and PLAIN not in offered[:-1]
    assert not set(live.views("ant0", rng)) & set(offered[:-1])


def test_missing_views_stop_a_training_before_any_work(
    three_views: Config, blocks_root: Path, blocks_cache: Path, tmp_path: Path
) -> None:
    line = r"view 1 of .* videos.*--config tiny --set features\.views=3 "
    with pytest.raises(MissingError, match=line):
        train(
            config=three_views,
            data_roots=[blocks_root],
            fold=1,
            run=tmp_path / "run",
            cache_root=blocks_cache,
        )
    assert not (tmp_path / "run").exists()
    still = replace(three_views, train=replace(three_views.train, augment=False, steps=1))
    train(
        config=still,
        data_roots=[blocks_root],
        fold=1,
        run=tmp_path / "run",
        cache_root=blocks_cache,
    )


def test_maps_may_be_mirrored_and_cropped(fit: Train, tmp_path: Path) -> None:
    options = {"augment": False, "views": 1}
    fit(tmp_path / "plain", **options)
    fit(tmp_path / "flipped", flip_maps=1.0, **options)
    fit(tmp_path / "again", flip_maps=1.0, **options)
    fit(tmp_path / "cropped", crop_maps=1, videos_per_step=3, **options)
    assert equal(tmp_path / "flipped", tmp_path / "again")
    assert not equal(tmp_path / "plain", tmp_path / "flipped")
    assert not equal(tmp_path / "plain", tmp_path / "cropped")
