"""What a weights file is said to be, and what is refused."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from configs import DataError, MissingError
from stages.weights import inspect_weights

STATE = {"encoder.a": torch.zeros(2, 3), "encoder.b": torch.zeros(4), "head.w": torch.zeros(1)}


def test_safetensors_are_counted_by_part(tmp_path: Path) -> None:
    file = tmp_path / "weights.safetensors"
    save_file(STATE, file)
    report = inspect_weights(path=file)
    assert (report.format, report.program) == ("safetensors", "unknown")
    assert (report.tensors, report.weights) == (3, 11)
    assert report.parts == {"encoder": 10, "head": 1}
    assert report.dtypes == {"float32": 3}


def test_a_run_folder_says_what_training_noted(tmp_path: Path) -> None:
    header = {"encoders": "{}", "facts": '{"fold": 2}'}
    save_file(STATE, tmp_path / "model.safetensors", header)
    report = inspect_weights(path=tmp_path)
    assert report.program == "fsrvos"
    assert report.facts == {"fold": 2}


@pytest.mark.parametrize(
    ("name", "program"),
    [
        ("refpoint_embed.weight", "the authors' release"),
        ("query_embed.weight", "ReferFormer"),
        ("layer4.2.conv3.weight", "torchvision ResNet"),
        ("something.else", "unknown"),
    ],
)
@pytest.mark.parametrize("old_format", [False, True])
def test_pytorch_files_are_told_apart_by_their_names(
    tmp_path: Path, name: str, program: str, old_format: bool
) -> None:
    file = tmp_path / "weights.pth"
    state = {"model": {name: torch.ones(5)}, "epoch": 3}
    torch.save(state, file, _use_new_zipfile_serialization=not old_format)
    report = inspect_weights(path=file)
    assert report.format == ("PyTorch, before zip" if old_format else "PyTorch")
    assert (report.program, report.weights) == (program, 5)


class Trap:
    """Writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (self.path,))


def test_nothing_in_a_file_is_executed(tmp_path: Path) -> None:
    file, sprung = tmp_path / "trap.pth", tmp_path / "sprung"
    torch.save({"model": STATE, "trap": Trap(sprung)}, file)
    with pytest.raises(DataError, match=r"trap\.pth"):
        inspect_weights(path=file)
    file.write_bytes(pickle.dumps(Trap(sprung)))
    with pytest.raises(DataError, match=r"trap\.pth"):
        inspect_weights(path=file)
    assert not sprung.exists()


def test_damage_is_named(tmp_path: Path) -> None:
    whole = tmp_path / "whole.safetensors"
    save_file(STATE, whole)
    torch.save(STATE, tmp_path / "whole.pth")
    for name in ("whole.safetensors", "whole.pth"):
        cut = tmp_path / f"cut-{name}"
        cut.write_bytes((tmp_path / name).read_bytes()[:-100])
        with pytest.raises(DataError, match=f"cut-{name}"):
            inspect_weights(path=cut)
    (tmp_path / "text.pth").write_text("not weights at all")
    with pytest.raises(DataError, match=r"text\.pth"):
        inspect_weights(path=tmp_path / "text.pth")
    (tmp_path / "empty.pth").touch()
    with pytest.raises(DataError, match=r"empty\.pth"):
        inspect_weights(path=tmp_path / "empty.pth")
    torch.save([1, 2], tmp_path / "list.pth")
    with pytest.raises(DataError, match="no weights by name"):
        inspect_weights(path=tmp_path / "list.pth")
    with pytest.raises(MissingError, match="none"):
        inspect_weights(path=tmp_path / "none.pth")
