"""A configuration states where encoders lie and what they are; a changed file is named."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from configs import DataError, EncoderConfig
from stages.encoders import load_text, load_vision
from stages.encoders.pinning import pin


def test_a_pinned_encoder_is_found_from_any_folder_and_known_again(
    resnet_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(resnet_folder, tmp_path / "here/my-resnet")
    monkeypatch.chdir(tmp_path / "here")
    given = EncoderConfig(family="paper", vision="my-resnet")
    digest = load_vision(given).digest
    pinned = pin(given, digest, "")
    monkeypatch.chdir(tmp_path)
    assert load_vision(pinned).digest == digest
    file = tmp_path / "here/my-resnet/model.safetensors"
    state = load_file(file)
    name = next(name for name in state if name.endswith("convolution.weight"))
    save_file({**state, name: state[name] + 1}, file, {"format": "pt"})
    changed = load_vision(pin(pinned, "", "")).digest
    with pytest.raises(DataError) as caught:
        load_vision(pinned)
    line = str(caught.value)
    assert line.startswith(f"encoder.vision: {tmp_path / 'here/my-resnet'} is not what it was: ")
    assert digest[:12] in line and changed in line


def test_packaged_encoders_are_known_again_too() -> None:
    tiny = EncoderConfig(family="tiny")
    digests = load_vision(tiny).digest, load_text(tiny).digest
    assert load_text(pin(tiny, *digests)).digest == digests[1]
    with pytest.raises(DataError, match="encoder.text: the weights of family tiny is not what"):
        load_text(pin(tiny, digests[0], "0" * 64))
    assert load_vision(pin(tiny, digests[0], "0" * 64)).digest == digests[0]
