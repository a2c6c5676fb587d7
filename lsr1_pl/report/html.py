"""Templates to HTML, with whatever comes from outside made harmless."""

from __future__ import annotations

import jinja2
from markupsafe import Markup

from lsr1_pl.ground.console import plain


def render(template: str, **values: object) -> str:
    """The page of a jinja template; every value is escaped, unless the template calls it safe.

    What turns the direction of writing, control characters, and lone surrogates, which a page
    cannot hold, are spelled out.
    """
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, finalize=_finalize
    )
    return environment.from_string(template).render(**values)


def _finalize(value: object) -> object:
    return value if isinstance(value, Markup) else plain(value)
