"""A page is one file that needs no network: templates, style and figures put together."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined


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
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined)
