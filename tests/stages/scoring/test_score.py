"""Scores of predictions that are wrong by a known amount."""

from __future__ import annotations

import hashlib
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from configs.errors import DataError, FsrvosError, MissingError, UsageError
from stages.data.kind import write_kind
from stages.score import Score, score
from stages.scoring.metrics import DAVIS_BOUND, PAPER_BOUND, contour_f, region_j

R = Any  # the Rectangles fixture; test modules cannot import from a conftest


def shifted(masks: np.ndarray, by: int) -> np.ndarray:
    return np.roll(masks, by, axis=2)


def j_of_shift(by: int) -> float:
    """Two 10-pixel-wide rectangles, one moved sideways."""
    return (10 - by) / (10 + by)


def test_perfect_masks_score_one_hundred(rectangles: R) -> None:
    path = rectangles.write(
        [rectangles.predict(("model", seed, 0), "v0") for seed in range(2)], protocol="davis"
    )
    result = score(predictions=path, data_root=rectangles.root)
    figures = result.overall
    assert (figures.J, figures.F, figures.JF, figures.n) == (100, 100, 100, 1)
    assert figures.interval == {name: (100, 100) for name in ("J", "F", "JF")}


def test_means_go_over_frames_then_expressions_then_seeds(rectangles: R) -> None:
    r = rectangles
    one_bad_frame = r.truth("v2")
    one_bad_frame[2] = False
    path = r.write(
        [
            r.predict(("model", 0, 0), "v0"),
            r.predict(("model", 0, 1), "v1", shifted(r.truth("v1"), 2)),
            r.predict(("model", 1, 0), "v2", one_bad_frame),
        ]
    )
    result = score(predictions=path, data_root=r.root)
    first, second = (100 + 100 * j_of_shift(2)) / 2, 100 * 2 / 3
    assert [seed.J for seed in result.overall.seeds] == pytest.approx([first, second])
    assert result.overall.J == pytest.approx((first + second) / 2)
    low, high = (result.overall.interval or {})["J"]
    # Two seeds: t with one degree of freedom at 97.5 % is 12.7062, the error half the distance.
    assert high - result.overall.J == pytest.approx(12.706204736 * abs(first - second) / 2)
    assert result.overall.J - low == pytest.approx(high - result.overall.J)
    assert {name: figures.J for name, figures in result.per_category.items()} == pytest.approx(
        {"cat": first, "dog": second}
    )
    assert result.per_video["v1"].J == pytest.approx(100 * j_of_shift(2))
    assert {name: figures.n for name, figures in result.per_video.items()} == {
        "v0": 1,
        "v1": 1,
        "v2": 1,
    }


def test_both_measures_are_those_of_the_metrics(rectangles: R) -> None:
    r = rectangles
    masks = np.random.default_rng(0).random(r.truth("v0").shape) > 0.5
    result = score(predictions=r.write([r.predict(("model", 0, 0), "v0", masks)]), data_root=r.root)
    truth = r.truth("v0")
    assert result.overall.J == pytest.approx(100 * region_j(masks, truth).mean(), abs=1e-9)
    expected_f = 100 * contour_f(masks, truth, DAVIS_BOUND).mean()
    assert result.overall.F == pytest.approx(expected_f, abs=1e-9)
    assert result.overall.JF == pytest.approx((result.overall.J + result.overall.F) / 2)
    assert result.overall.interval is None  # one seed says nothing of the spread


def test_the_paper_protocol_pools_frames_at_network_size(rectangles: R, tmp_path: Path) -> None:
    r = rectangles
    height, width = 18, 31  # not a whole factor, so bilinear rounding matters
    truth = torch.from_numpy(r.truth("v0").astype(np.float32))[:, None]
    resized = torch.nn.functional.interpolate(
        truth, size=(height, width), mode="bilinear", align_corners=False
    )
    goal = (resized[:, 0] > 0.5).numpy()
    masks = np.random.default_rng(1).random(goal.shape) > 0.4
    path = r.write([r.predict(("model", 0, 0), "v0", masks)], protocol="paper")
    result = score(predictions=path, data_root=r.root, protocol="paper")
    assert result.overall.J == pytest.approx(100 * region_j(masks, goal).mean(), abs=1e-9)
    expected_f = 100 * contour_f(masks, goal, PAPER_BOUND).mean()
    assert result.overall.F == pytest.approx(expected_f, abs=1e-9)


def test_protocols_differ_in_what_is_pooled(rectangles: R) -> None:
    """One video has four frames, the other three."""
    r = rectangles
    bad = np.zeros_like(r.truth("v0"))
    path = r.write([r.predict(("model", 0, 0), "v0", bad), r.predict(("model", 0, 1), "v2")])
    assert score(predictions=path, data_root=r.root, protocol="davis").overall.J == pytest.approx(
        50
    )
    assert score(predictions=path, data_root=r.root, protocol="paper").overall.J == pytest.approx(
        100 * 3 / 7
    )


def control_file(r: R) -> Path:
    empty = np.zeros_like(r.truth("v0"))
    return r.write(
        [
            r.predict(("model", 0, 0), "v0", shifted(r.truth("v0"), 1)),
            r.predict(("model", 0, 1), "v1"),
            r.predict(("model", 0, 2), "v2"),
            r.predict(("wrong_support", 0, 0), "v0", shifted(r.truth("v0"), 2)),
            r.predict(("wrong_support", 0, 1), "v1", shifted(r.truth("v1"), 2)),
            r.predict(("empty_sentence", 0, 0), "v0", empty),  # no twin there: does not count
            r.predict(("empty_sentence", 0, 1), "v1", shifted(r.truth("v1"), 1)),
            r.predict(("twin_sentence", 0, 1), "v1", r.truth("v1", 2)),
            r.predict(("untrained", 0, 2), "v2", empty[:3]),
        ]
    )


def test_controls_are_compared_on_their_own_episodes(rectangles: R) -> None:
    controls = score(predictions=control_file(rectangles), data_root=rectangles.root).to_json()[
        "controls"
    ]
    wrong = controls["wrong_support"]
    assert wrong["n"] == 2
    assert wrong["J"] == pytest.approx(100 * j_of_shift(2))
    assert wrong["model_J"] == pytest.approx((100 + 100 * j_of_shift(1)) / 2)
    assert wrong["drop_J"] == pytest.approx(wrong["model_J"] - wrong["J"])
    assert wrong["drop_JF"] == pytest.approx(wrong["model_JF"] - wrong["JF"])
    empty = controls["empty_sentence"]
    assert (empty["n"], empty["model_J"]) == (1, 100)
    assert empty["J"] == pytest.approx(100 * j_of_shift(1))
    assert controls["twin_sentence"]["J"] == 0
    assert controls["untrained"]["JF"] == 0


def test_controls_pass_by_their_rule(rectangles: R) -> None:
    controls = score(predictions=control_file(rectangles), data_root=rectangles.root).controls
    lost = controls["empty_sentence"].drop("J")
    assert lost == pytest.approx(100 - 100 * j_of_shift(1))
    assert lost < 20
    assert not controls["empty_sentence"].passed
    assert controls["twin_sentence"].passed
    assert controls["untrained"].passed
    table = score(predictions=control_file(rectangles), data_root=rectangles.root).table()
    (row,) = [line for line in table.splitlines() if line.startswith("empty sentence")]
    assert "NOT MET" in row
    assert "18.2 J" in row


def test_objects_with_a_twin_are_reported_apart(rectangles: R) -> None:
    found = score(predictions=control_file(rectangles), data_root=rectangles.root)
    assert found.per_twin["with a twin"].J == 100  # v1 alone
    assert found.per_twin["alone of its kind"].J == pytest.approx((100 + 100 * j_of_shift(1)) / 2)
    assert "with a twin: J 100.0" in found.table()
    alone = score(
        predictions=rectangles.write([rectangles.predict(("model", 0, 0), "v0")]),
        data_root=rectangles.root,
    )
    assert "twin" not in alone.table()


def test_a_control_without_its_counterpart_is_refused(rectangles: R) -> None:
    r = rectangles
    path = r.write([r.predict(("model", 0, 0), "v0"), r.predict(("wrong_support", 0, 1), "v1")])
    with pytest.raises(DataError, match=r"wrong_support/seed0/00001 has no model episode"):
        score(predictions=path, data_root=r.root)


def figures(found: Score) -> dict[str, Any]:
    """All that was found, without what made it."""
    return {name: value for name, value in found.to_json().items() if name != "provenance"}


def test_workers_change_nothing(rectangles: R) -> None:
    path = control_file(rectangles)
    alone = figures(score(predictions=path, data_root=rectangles.root, jobs=1))
    together = figures(score(predictions=path, data_root=rectangles.root, jobs=2))
    assert together == alone


def test_score_json(rectangles: R) -> None:
    r = rectangles
    result = score(
        predictions=r.write([r.predict(("model", 3, 0), "v0")], manifest="abc"), data_root=r.root
    )
    written = json.loads((r.folder / "score.json").read_text())
    assert written == json.loads(json.dumps(result.to_json()))
    wanted = {"protocol", "manifest", "seeds", "J", "F", "JF", "interval", "per_category"}
    assert wanted | {"per_video", "controls", "provenance"} <= written.keys()
    assert written["manifest"] == "abc"
    assert written["seeds"] == [{"seed": 3, "J": 100, "F": 100, "JF": 100, "n": 1}]
    assert written["interval"] is None
    assert written["provenance"]["versions"]["numpy"] == np.__version__
    predictions = written["predictions"]
    assert predictions["file"] == str(r.folder / "predictions.h5")
    digest = hashlib.sha256((r.folder / "predictions.h5").read_bytes()).hexdigest()
    assert predictions["sha256"] == written["provenance"]["digests"]["predictions"] == digest
    assert sorted(p.name for p in r.folder.iterdir()) == [
        "predictions.h5",
        "score.csv",
        "score.json",
        "score.md",
    ]


def test_the_table_shows_the_headline_and_every_category(rectangles: R) -> None:
    r = rectangles
    path = r.write(
        [r.predict(("model", s, e), v) for s in (0, 1) for e, v in enumerate(("v0", "v2"))]
    )
    table = score(predictions=path, data_root=r.root).table()
    assert table.splitlines()[0] == "rectangles, fold 1: J 100.0   F 100.0   J&F 100.0 ± 0.0"
    rows = {line.split()[0]: line.split()[1:] for line in table.splitlines() if "±" in line}
    assert rows["all"] == ["100.0", "100.0", "100.0", "±", "0.0", "2"]
    assert rows["cat"] == rows["dog"] == ["100.0", "100.0", "100.0", "±", "0.0", "1"]


def test_a_score_tells_the_kind_of_its_dataset(rectangles: R) -> None:
    path = rectangles.write([rectangles.predict(("model", 0, 0), "v0")])
    assert score(predictions=path, data_root=rectangles.root).to_json()["kind"] is None
    write_kind(rectangles.root, "sample")
    assert score(predictions=path, data_root=rectangles.root).to_json()["kind"] == "sample"


def test_a_dataset_without_a_name_takes_its_folder_s(rectangles: R) -> None:
    path = rectangles.write([rectangles.predict(("model", 0, 0), "v0")], dataset=None)
    result = score(predictions=path, data_root=rectangles.root)
    assert result.to_json()["dataset"] == rectangles.root.name
    assert result.table().startswith(f"{rectangles.root.name}, fold 1: ")


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"video": "v9"}, DataError, "video 'v9' is not in"),
        ({"object_id": 7}, DataError, "is about object 7"),
        ({"frames": ("a", "b", "c", "d")}, DataError, "lacks frame '00000'"),
        ({"size": (12, 20)}, DataError, "masks of 20x12 and annotations of 40x24"),
        ({"protocol": "paper", "asked": "davis"}, UsageError, "made for protocol paper"),
        ({"condition": "untrained"}, DataError, "no episode of the model"),
    ],
)
def test_what_does_not_belong_together_is_refused(
    rectangles: R, change: dict[str, Any], error: type[FsrvosError], message: str
) -> None:
    from dataclasses import replace

    item = rectangles.predict((change.get("condition", "model"), 0, 0), "v0")
    names = {key: change[key] for key in ("video", "object_id", "frames") if key in change}
    item = replace(item, info=replace(item.info, **names))
    if "size" in change:
        height, width = change["size"]
        info = replace(item.info, height=height, width=width)
        item = replace(item, info=info, masks=item.masks[:, :height, :width])
    meta = {"protocol": change["protocol"]} if "protocol" in change else {}
    path = rectangles.write([item], **meta)
    with pytest.raises(error, match=message) as caught:
        score(predictions=path, data_root=rectangles.root, protocol=change.get("asked"))
    assert "\n" not in str(caught.value)
    assert not (rectangles.folder / "score.json").exists()


def test_wrong_arguments(rectangles: R) -> None:
    path = rectangles.write([rectangles.predict(("model", 0, 0), "v0")])
    with pytest.raises(UsageError, match="unknown protocol 'mean'"):
        score(predictions=path, data_root=rectangles.root, protocol="mean")
    with pytest.raises(MissingError, match="no such predictions file"):
        score(predictions=rectangles.folder / "none.h5", data_root=rectangles.root)


def test_half_an_interval() -> None:
    from stages.scoring.aggregate import student_interval

    values = [60.0, 62.0, 61.0, 65.0, 57.0]
    low, high = student_interval(values)
    # t with four degrees of freedom at 97.5 % is 2.776445105; the variance is 8.5.
    assert high - 61 == pytest.approx(2.776445105 * math.sqrt(8.5 / 5))
    assert 61 - low == pytest.approx(high - 61)
    with pytest.raises(ValueError, match="two values"):
        student_interval([1.0])
