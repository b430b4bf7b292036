"""A key changes with what changes bytes, and tells what changed."""

import dataclasses
import json
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cache import FeatureKey, TextKey, canonical_json, difference

KEY = FeatureKey(
    encoder="lite", weights="a" * 64, preprocessing={"short_side": 360, "mean": [127.0, 127.0]}
)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(string.printable),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(JSON)
def test_canonical_json_says_the_same(value: object) -> None:
    assert json.loads(canonical_json(value)) == value


def test_canonical_json_does_not_depend_on_the_order_of_keys() -> None:
    assert canonical_json({"b": 1, "a": {"d": 2, "c": 3}}) == '{"a":{"c":3,"d":2},"b":1}'


def test_canonical_json_refuses_nan() -> None:
    with pytest.raises(ValueError):
        canonical_json({"mean": float("nan")})


def test_digest_is_the_one_of_the_first_release() -> None:
    # A change of this digest orphans every cache there is: raise SCHEMA knowingly instead.
    assert KEY.digest == "4d2cdfc484be3093372f9bd1d42c30e984daf6ef1a2551e7a18a74baceb8f0f5"


@pytest.mark.parametrize(
    "change",
    [
        {"encoder": "paper"},
        {"weights": "b" + "a" * 63},
        {"preprocessing": {"short_side": 384, "mean": [127.0, 127.0]}},
        {"preprocessing": {"short_side": 360, "mean": [127.0, 127.5]}},
        {"stored": "fp16"},
        {"view": {"index": 1}},
        {"extractor": 2},
        {"schema": 2},
    ],
)
def test_every_field_changes_the_digest(change: dict[str, object]) -> None:
    assert dataclasses.replace(KEY, **change).digest != KEY.digest  # type: ignore[arg-type]


def test_difference_names_the_field_and_both_values() -> None:
    other = dataclasses.replace(
        KEY, preprocessing={**KEY.preprocessing, "short_side": 384, "side": "short"}, stored="fp16"
    )
    assert difference(dataclasses.asdict(KEY), dataclasses.asdict(other)) == [
        "preprocessing.short_side 360 → 384",
        "preprocessing.side absent → short",
        "stored uint8 → fp16",
    ]


def test_difference_cuts_digests() -> None:
    other = dataclasses.replace(KEY, weights="b" * 64)
    assert difference(dataclasses.asdict(KEY), dataclasses.asdict(other)) == [
        f"weights {'a' * 12} → {'b' * 12}"
    ]


def test_text_and_feature_keys_never_meet() -> None:
    text = TextKey(encoder="lite", weights="a" * 64, width=4)
    assert text.digest != KEY.digest
    assert dataclasses.replace(text, weights="c" * 64).digest != text.digest
