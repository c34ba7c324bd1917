"""Reads study files, what they extend, and ``--set`` settings that replace their values."""

from __future__ import annotations

import copy
import tomllib
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from bench.errors import InputError, did_you_mean
from bench.study.schema import Study, parse_study


def predefined_studies() -> dict[str, Path]:
    """The studies that come with the package, by name."""
    return {path.stem: path for path in sorted(_folder().glob("[!_]*.toml"))}


def _folder() -> Path:
    return Path(str(files("studies")))


def load_study(name: str, settings: Sequence[str] = ()) -> Study:
    """A study by predefined name or by file.

    A file's ``extends`` names other files, by predefined name or by their path relative to the
    file. Values are inherited from them; a later file replaces values of an earlier one, and the
    extending file those of all. The tables ``[training]``, ``[evaluation]``, ``[tuning]`` and
    ``[defaults]`` are merged key by key; anything else (the arms, for example) is replaced as a
    whole.

    Args:
        name: a name of `predefined_studies`, or the path of a TOML file.
        settings: ``key.path=value`` strings that replace values of the file; values as in TOML.

    Raises:
        InputError: there is no such study, it is no TOML, or a key or value is not allowed.
    """
    path = _find(name, Path())
    values = _read(path, ())
    values.setdefault("name", path.stem)
    return study_from(values, settings, str(path))


def _find(name: str, beside: Path) -> Path:
    """The file of a study, or of a file that it extends.

    Args:
        beside: the folder that relative paths start from.
    """
    path = beside / name
    if path.suffix == ".toml" or path.is_file():
        return path
    known = predefined_studies()
    if name in known:
        return known[name]
    part = _folder() / f"{name}.toml"  # shared by studies, but no study itself
    if part.is_file():
        return part
    if path.is_dir():
        return path  # reading it gives an error about folders
    raise InputError(f"study {name!r}: no file and no predefined study{did_you_mean(name, known)}")


def _read(path: Path, below: tuple[Path, ...]) -> dict[str, Any]:
    """The file's values, merged with those of the files it extends.

    Args:
        below: the files that extend this one, directly or indirectly.
    """
    if path.resolve() in below:
        raise InputError(f"study {path}: it extends itself")
    try:
        # Editors of some systems begin a file with a byte order mark.
        values = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise InputError(f"study {str(path)!r}: there is no such file") from None
    except IsADirectoryError:
        hint = f", perhaps {path / 'study.toml'}" if (path / "study.toml").is_file() else ""
        raise InputError(f"study {path}: a folder; a study is a TOML file{hint}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"study {path}: cannot be read: {error}") from None
    except (ValueError, RecursionError) as error:  # all that tomllib raises for bad TOML
        raise InputError(f"study {path}: not TOML: {error}") from None
    extended = values.pop("extends", [])
    names = [extended] if isinstance(extended, str) else extended
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise InputError(f"study {path}: extends: must be a study's name or file, or a list")
    inherited: dict[str, Any] = {}
    for name in names:
        inherited = _merge(inherited, _read(_find(name, path.parent), (*below, path.resolve())))
    inherited.pop("name", None)  # the name decides the folder, which two studies must not share
    return _merge(inherited, values)


_BY_KEY = ("training", "evaluation", "tuning", "defaults")


def _merge(lower: Mapping[str, Any], upper: Mapping[str, Any]) -> dict[str, Any]:
    """The values of both; ``upper`` replaces those of ``lower``."""
    merged = {
        key: {**lower[key], **upper[key]}
        for key in _BY_KEY
        if isinstance(lower.get(key), dict) and isinstance(upper.get(key), dict)
    }
    return {**lower, **upper, **merged}


def study_from(values: dict[str, Any], settings: Sequence[str], origin: str) -> Study:
    """A checked study from plain values, some of them replaced by ``key.path=value`` settings.

    Raises:
        InputError: a setting names no place, or a key or value is not allowed.
    """
    values = copy.deepcopy(values)
    for setting in settings:
        _set(values, setting)
    return parse_study(values, origin)


def read_value(text: str) -> Any:
    """A value from the command line: as in TOML, but plain words need no quotes."""
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
