"""Where models are looked for, in which order, and what is said in the end."""

from collections.abc import Callable

import pytest

from configs import DataError, MissingError
from stages.encoders.pretrained import is_local, load_pretrained, offline_variable


@pytest.fixture(autouse=True)
def online(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
        monkeypatch.delenv(name, raising=False)


def recorder(*outcomes: object) -> tuple[Callable[..., object], list[tuple[str, bool]]]:
    """A loader whose calls give or raise `outcomes` in turn, and the list of its calls."""
    calls: list[tuple[str, bool]] = []
    remaining = list(outcomes)

    def load(source: str, *, local_files_only: bool) -> object:
        calls.append((source, local_files_only))
        outcome = remaining.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    return load, calls


@pytest.mark.parametrize(
    ("source", "local"),
    [
        ("roberta-base", False),
        ("microsoft/resnet-50", False),
        ("a/b/c", True),
        ("./resnet", True),
        ("~/resnet", True),
        ("/models/resnet", True),
        ("resnet50.pth", True),
        ("models/resnet50.safetensors", True),
    ],
)
def test_hub_ids_and_paths_are_told_apart(source: str, local: bool) -> None:
    assert is_local(source) is local


def test_what_is_cached_is_taken_without_the_network() -> None:
    load, calls = recorder("model")
    assert load_pretrained(load, "owner/name", option="encoder.text") == "model"
    assert calls == [("owner/name", True)]


def test_what_is_not_cached_is_fetched() -> None:
    load, calls = recorder(OSError("not cached"), "model")
    assert load_pretrained(load, "owner/name", option="encoder.text") == "model"
    assert calls == [("owner/name", True), ("owner/name", False)]


def test_offline_never_asks_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "true")
    load, calls = recorder(OSError("not cached"))
    with pytest.raises(MissingError, match="HF_HUB_OFFLINE=true forbids"):
        load_pretrained(load, "owner/name", option="encoder.text")
    assert calls == [("owner/name", True)]


def test_a_failed_fetch_is_one_line() -> None:
    load, _ = recorder(OSError("not cached"), OSError("no route\nto host"))
    with pytest.raises(MissingError) as error:
        load_pretrained(load, "owner/name", option="encoder.text")
    message = str(error.value)
    assert message.startswith("encoder.text: owner/name is not in ")
    assert "could not be fetched from the hub; check the network and the name" in message
    assert "--set encoder.text=PATH" in message
    assert "\n" not in message


def test_other_failures_are_one_line() -> None:
    load, _ = recorder(ValueError("bad\nshape"))
    with pytest.raises(DataError, match=r"encoder\.vision: cannot load owner/name: bad shape"):
        load_pretrained(load, "owner/name", option="encoder.vision")


@pytest.mark.parametrize(("value", "found"), [("1", "HF_HUB_OFFLINE=1"), ("0", ""), ("", "")])
def test_offline_variable_is_read_as_the_hub_reads_it(
    monkeypatch: pytest.MonkeyPatch, value: str, found: str
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", value)
    assert offline_variable() == found
