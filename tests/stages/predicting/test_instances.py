"""Every instance that fits: which pass, what they are called, and what is written of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from fsrvos_cli.main import run as command_line
from stages.data.images import read_ids
from stages.data.overlay import write_mask_png, write_png
from stages.model.prediction import Followed, FollowedObject
from stages.predicting.following import Judged, JudgedFrame
from stages.predicting.instances import Instances
from stages.predicting.results.drawing import COLOURS
from stages.predicting.segmenter import Segmenter

HEIGHT, WIDTH = 64, 96


def logit(chance: float) -> float:
    return float(np.log(chance / (1 - chance)))


def block(left: int, width: int = 4) -> torch.Tensor:
    masks = torch.full((8, 12), -5.0)
    masks[2:6, left : left + width] = 5.0
    return masks


def judged(left: int, described: float, shown: float, width: int = 4) -> Judged:
    return Judged(block(left, width), logit(shown), logit(described))


def frame(objects: dict[int, Judged]) -> JudgedFrame:
    nothing = Judged(torch.full((8, 12), -5.0), -5.0)
    return JudgedFrame(np.zeros((32, 48, 3), np.uint8), nothing, objects)


def test_a_score_is_the_less_likely_of_described_and_shown() -> None:
    score = Instances(0.5).score
    assert score(judged(0, 0.9, 0.3)) == pytest.approx(0.3)
    assert score(judged(0, 0.2, 0.8)) == pytest.approx(0.2)
    assert score(Judged(block(0), float("inf"), float("-inf"))) == pytest.approx(0)
    calibrated = Instances(0.5, lambda presence: 0.125 if presence == 2 else 0.75)
    assert calibrated.score(Judged(block(0), 2, 9)) == 0.125
    assert calibrated.score(Judged(block(0), 3, 9)) == 0.75


@pytest.mark.parametrize(
    ("threshold", "passing"), [(0.0, [1, 2, 3]), (0.5, [1, 3]), (0.75, [3]), (1.0, [])]
)
def test_those_pass_whose_score_does(threshold: float, passing: list[int]) -> None:
    objects = {1: judged(0, 0.6, 0.9), 2: judged(4, 0.9, 0.4), 3: judged(8, 0.8, 0.99)}
    found = Instances(threshold).of(frame(objects))
    assert sorted(int(one.judged.masks.argmax() % 12 // 4) + 1 for one in found) == passing


def test_ids_count_from_one_in_order_of_appearance_and_stay() -> None:
    instances = Instances(0.5)
    seven, four, nine = judged(0, 0.9, 0.9), judged(4, 0.9, 0.9), judged(8, 0.9, 0.9)
    hidden = judged(0, 0.9, 0.1)
    seen = [
        {one.number: int(one.judged.masks.argmax() % 12) for one in instances.of(frame(objects))}
        for objects in ({7: seven}, {4: four, 7: hidden}, {4: four, 7: seven, 9: nine}, {9: nine})
    ]
    assert seen == [{1: 0}, {2: 4}, {1: 0, 2: 4, 3: 8}, {3: 8}]


def test_of_two_on_one_object_the_surer_is_kept() -> None:
    """Overlaps of 3/4 and 1/2 of what either covers."""
    same, beside = judged(0, 0.9, 0.7, width=3), judged(2, 0.9, 0.7, width=2)
    kept = Instances(0.5).of(frame({1: judged(0, 0.9, 0.8), 2: same, 3: beside}))
    assert [float((one.judged.masks > 0).sum()) for one in kept] == [16, 8]


def test_no_more_than_an_indexed_png_holds() -> None:
    instances = Instances(0.5)
    for number in range(300):
        found = instances.of(frame({number: judged(0, 0.9, 0.9)}))
        assert [one.number for one in found] == ([number + 1] if number < 255 else [])


@pytest.fixture
def two_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A network that sees a block from frame 0 on and, in frames 4 to 7, one more; and a third
    object that is none the sentence means."""

    def follow(self: Segmenter, frames: Sequence[object], *_: object) -> Followed:
        numbers = [int(np.asarray(f)[0, 0, 0]) for f in frames]
        height, width = HEIGHT // self.model.mask_stride, WIDTH // self.model.mask_stride
        masks = torch.full((3, len(frames), height, width), -9.0)
        masks[0, :, 4:8, 2:6] = 9.0
        masks[1, [n >= 4 for n in numbers], 4:8, 12:18] = 9.0
        masks[2, :, 12:14, :] = 9.0
        shown = torch.full((len(frames),), logit(0.9))
        late = torch.tensor([logit(0.8) if n >= 4 else logit(0.1) for n in numbers])
        return Followed(
            masks[0],
            shown,
            (
                FollowedObject(3, masks[0], shown, logit(0.95)),
                FollowedObject(5, masks[1], late, logit(0.85)),
                FollowedObject(6, masks[2], shown, logit(0.2)),
            ),
            None,
        )

    monkeypatch.setattr(Segmenter, "follow", follow)


def test_every_instance_has_an_id_a_colour_and_a_track(
    two_blocks: None, untrained_run: Path, tmp_path: Path
) -> None:
    for number in range(8):
        write_png(tmp_path / f"frames/f{number}.png", np.full((HEIGHT, WIDTH, 3), number, np.uint8))
    write_png(tmp_path / "support/a.png", np.zeros((64, 96, 3), np.uint8))
    ids = np.zeros((64, 96), np.uint8)
    ids[10:40, 10:40] = 1
    write_mask_png(tmp_path / "support/masks/a.png", ids)
    (tmp_path / "support/support.toml").write_text('expression = "an ant"\n')
    out = tmp_path / "out"
    line = ["predict", str(tmp_path / "frames"), "the ants", "-o", str(out), "--multi"]
    line += ["--support", str(tmp_path / "support"), "--device", "cpu"]
    assert command_line([*line, "--checkpoint", str(untrained_run)]) == 0
    tracks = json.loads((out / "tracks.json").read_text())
    assert tracks["objects"] == [
        {"id": 1, "score": 0.9, "frames": 8, "first": "f0", "last": "f7"},
        {"id": 2, "score": 0.8, "frames": 4, "first": "f4", "last": "f7"},
    ]
    for number, said in enumerate(tracks["frames"]):
        mask = read_ids(out / f"masks/f{number}.png")
        assert set(np.unique(mask)) == ({0, 1, 2} if number >= 4 else {0, 1})
        assert mask[24, 16] == 1 and mask[24, 60] == (2 if number >= 4 else 0)
        assert not mask[52:].any()
        for found in said["objects"]:
            own = mask == found["id"]
            left, top, width, height = found["box"]
            assert own[top : top + height, left : left + width].sum() == own.sum() == found["area"]
            assert own[top].any() and own[:, left + width - 1].any()


def test_neighbouring_ids_differ_in_colour() -> None:
    colours = np.array(COLOURS, float)
    apart = np.abs(colours[:, None] - colours[None]).sum(-1)
    assert apart[~np.eye(len(colours), dtype=bool)].min() > 100
    assert len(set(COLOURS)) == len(COLOURS)
