"""What options give: means, pairing by training seed, and what may not be compared."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from configs.errors import UsageError
from stages.report import option_table

# Student's t for 95 % with 2 degrees of freedom, from a printed table.
T2 = 4.302652729749464


def make_run(
    folder: Path, name: str, seed: int, jf: float, model: str = "", manifest: str = "m"
) -> Path:
    run = folder / f"{name}-seed{seed}"
    run.mkdir(parents=True)
    (run / "config.toml").write_text(f"[model]\n{model}\n")
    header = {"facts": json.dumps({"seed": seed})}
    save_file({"nothing": np.zeros(1)}, run / "model.safetensors", metadata=header)
    score = {
        "protocol": "davis",
        "manifest": manifest,
        "J": jf - 1,
        "F": jf + 1,
        "JF": jf,
        "seeds": [{"seed": 0, "n": 1}],
        "per_category": {},
        "controls": {},
        "predictions": {"sha256": "0"},
    }
    evaluation = run / "evaluations/only"
    evaluation.mkdir(parents=True)
    (evaluation / "score.json").write_text(json.dumps(score))
    return run


def test_gains_are_paired_by_training_seed(tmp_path: Path) -> None:
    """Gains of 5, 4 and 6: mean 5, standard deviation 1, although the seeds lie 30 apart."""
    runs = [make_run(tmp_path, "base", seed, jf) for seed, jf in ((0, 40), (1, 55), (2, 70))]
    without = "clip_exchange = false\naffinity = 'self'"
    runs += [
        make_run(tmp_path, "other", seed, jf, without) for seed, jf in ((2, 76), (0, 45), (1, 59))
    ]
    base, other = option_table(runs=runs).rows
    assert (base.options, base.gain, base.gain_half) == ("as the first run", None, None)
    assert (base.J, base.F, base.JF) == pytest.approx((54, 56, 55))
    assert base.JF_half == pytest.approx(T2 * 15 / 3**0.5)
    assert other.options == "model.affinity=self, model.clip_exchange=False"
    assert other.seeds == (0, 1, 2)
    assert other.gain == pytest.approx(5)
    assert other.gain_half == pytest.approx(T2 * 1 / 3**0.5)


def test_only_common_seeds_make_a_gain(tmp_path: Path) -> None:
    runs = [make_run(tmp_path, "base", 0, 50), make_run(tmp_path, "base", 1, 60)]
    runs += [make_run(tmp_path, "other", seed, 90, "queries = 2") for seed in (1, 2)]
    other = option_table(runs=runs).rows[1]
    assert (other.gain, other.gain_half, other.JF) == (30, None, 90)


def test_a_value_stated_as_it_is_by_default_is_no_difference(tmp_path: Path) -> None:
    runs = [make_run(tmp_path, "base", 0, 50), make_run(tmp_path, "same", 1, 70, "dropout = 0.1")]
    (row,) = option_table(runs=runs).rows
    assert row.JF == 60


def test_the_variant_is_named_by_what_it_changes(tmp_path: Path) -> None:
    lines = "variant = 'official'\nattention_dropout = 0.0"
    runs = [make_run(tmp_path, "base", 0, 50), make_run(tmp_path, "official", 0, 40, lines)]
    options = option_table(runs=runs).rows[1].options
    assert options == "model.variant=official, model.attention_dropout=0.0"


def test_other_episodes_are_refused(tmp_path: Path) -> None:
    runs = [
        make_run(tmp_path, "base", 0, 50),
        make_run(tmp_path, "other", 0, 50, "queries = 2", manifest="n"),
    ]
    with pytest.raises(UsageError, match="scored on different test episodes"):
        option_table(runs=runs)


def test_one_configuration_and_seed_twice_is_refused(tmp_path: Path) -> None:
    runs = [make_run(tmp_path / part, "base", 0, 50) for part in ("a", "b")]
    with pytest.raises(UsageError, match="one configuration and one seed"):
        option_table(runs=runs)


def test_runs_without_a_score_are_named(tmp_path: Path) -> None:
    runs = [make_run(tmp_path, "base", 0, 50), make_run(tmp_path, "new", 1, 50)]
    (runs[1] / "evaluations/only/score.json").unlink()
    table = option_table(runs=runs)
    assert [row.seeds for row in table.rows] == [(0,)]
    assert table.notes == ("new-seed1 has no score or no configuration.",)
    assert "new-seed1" in table.table()
