"""Sentences that do not name their category.

The noun of an unseen category tells a network nothing, and one that has learnt to wait for the
nouns of its training categories finds nothing without them. Trained partly on "the red object", it
has to take the kind from the support and the rest from the sentence.
"""

from __future__ import annotations

import re

from stages.data.dataset import Dataset, Expression

ANY_THING = "object"


def hide_noun(text: str, category: str) -> str:
    """`text` with the category's name, as a whole word or in the plural, as "object"."""
    name = re.escape(category.replace("_", " "))
    return re.sub(rf"\b{name}(s|es)?\b", rf"{ANY_THING}", text, flags=re.IGNORECASE)


def category_of(dataset: Dataset, expression: Expression) -> str:
    """The category of the object that an expression is about."""
    return dataset.videos[expression.video].objects[expression.object_id]
