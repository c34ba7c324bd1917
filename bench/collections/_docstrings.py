"""Extracts public docstrings from Python sources and splits each into a summary and further prose.

Sources are parsed and never run. Descriptions in tables of parameters count as prose; names, types,
examples, code and markup are left out.
"""

from __future__ import annotations

import ast
import inspect
import re
import warnings
from collections.abc import Iterable, Iterator
from typing import NamedTuple

SUMMARY_WORDS = 3
"""Least words of a summary."""
BODY_WORDS = 8
"""Least words of the prose after it."""


class Docstring(NamedTuple):
    """A docstring: the name of what it describes, its summary, and the prose after it."""

    name: str
    summary: str
    body: str


def words(text: str) -> list[str]:
    """The words of a text in lower case, without punctuation; an address is one word."""
    return re.findall(r"https?://\S+|\w+", text.lower())


def parse_docstrings(source: bytes, module: str) -> Iterator[Docstring]:
    """The docstrings, longer than a summary, of a module's public functions, classes and methods.

    There are none if the source cannot be parsed.
    """
    try:
        with warnings.catch_warnings(action="ignore"):  # about escapes in the source's strings
            tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return
    for name, docstring in _docstrings(tree, module):
        if (pair := split(docstring)) is not None:
            yield Docstring(name, *pair)


def _docstrings(scope: ast.Module | ast.ClassDef, prefix: str) -> Iterator[tuple[str, str]]:
    for node in scope.body:
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        if node.name.startswith("_"):
            continue
        name = f"{prefix}.{node.name}"
        if (docstring := ast.get_docstring(node, clean=False)) is not None:
            yield name, docstring
        if isinstance(node, ast.ClassDef):
            yield from _docstrings(node, name)


def split(docstring: str) -> tuple[str, str] | None:
    """(summary sentence, prose after it) of a docstring; `None` if it lacks one of them."""
    lines = inspect.cleandoc(docstring).splitlines()
    while lines and (not lines[0].strip() or _SIGNATURE.fullmatch(lines[0].strip())):
        del lines[0]
    kept = list(_without_blocks(_without_sections(lines)))
    if not kept or kept[0] != lines[0]:  # it starts with a table or an example
        return None
    head, _, tail = "\n".join(kept).partition("\n\n")
    head = _plain(head)
    summary = _SENTENCE_END.split(head, maxsplit=1)[0]
    body = _without(summary.rstrip("."), _plain(f"{head[len(summary) :]}\n{tail}"))
    if len(words(summary)) < SUMMARY_WORDS or len(words(body)) < BODY_WORDS:
        return None
    return summary, body


def _without(sentence: str, text: str) -> str:
    """The text without repetitions of a sentence."""
    if sentence.lower() not in text.lower():  # the usual case; saves compiling a pattern
        return text
    pattern = rf"(?<!\w){re.escape(sentence)}(?!\w)\.?"
    return " ".join(re.sub(pattern, " ", text, flags=re.IGNORECASE).split())


_SIGNATURE = re.compile(r"[\w.]+\(.*\)(\s*->.*)?")
_SENTENCE_END = re.compile(r"(?<=[.!?])(?<!e\.g\.)(?<!i\.e\.)(?<!vs\.)(?<!cf\.)\s+(?=\W*[A-Z\d])")

_DROPPED = "examples?|example usage|usage|see also|references|methods"
_ROWS = (
    "args|arguments|parameters|params|other parameters|keyword args|keyword arguments|keywords"
    "|kwargs|attributes|returns?|return values?|yields|receives|raises|warns"
)
_UNDERLINE = re.compile(r"\s*([-=~])\1{2,}\s*")
_DROPPED_TITLE = re.compile(rf"\s*({_DROPPED})\s*:?\s*", re.IGNORECASE)
_ROWS_TITLE = re.compile(rf"\s*({_ROWS})\s*:?\s*", re.IGNORECASE)
_ADMONITION = re.compile(r"(\s*)\.\. (?:note|warning|tip|important|attention|caution)::")
_BLOCK = re.compile(rf"\s*(({_DROPPED}):\s*$|\.\. [\w\[])", re.IGNORECASE)
_ROW_HEAD = re.compile(
    rf"""\s*(
        ({_ROWS}):(\s|$)
        | :r?type\b.*
        | :\w[^:`]*:(\s|$)          # Sphinx: ":param size: …"
        | [\w*,\ ]+\ \(.+?\):       # Google: "size (int): …"
        | [\w*.]+:(\s|$)           # "size: …"
        | [\w*]+\ :\ .*            # NumPy: "size : int"
    )""",
    re.IGNORECASE | re.VERBOSE,
)
_RULE = re.compile(r"[-=+|\s]{3,}")


def _without_sections(lines: list[str]) -> Iterator[str]:
    """The lines without NumPy's underlined titles, examples, and names and types in its tables."""
    dropped = rows = False
    for line, following in zip(lines, [*lines[1:], ""], strict=False):
        if _UNDERLINE.fullmatch(line):
            continue
        if line.strip() and _UNDERLINE.fullmatch(following):
            dropped = _DROPPED_TITLE.fullmatch(line) is not None
            rows = _ROWS_TITLE.fullmatch(line) is not None
            yield ""
        elif not dropped:
            yield "" if rows and not line.startswith(" ") else line


def _without_blocks(lines: Iterable[str]) -> Iterator[str]:
    """The lines without code, doctest examples, directives, and names and types in tables."""
    indent: int | None = None  # of the line that began the block being left out
    fenced = example = False
    for line in lines:
        text = line.strip()
        margin = len(line) - len(line.lstrip())
        if text.startswith("```"):
            fenced = not fenced
            continue
        if indent is not None and (not text or margin > indent):
            continue
        indent = None
        example = bool(text) and (example or text.startswith(">>>"))
        if fenced or example or (text and _RULE.fullmatch(text)):
            continue
        if text.startswith(".. "):
            line = _ADMONITION.sub(r"\1", line)
        if _BLOCK.match(line):
            indent = margin
            yield ""
        elif text.endswith("::") and line.strip():
            indent = margin
            yield line.rstrip()[:-1] if len(words(text)) > 2 else ""
        else:
            head = _ROW_HEAD.match(line)
            yield line[head.end() :] if head else line


_MARKUP = [
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"(?m)^\s*> (?:\[!\w+\])?", ""),  # > [!WARNING]
        (r":[\w:+-]+:`[~!.]?(?:_(?=\w+\.))?", "`"),  # :class:`~a.B`
        (r"(?<!`)`\.(?=[A-Z])|(?<=`)\\ ?", "`"),  # `.B`, `B`\s
        (r"`([^`<]*?)\s*<[^`>]*>`_{0,2}", r"\1"),  # `text <target>`_
        (r"\[([^\]]+)\]\([^)\s]+\)", r"\1"),  # [text](target)
        (r"\[`~?([^`\]]+)`\]", r"\1"),  # [`a.B`]
        (r"`+~?([^`]*)`+(?:_{1,2}(?!\w))?", r"\1"),  # ``code``, `target`_
        (r"\s?\[\w+\]_(?!\w)", ""),  # [1]_
        (r"(?<![\w*])(\*{1,2})(\w(?:[^*]*\w)?)\1(?![\w*])", r"\2"),  # *emphasis*
        (r"%\([\w:]+\)s|(?<=\n)\s*\{+ ?\w+ ?\}+\s*(?=\n)", " "),  # filled in on import
    )
]


def _plain(text: str) -> str:
    """The text without markup, on one line."""
    for pattern, replacement in _MARKUP:
        text = pattern.sub(replacement, text)
    return " ".join(text.split())
