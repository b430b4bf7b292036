"""Soft masks say what the logits do."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
from PIL import Image

from fsrvos_cli.main import run as command_line
from stages.data.overlay import write_mask_png, write_png
from stages.predicting.answers import FrameAnswer, ObjectAnswer
from stages.predicting.results import SoftMaskFolder


def grey(path: Path) -> np.ndarray:  # type: ignore[type-arg]
    with Image.open(path) as image:
        assert image.mode == "L"
        return np.asarray(image)


def test_a_pixel_is_the_likeliest_objects_probability(tmp_path: Path) -> None:
    """sigmoid(0) = 1/2, sigmoid(ln 3) = 3/4, sigmoid(-100) = 0, sigmoid(100) = 1."""
    first = np.array([[0, np.log(3), -100, 100]], np.float32)
    second = np.array([[np.log(3), 0, -100, -100]], np.float32)
    objects = tuple(
        ObjectAnswer(number, logits > 0, logits, 0.5)
        for number, logits in enumerate((first, second), 1)
    )
    folder = SoftMaskFolder(tmp_path / "soft")
    folder.add(FrameAnswer(0, "one", np.zeros((1, 4, 3), np.uint8), objects[:1], Fraction(0)))
    folder.add(FrameAnswer(1, "both", np.zeros((1, 4, 3), np.uint8), objects, Fraction(1)))
    folder.close()
    assert grey(tmp_path / "soft/one.png").tolist() == [[128, 191, 0, 255]]
    assert grey(tmp_path / "soft/both.png").tolist() == [[191, 191, 0, 255]]


def test_they_are_written_where_asked_for_and_a_result_without_them_is_another(
    untrained_run: Path, tmp_path: Path
) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (3, 64, 96, 3), dtype=np.uint8)
    for number, frame in enumerate(pixels):
        write_png(tmp_path / f"clips/a/f{number}.png", frame)
    write_png(tmp_path / "support/a.png", pixels[0])
    ids = np.zeros((64, 96), np.uint8)
    ids[10:40, 10:40] = 1
    write_mask_png(tmp_path / "support/masks/a.png", ids)
    (tmp_path / "support/support.toml").write_text('expression = "an ant"\n')
    home = tmp_path / "home"
    line = ["predict", str(tmp_path / "clips"), "an ant", "--support", str(tmp_path / "support")]
    line += ["--checkpoint", str(untrained_run), "--device", "cpu", "-o", str(home)]

    def state() -> str:
        said = json.loads((home / "summary.json").read_text())["predictions"][0]["state"]
        return str(said)

    assert command_line([*line, "--soft"]) == 0
    for number in range(3):
        soft = grey(home / f"a/soft/f{number}.png")
        with Image.open(home / f"a/masks/f{number}.png") as mask:
            # Without sharpening, a pixel is marked where it is likelier than not.
            assert np.array_equal(np.asarray(mask) > 0, soft >= 128)
    assert command_line([*line, "--soft"]) == 0 and state() == "finished before"
    assert command_line(line) == 0 and state() == "done"
    assert not (home / "a/soft").exists()
