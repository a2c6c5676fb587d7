"""Templates to HTML, with whatever comes from outside made harmless."""

from __future__ import annotations

import jinja2
from markupsafe import Markup

from lsr1_pl.ground.console import plain


def render(template: str, **values: object) -> str:
    """The page of a template; every value is escaped, unless the template calls it safe.

    What turns the direction of writing, control characters, and lone surrogates, which a page
    cannot hold, are spelled out.

    Args:
        template: the name of a file of ``report/templates``.
        values: what the template shows, by name; a name that is missing raises.
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("lsr1_pl.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_finalize,
    )
    return environment.get_template(template).render(**values)


def _finalize(value: object) -> object:
    return value if isinstance(value, Markup) else plain(value)
