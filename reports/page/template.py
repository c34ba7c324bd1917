"""A page is one file that needs no network: templates, style, script and figures put together."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from reports.formatting import plain


@dataclass(frozen=True)
class Picture:
    """A figure as the page shows it."""

    name: str
    section: str
    caption: str
    alt: str
    image: bytes

    @property
    def svg(self) -> str:
        return base64.b64encode(self.image).decode()


def fill(template: str, content: Mapping[str, Any]) -> str:
    """The HTML of a template of this folder; whatever comes from data is escaped."""
    return _templates().get_template(template).render(content)


@cache
def _templates() -> Environment:
    loader = PackageLoader("reports.page", "")
    templates = Environment(loader=loader, autoescape=True, undefined=StrictUndefined)
    style, script = (
        (files("reports.page") / name).read_text("utf-8") for name in ("page.css", "page.js")
    )
    templates.globals |= {
        "style": Markup(style),
        "script": Markup(script),
        # Nothing else runs or is fetched, whatever got into the page.
        "policy": (
            f"default-src 'none'; img-src data:; style-src {_allowed(style)}; "
            f"script-src {_allowed(script)}; base-uri 'none'; form-action 'none'"
        ),
    }
    templates.filters |= {"anchor": _anchor, "plain": plain}
    return templates


def _allowed(text: str) -> str:
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"'sha256-{digest}'"


def _anchor(title: str) -> str:
    """What a link within the page calls a section."""
    return title.lower().replace(" ", "-")
