"""Sentences that no longer name their category."""

import pytest

from stages.data.dataset import Dataset
from stages.data.nouns import category_of, hide_noun


@pytest.mark.parametrize(
    ("text", "category", "hidden"),
    [
        ("the red cat", "cat", "the red object"),
        ("a Cat and two CATS", "cat", "a object and two object"),
        ("the left fox of the foxes", "fox", "the left object of the object"),
        ("a catapult beside a wildcat", "cat", "a catapult beside a wildcat"),
        ("the giant panda on top", "giant_panda", "the object on top"),
        ("a c.t", "c.t", "a object"),
        ("a cat", "c.t", "a cat"),
        ("what moves to the right", "cat", "what moves to the right"),
        ("", "cat", ""),
    ],
)
def test_the_noun_is_hidden_as_a_whole_word(text: str, category: str, hidden: str) -> None:
    assert hide_noun(text, category) == hidden


def test_the_category_is_the_objects_not_the_videos(dataset: Dataset) -> None:
    behind, own = dataset.videos["ant0"].expressions
    assert (category_of(dataset, behind), category_of(dataset, own)) == ("bee", "ant")
