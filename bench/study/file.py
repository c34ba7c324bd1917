"""Study files: where they are, what they extend, and settings that replace what they say."""

from __future__ import annotations

import copy
import tomllib
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from bench.errors import InputError, did_you_mean
from bench.study.schema import Study, parse_study


def predefined() -> dict[str, Path]:
    """The studies that come with the package, by name."""
    return {path.stem: path for path in sorted(_folder().glob("[!_]*.toml"))}


def _folder() -> Path:
    return Path(str(files("studies")))


def load_study(written: str, settings: Sequence[str] = ()) -> Study:
    """A study by predefined name or by file.

    A file's ``extends`` names others, by predefined name or by their path from the file: it says
    what they say, the later before the earlier, unless it says otherwise. Of the tables
    ``[training]``, ``[evaluation]``, ``[tuning]`` and ``[defaults]`` each key is taken by itself;
    anything else that a file says (its arms, say) replaces the whole.

    Args:
        written: a name of `predefined`, or the path of a TOML file.
        settings: ``key.path=value`` strings that replace what the file says; values as in TOML.

    Raises:
        InputError: no such study, TOML that cannot be read, or something a study may not say.
    """
    path = _find(written, Path())
    values = _read(path, ())
    values.setdefault("name", path.stem)
    return study_from(values, settings, str(path))


def _find(written: str, beside: Path) -> Path:
    """The file of a study, or of something that a study extends."""
    path = beside / written
    if path.suffix == ".toml" or path.is_file():
        return path
    known = predefined()
    if written in known:
        return known[written]
    part = _folder() / f"{written}.toml"  # a part of studies, and none by itself
    if part.is_file():
        return part
    if path.is_dir():
        return path  # which says so
    raise InputError(
        f"study {written!r}: no file and no predefined study{did_you_mean(written, known)}"
    )


def _read(path: Path, below: tuple[Path, ...]) -> dict[str, Any]:
    """What the file says, on top of what it extends.

    Args:
        below: the files that extend this one.
    """
    if path.resolve() in below:
        raise InputError(f"study {path}: it extends itself")
    try:
        # Editors of some systems begin a file with a byte order mark.
        values = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise InputError(f"study {str(path)!r}: there is no such file") from None
    except IsADirectoryError:
        there = f", perhaps {path / 'study.toml'}" if (path / "study.toml").is_file() else ""
        raise InputError(f"study {path}: a folder; a study is a TOML file{there}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"study {path}: cannot be read: {error}") from None
    except (ValueError, RecursionError) as error:  # whatever else tomllib does not take
        raise InputError(f"study {path}: not TOML: {error}") from None
    extended = values.pop("extends", [])
    names = [extended] if isinstance(extended, str) else extended
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise InputError(f"study {path}: extends: must be a study's name or file, or a list")
    whole: dict[str, Any] = {}
    for name in names:
        whole = _on_top(whole, _read(_find(name, path.parent), (*below, path.resolve())))
    whole.pop("name", None)  # two studies, two folders
    return _on_top(whole, values)


_BY_KEY = ("training", "evaluation", "tuning", "defaults")


def _on_top(lower: Mapping[str, Any], upper: Mapping[str, Any]) -> dict[str, Any]:
    merged = {
        key: {**lower[key], **upper[key]}
        for key in _BY_KEY
        if isinstance(lower.get(key), dict) and isinstance(upper.get(key), dict)
    }
    return {**lower, **upper, **merged}


def study_from(values: dict[str, Any], settings: Sequence[str], origin: str) -> Study:
    """A checked study from plain values, once ``key.path=value`` settings have replaced some.

    Raises:
        InputError: a setting without a place, or something a study may not say.
    """
    values = copy.deepcopy(values)
    for setting in settings:
        _set(values, setting)
    return parse_study(values, origin)


def read_value(text: str) -> Any:
    """A value on a command line: as in TOML, but plain words need no quotes."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except (ValueError, RecursionError):
        return text.strip()


def _set(values: dict[str, Any], setting: str) -> None:
    path, separator, text = setting.partition("=")
    if not separator or not path.strip():
        raise InputError(f"--set {setting!r}: must be key.path=value")
    value = read_value(text)
    place: Any = values
    *steps, last = path.strip().split(".")
    try:
        for step in steps:
            place = place[int(step)] if isinstance(place, list) else place.setdefault(step, {})
        if isinstance(place, list):
            place[int(last)] = value
        else:
            place[last] = value
    except (ValueError, IndexError, TypeError, AttributeError):
        raise InputError(f"--set {setting!r}: the study has no place {path!r}") from None
