"""The paper's figures are the paper's, and ours stand beside them by dataset."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from configs.errors import UsageError
from stages.report import paper_table
from stages.scoring.aggregate import student_interval


def make_run(
    folder: Path,
    dataset: str,
    fold: int,
    j: float,
    f: float,
    affinity: str = "cross",
    kind: str | None = None,
    drawings: Sequence[float] = (),
    facts: Mapping[str, Any] | None = None,
    **more: Any,
) -> Path:
    run = folder / f"{dataset}-{affinity}-fold{fold}"
    run.mkdir(parents=True)
    (run / "config.toml").write_text(f'[model]\naffinity = "{affinity}"\n')
    score: dict[str, Any] = {
        "protocol": "paper",
        "dataset": dataset,
        "kind": kind,
        "fold": fold,
        "J": j,
        "F": f,
        "JF": (j + f) / 2,
        "seeds": [{"seed": 0, "n": 1}],
        "per_category": {},
        "controls": {},
        "predictions": {"sha256": "0"},
    } | more
    if drawings:
        low, high = student_interval(drawings)
        score["seeds"] = [{"seed": n, "n": 1, "JF": jf} for n, jf in enumerate(drawings)]
        score["interval"] = {"JF": [low, high]}
    if facts is not None:
        header = {"facts": json.dumps(facts), "encoders": "{}"}
        save_file({"weight": torch.zeros(1)}, run / "model.safetensors", header)
    evaluation = run / "evaluations/only"
    evaluation.mkdir(parents=True)
    (evaluation / "score.json").write_text(json.dumps(score))
    return run


def test_published_means_are_means() -> None:
    """The printed means follow from the printed folds, to the printed digit."""
    for number in (1, 2):
        for row in paper_table(number=number, runs=[]).blocks[0].rows:
            pairs = [tuple(map(float, cell.split(" / "))) for cell in row[1:]]
            for part in (0, 1):
                mean = sum(pair[part] for pair in pairs[:4]) / 4
                assert pairs[4][part] == pytest.approx(mean, abs=0.0501)


def test_ours_stand_in_their_fold_and_the_mean_waits_for_all_four(tmp_path: Path) -> None:
    dataset = "mini-ref-youtube-vos"
    runs = [make_run(tmp_path, dataset, fold, 10 * fold, 50, kind=dataset) for fold in (1, 3)]
    paper, ours = paper_table(number=1, runs=runs).blocks
    assert paper.rows[1][1] == "59.5 / 60.8"
    assert ours.heading == f"{dataset}, ours"
    assert ours.rows == (("cross, protocol paper", "10.0 / 50.0", "–", "30.0 / 50.0", "–", "–"),)
    runs += [make_run(tmp_path, dataset, fold, 10 * fold, 50, kind=dataset) for fold in (2, 4)]
    assert paper_table(number=1, runs=runs).blocks[1].rows[0][-1] == "25.0 / 50.0"


def test_datasets_never_mix(tmp_path: Path) -> None:
    runs = [
        make_run(tmp_path, "sample", 1, 70, 70),
        make_run(tmp_path, "mini-ref-sail-vos", 1, 60, 60, kind="mini-ref-sail-vos"),
    ]
    paper, own, other = paper_table(number=2, runs=runs).blocks
    assert [block.rows[0][1] for block in (own, other)] == ["60.0 / 60.0", "70.0 / 70.0"]
    assert own.heading == "mini-ref-sail-vos, ours"
    assert other.heading.startswith("sample, ours (another dataset: not comparable")
    assert all("70.0" not in cell for row in paper.rows + own.rows for cell in row)


def test_a_folders_name_makes_no_dataset_comparable(tmp_path: Path) -> None:
    name = "mini-ref-sail-vos"
    runs = [
        make_run(tmp_path, name, 1, 10, 10),
        make_run(tmp_path, "mine", 1, 20, 20, kind=name),
        make_run(tmp_path / "b", name, 1, 30, 30, kind="sample"),
    ]
    _, *blocks = paper_table(number=2, runs=runs).blocks
    headings = {block.rows[0][1]: block.heading for block in blocks}
    assert headings["20.0 / 20.0"] == "mini-ref-sail-vos, ours, from mine"
    assert "note its kind in dataset.json" in headings["10.0 / 10.0"]
    assert "another dataset: not comparable" in headings["30.0 / 30.0"]


def test_the_papers_affinity_is_the_mean_of_its_first_fold() -> None:
    """Table 4's last row is fold 1 of table 1: (59.5 + 60.8) / 2, to the printed digit."""
    (block,) = paper_table(number=4, runs=[]).blocks
    j, f, jf = map(float, block.rows[-1][1:])
    assert f"{j} / {f}" == paper_table(number=1, runs=[]).blocks[0].rows[1][1]
    assert jf == pytest.approx((j + f) / 2, abs=0.0501)


def test_table_three_is_about_fold_one(tmp_path: Path) -> None:
    sail = "mini-ref-sail-vos"
    runs = [make_run(tmp_path, sail, fold, 10 * fold, 20, kind=sail) for fold in (1, 2)]
    paper, ours = paper_table(number=3, runs=runs).blocks
    assert ours.rows == (("cross, protocol paper", "10.0", "20.0", "15.0"),)
    assert ("MTTR, fine-tuned", "69.7", "68.1", "68.9") in paper.rows


def test_table_four_orders_the_ablation(tmp_path: Path) -> None:
    runs = [
        make_run(tmp_path, "sample", 1, j, j, affinity)
        for affinity, j in (("cross", 60), ("none", 40), ("self", 50))
    ]
    paper, block = paper_table(number=4, runs=runs).blocks
    assert [row[3] for row in paper.rows] == ["57.9", "59.2", "60.2"]
    assert block.heading.startswith("sample, ours (another dataset: not comparable")
    assert [row[0].split(",")[0] for row in block.rows] == [
        "affinity none",
        "affinity self",
        "affinity cross",
    ]
    assert [row[1] for row in block.rows] == ["40.0", "50.0", "60.0"]


def test_table_four_takes_the_mean_over_training_seeds(tmp_path: Path) -> None:
    """J&F of 40, 44 and 48: mean 44, half the interval 4.303 · 4 / √3."""
    runs = [make_run(tmp_path / str(j), "sample", 1, j, j) for j in (40, 44, 48)]
    (row,) = paper_table(number=4, runs=runs).blocks[1].rows
    assert row == (
        "affinity cross, fold 1, 3 training seeds, protocol paper",
        "44.0",
        "44.0",
        "44.0 ± 9.9",
    )


def test_unscored_runs_are_named_and_left_out(tmp_path: Path) -> None:
    run = make_run(tmp_path, "sample", 1, 1, 1)
    (run / "evaluations/only/score.json").unlink()
    result = paper_table(number=1, runs=[run])
    assert len(result.blocks) == 1
    assert "sample-cross-fold1 has no score and is left out." in result.notes


def test_text_and_json_agree(tmp_path: Path) -> None:
    result = paper_table(number=1, runs=[make_run(tmp_path, "sample", 2, 12.3, 45.6)])
    assert "12.3 / 45.6" in result.table()
    rows = result.to_json()["blocks"][1]["rows"]
    assert rows[0]["2"] == "12.3 / 45.6"
    with pytest.raises(UsageError, match="no table 5"):
        paper_table(number=5, runs=[])


def test_a_fold_has_the_interval_of_its_drawings_and_the_mean_that_of_theirs(
    tmp_path: Path,
) -> None:
    """Drawings 40, 44, 48 in each fold: t(2) = 4.303, so half is 4.303 * 4 / sqrt(3) = 9.9; they
    move together, so the mean's is as wide. Where they cancel, it is nothing."""
    together = [
        make_run(tmp_path, "a", fold, 44, 44, drawings=(40, 44, 48)) for fold in range(1, 5)
    ]
    against = [
        make_run(tmp_path, "b", fold, 44, 44, drawings=(40, 44, 48)[:: 1 - 2 * (fold % 2)])
        for fold in range(1, 5)
    ]
    first, second = paper_table(number=1, runs=together + against).blocks[1:]
    assert first.rows[0][1:] == ("44.0 / 44.0 ± 9.9",) * 5
    assert second.rows[0][5] == "44.0 / 44.0 ± 0.0"


def test_a_row_is_the_mean_over_training_seeds_and_counts_none_twice(tmp_path: Path) -> None:
    runs = [
        make_run(tmp_path / str(j), "a", fold, j, j, facts={"seed": j, "data": ["/x/a"]})
        for j in (40, 44, 48)
        for fold in range(1, 5)
    ]
    (row,) = paper_table(number=1, runs=runs).blocks[1].rows
    assert row[1:] == ("44.0 / 44.0 ± 9.9",) * 5
    again = make_run(tmp_path / "again", "a", 1, 10, 10, facts={"seed": 40, "data": ["/y/a"]})
    with pytest.raises(UsageError, match="one fold and training seed; name one of them"):
        paper_table(number=1, runs=[*runs, again])


def test_a_row_says_what_it_was_trained_and_tuned_on(tmp_path: Path) -> None:
    def tuned(steps: int) -> dict[str, Any]:
        settings = {"settings": {"evaluate": {"finetune_steps": steps}}}
        return {"predictions": {"sha256": "0", "provenance": settings}}

    facts = {"seed": 0, "data": ["/x/street-scenes"]}
    runs = [
        make_run(tmp_path / str(steps), "sea", 1, steps, 50, facts=facts, **tuned(steps))
        for steps in (0, 60)
    ]
    first, second = paper_table(number=3, runs=runs).blocks[1].rows
    assert first[0] == "cross, trained on street-scenes, protocol paper"
    assert second[0] == (
        "cross, tuned 60 steps on the support, trained on street-scenes, protocol paper"
    )


def test_a_configuration_may_have_a_dash_in_its_name(tmp_path: Path) -> None:
    facts = {"data": ["/x/my-clips"]}
    run = make_run(tmp_path, "my-clips-text-only", 1, 50, 50, "x", facts=facts)
    (row,) = paper_table(number=1, runs=[run]).blocks[1].rows
    assert row[0].startswith("text-only-x, trained on my-clips")


def test_trainings_and_controls_stand_below(tmp_path: Path) -> None:
    def control(drop: float) -> dict[str, Any]:
        return {"J": 1.0, "F": 1.0, "JF": 1.0, "drop_JF": drop}

    runs = [
        make_run(
            tmp_path / str(seed),
            "a",
            1,
            50,
            50,
            facts={"seed": seed, "report": {"steps": 280, "seconds": 90.0 + 60 * seed}},
            controls={"wrong_support": control(10.0 + 4 * seed)}
            | ({"twin_sentence": control(3.0)} if seed else {}),
        )
        for seed in (0, 1)
    ]
    row = paper_table(number=1, runs=runs).blocks[2].rows[0]
    assert row[1:] == ("12.0", "–", "–", "2", "280", "1.5–2.5")  # what not all say, nobody says


def test_what_keeps_rows_from_comparing_is_said(tmp_path: Path) -> None:
    runs = [
        make_run(
            tmp_path,
            "a",
            1,
            50,
            50,
            "cross",
            manifest=["d1"],
            facts={"categories": ["cat", "dog"], "report": {"steps": 10, "seconds": 1}},
            per_category={"cat": {"J": 1, "F": 1, "JF": 1}, "eel": {"J": 1, "F": 1, "JF": 1}},
        ),
        make_run(tmp_path, "a", 1, 50, 50, "none", manifest=["d2"]),
        make_run(tmp_path, "a", 1, 50, 50, "self", facts={"report": {"steps": 20, "seconds": 1}}),
    ]
    text = paper_table(number=4, runs=runs).table()
    assert "(a-cross-fold1 and a-none-fold1), so they do not compare" in text
    assert "a-cross-fold1 was trained on 1 of the 2 kinds that it is scored on (cat)" in text
    assert "Scored over 1 drawing of the support; the paper takes 5." in text
    assert "Not all rows were trained for the same number of steps." in text
