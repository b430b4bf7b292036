"""The report's templates: HTML and SVG in files of their own, every text in them escaped."""

from __future__ import annotations

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup


@cache
def environment() -> Environment:
    """Reads the templates of this package. What they lack a value for is an error."""
    made = Environment(
        loader=PackageLoader("stages.reporting"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["px"] = lambda value: f"{value:.1f}"
    return made


def render(template: str, **values: Any) -> str:
    """A whole template."""
    return environment().get_template(template).render(**values)


def part(template: str, macro: str, *values: Any) -> Markup:
    """What a macro of a template makes of some values, not to be escaped again."""
    module = environment().get_template(template).module
    return Markup(getattr(module, macro)(*values))
