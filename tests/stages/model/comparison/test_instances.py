"""Connected objects and their geometry in closed form."""

from __future__ import annotations

import math

import pytest
import torch

from stages.model.comparison.instances import MOST, geometry, instances


def two_blocks() -> torch.Tensor:
    """A 4x4 block that moves to the right, and a 2x2 block that stays, on 16x16 cells."""
    found = torch.zeros(3, 16, 16, dtype=torch.bool)
    for frame in range(3):
        found[frame, 2:6, 1 + frame : 5 + frame] = True
        found[frame, 10:12, 12:14] = True
    return found


def test_objects_are_followed_and_the_largest_comes_first() -> None:
    objects = instances(two_blocks())
    assert objects.count == 2
    assert objects.shares().sum((1, 2, 3)).tolist() == [48, 12]
    assert torch.equal(objects.found, two_blocks())
    assert int(objects.labels[0, 0, 0]) == 0 and int(objects.labels[0, 15, 15]) == 1


def test_small_parts_are_noise_and_few_objects_are_kept() -> None:
    found = torch.zeros(1, 64, 64, dtype=torch.bool)
    found[0, :10, :10] = True
    found[0, 40, 40] = True
    objects = instances(found)
    assert objects.count == 1 and not objects.found[0, 40, 40]
    found[0, 12::4, ::4] = True
    found[0, :10, :10] = False
    assert instances(found).count == MOST


def test_frames_without_an_object_have_no_label() -> None:
    found = two_blocks()
    found[1] = False
    objects = instances(found)
    assert (objects.labels[1] == -1).all() and objects.count == 4
    assert instances(torch.zeros(2, 4, 4, dtype=torch.bool)).count == 0


def test_geometry_tells_place_size_and_motion() -> None:
    large, small = geometry(instances(two_blocks()))
    cell = 2 / 15
    x, y = -1 + cell * 3.5, -1 + cell * 3.5
    other_x, other_y = -1 + cell * 12.5, -1 + cell * 10.5
    assert large[:2].tolist() == pytest.approx([x, y], abs=1e-5)
    assert float(large[2]) == pytest.approx(math.log(16 / 256), abs=1e-5)
    assert large[3:5].tolist() == pytest.approx([x - other_x, y - other_y], abs=1e-5)
    assert float(large[5]) == pytest.approx(math.log(4), abs=1e-5)
    assert float(large[6]) == pytest.approx(0, abs=1e-5)
    assert large[7:].tolist() == pytest.approx([2 * cell, 0, 0], abs=1e-5)
    assert small[7:].tolist() == pytest.approx([0, 0, 0], abs=1e-5)


def test_one_object_alone_has_no_others() -> None:
    found = two_blocks()
    found[:, 8:] = False
    assert geometry(instances(found))[0, 3:6].tolist() == [0, 0, 0]
