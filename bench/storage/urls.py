"""URLs of databases and servers, and texts about them, without the credentials that they hold."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import unquote, unquote_plus

from bench.storage.databases import sqlite_url

HIDDEN = "…"
"""Stands where a credential was."""


def shareable_url(url: str) -> str:
    """The URL for a page that may be passed on.

    User name, password and query are removed, and the path of a file below the current folder is
    made relative to it. Where a password may reach as far as anything, nothing is left.
    """
    if _is_file(url):
        current = f"{sqlite_url(Path.cwd())}/"
        return f"sqlite:///{url.removeprefix(current)}" if url.startswith(current) else url
    scheme, rest = _split(url)
    user, _, place = rest.rpartition("@")
    if re.search("[?#]", user):  # is this @ a password's, a query's, or between user and host?
        return scheme + HIDDEN
    return scheme + re.split("[?#]", place)[0]


def credentials(url: str) -> set[str]:
    """User name, password and the values of the query, as they are written there and decoded."""
    if _is_file(url):
        return set()
    _, rest = _split(url)
    user = rest.rpartition("@")[0]
    # In pieces too: a reader that stops at an unescaped / or # of a password complains of a piece.
    written = {user, user.partition(":")[2], *re.split("[:/?#@]", user)}
    written |= {pair.partition("=")[2] or pair for pair in re.split("[?#&;]", rest)[1:]}
    decoded = {decode(text) for text in written for decode in (unquote, unquote_plus)}
    return (written | decoded) - {""}


def redact(text: str, secrets: Iterable[str]) -> str:
    """The text without the secrets, however it escapes them: as a URL, JSON or Python does."""
    # The longest first, since one may begin with another.
    patterns = [_pattern(secret) for secret in sorted(secrets, key=len, reverse=True) if secret]
    return re.sub("|".join(patterns), HIDDEN, text) if patterns else text


def _is_file(url: str) -> bool:
    """Whether it names a file; its path may contain ``@`` and ``?``."""
    named = re.match(r"sqlite(\+\w+)?:///|file:|[/.~]", url)
    return named is not None or not ("://" in url or "@" in url)


def _split(url: str) -> tuple[str, str]:
    """(the scheme with ``://``, the rest); without a scheme, all is the rest."""
    scheme = re.match(r"[A-Za-z][\w+.-]*://", url)
    end = scheme.end() if scheme else 0
    return url[:end], url[end:]


def _pattern(secret: str) -> str:
    return "".join(f"(?:{'|'.join(_spellings(sign))})" for sign in secret)


def _spellings(sign: str) -> set[str]:
    """Patterns of a character: itself, and what it becomes in a URL, in JSON and in Python."""
    octets = sign.encode("utf-8", "surrogatepass")
    in_url = "".join(f"%(?:25)*{octet:02x}" for octet in octets)  # escaped twice: %25 is %
    plain = {sign, f"\\{sign}", json.dumps(sign)[1:-1], ascii(sign)[1:-1]}
    if sign == " ":
        plain.add("+")
    return {f"(?i:{in_url})", *map(re.escape, plain)}
