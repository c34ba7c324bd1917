"""Registries of entries (losses, teachers, students, …): classes with typed options, by name.

An entry is a frozen dataclass. Its fields are its options, which pydantic checks against their
annotations. ``str(entry)`` gives ``static-margin(margin=0.3)``, and that string creates it again.
Entries are found in the modules of their package and in installed plug-ins (entry points of the
group ``bench.<kind>``); there is no list of them.
"""

import dataclasses
import importlib
import inspect
import json
import math
import pkgutil
import re
import tomllib
import typing
from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import entry_points
from typing import Any, ClassVar, Generic, Self, TypeVar

from pydantic import TypeAdapter, ValidationError

from bench.errors import InputError, did_you_mean
from bench.identity import (
    LEFT_OUT,
    IdentityRule,
    Since,
    identify,
    identity,
    identity_rules,
)
from bench.storage.files import canonical


@dataclasses.dataclass(frozen=True)
class Entry:
    """Base class of everything that is registered; creating an entry loads and computes nothing."""

    kind: ClassVar[str]
    name: ClassVar[str]
    version: ClassVar[int]

    @property
    def options(self) -> dict[str, Any]:
        """Every option with its value, defaults included."""
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}

    @property
    def given(self) -> dict[str, Any]:
        """The options that differ from their defaults, with their values as given."""
        return {
            field.name: value
            for field in dataclasses.fields(self)
            if (value := vars(self)[field.name]) != field.default
        }

    @property
    def specification(self) -> dict[str, Any]:
        """What identifies this entry in run ids and artifacts' addresses."""
        return {
            "name": self.name,
            "version": self.version,
            "options": self.identifying_options(),
        }

    def identifying_options(self) -> dict[str, Any]:
        """The options in `specification`, without those that identities leave out.

        An entry that contains other entries overrides this, to replace their texts by their
        specifications.
        """
        return identity(self)

    def with_options(self, **options: Any) -> Self:
        """This entry with other values of some of its options.

        Raises:
            InputError: there is no such option, or it does not allow the value.
        """
        return _build(type(self), {**self.given, **options})

    @classmethod
    def facts(cls) -> dict[str, Any]:
        """What ``bench list`` prints besides name, summary and options."""
        return {}

    def __str__(self) -> str:
        return format_entry(self.name, self.given)


def shortest_label(one: Entry, among: Iterable[Entry]) -> str:
    """Shortest label that is unique among these entries: its name, and the options in which it
    differs from others of that name."""
    alike = [other for other in among if other.name == one.name]
    own = {
        name: value
        for name, value in one.given.items()
        if any(vars(other)[name] != value for other in alike)
    }
    return format_entry(one.name, own)


EntryType = TypeVar("EntryType", bound=Entry)


class Registry(Generic[EntryType]):
    """All entries of one kind.

    Args:
        kind: the plural that users see (``"losses"``); plug-ins use the group ``bench.<kind>``.
        package: the package whose modules define the entries.
    """

    def __init__(self, kind: str, package: str) -> None:
        self.kind = kind
        self._package = package
        self._classes: dict[str, type[EntryType]] = {}
        self._complete = False

    def register(self, name: str, version: int = 1) -> Callable[[type[EntryType]], type[EntryType]]:
        """A class decorator that registers an entry.

        Args:
            version: must be increased when the entry's behaviour changes.
        """

        def add(cls: type[EntryType]) -> type[EntryType]:
            known = self._classes.get(name)
            if known is not None and known.__qualname__ != cls.__qualname__:
                raise InputError(f"{self.kind}: two entries are named {name!r}: {known} and {cls}")
            cls.kind, cls.name, cls.version = self.kind, name, version
            self._classes[name] = cls
            return cls

        return add

    def names(self) -> list[str]:
        self._discover()
        return sorted(self._classes)

    def get(self, name: str) -> type[EntryType]:
        """The class of that name; raises `InputError` with a suggestion if there is none."""
        self._discover()
        if name not in self._classes:
            hint = did_you_mean(name, self._classes)
            raise InputError(f"{self.kind}: no entry is named {name!r}{hint}")
        return self._classes[name]

    def create(self, entry: "str | Mapping[str, Any] | EntryType", /, **options: Any) -> EntryType:
        """An entry from ``"name"``, ``"name(option=value)"`` or ``{name = …, option = …}``.

        Raises:
            InputError: the name or an option is unknown, or an annotation does not allow a value.
        """
        if isinstance(entry, Entry):
            name, given = entry.name, entry.given
        elif isinstance(entry, str):
            name, given = parse_entry(entry)
        else:
            given = dict(entry)
            if not isinstance(name := given.pop("name", None), str):
                raise InputError(f"{self.kind}: an entry written as a table needs a 'name'")
        cls = self.get(name)
        return _build(cls, {**given, **options})

    def identify(self, text: str) -> str:
        """An entry's text as identities contain it.

        It is the text as written, unless the entry has options with identity rules. These options
        follow their rules, whether they are written or not.
        """
        name, given = parse_entry(text)
        if name not in self.names():
            return text  # no entry but a word that the option allows, such as "bm25"
        cls = self.get(name)
        rules = identity_rules(cls)
        kept = {key: value for key, value in given.items() if key not in rules}
        for field in dataclasses.fields(cls):
            value = given.get(field.name, field.default)
            if field.name not in rules or value is dataclasses.MISSING:
                continue
            identified = identify(value, rules[field.name])
            later = any(isinstance(rule, Since) for rule in rules[field.name])
            contained = field.name in given or later or identified != value
            if identified is not LEFT_OUT and contained:
                kept[field.name] = identified
        return text if kept == given else format_entry(name, kept)

    def describe(self) -> list[dict[str, Any]]:
        """Name, summary, options with defaults, module and facts of each entry, for listings."""
        return [_describe(self.get(name)) for name in self.names()]

    def _discover(self) -> None:
        if self._complete:
            return
        self._complete = True
        package = importlib.import_module(self._package)
        for module in pkgutil.iter_modules(package.__path__):
            if not module.name.startswith("_"):
                importlib.import_module(f"{self._package}.{module.name}")
        for point in entry_points(group=f"bench.{self.kind}"):
            try:
                point.load()
            except Exception as error:
                raise InputError(
                    f"{self.kind}: the plug-in {point.value!r} of {point.dist and point.dist.name}"
                    f" cannot be imported: {error}; fix it or uninstall it"
                ) from error


@dataclasses.dataclass(frozen=True)
class EntryText(IdentityRule):
    """Marks an option that is the text of another entry, or a list of such texts.

    Attributes:
        registry: of that entry. A text that names none of its entries is left unchanged.
    """

    registry: "Registry[Any]"

    def identify(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.registry.identify(value)
        return type(value)(map(self.identify, value))


def entry_texts(entry: Entry) -> dict[str, Registry[Any]]:
    """The options that are texts of other entries, each with the registry of those."""
    return {
        option: rule.registry
        for option, rules in identity_rules(type(entry)).items()
        for rule in rules
        if isinstance(rule, EntryText)
    }


def _build(cls: type[EntryType], options: dict[str, Any]) -> EntryType:
    known = {field.name for field in dataclasses.fields(cls)}
    for option in options:
        if option not in known:
            where = did_you_mean(option, known) if known else " (it has none)"
            raise InputError(f"{cls.name}: no option is named {option!r}{where}")
        if not _finite(options[option]):
            raise InputError(f"{cls.name}: {option}: must be finite (got {options[option]})")
    try:
        # Strict JSON mode: true is not 1 and "1" is not 1, but a list may become a tuple.
        text = json.dumps(canonical(options))
        return _adapter(cls).validate_json(text, strict=True)
    except ValidationError as error:
        raise InputError(f"{cls.name}: {first_problem(error)}") from None
    except (ValueError, TypeError) as error:  # a check in __post_init__, or a value not in JSON
        raise InputError(f"{cls.name}: {error}") from None


_adapters: dict[type, TypeAdapter[Any]] = {}


def _adapter(cls: type[EntryType]) -> TypeAdapter[EntryType]:
    """It takes a millisecond to make, and a study of many runs asks for thousands."""
    if cls not in _adapters:
        _adapters[cls] = TypeAdapter(cls)
    return _adapters[cls]


def _finite(value: Any) -> bool:
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list | tuple):
        return all(map(_finite, value))
    return not isinstance(value, float) or math.isfinite(value)


def first_problem(error: ValidationError, values: Any = None) -> str:
    """One line for a pydantic error: key path, what is wrong, what was given.

    Args:
        values: the values that were checked; needed to remove members of unions from the path.
    """
    # Every member of a union gives an error; the intended member's is not about the type.
    problem = min(error.errors(), key=lambda one: one["type"].endswith("_type"))
    steps = problem["loc"] if values is None else place_of(problem, values)
    path = ".".join(map(str, steps))
    message = problem["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ")
    if problem["type"] == "model_type":
        message = "must be a table"
    given = problem.get("input")
    got = f" (got {given!r})" if not isinstance(given, Mapping | bytes) else ""
    if isinstance(given, str) and given.startswith("{"):
        got = ""
    return f"{path}: {message}{got}" if path else message


def place_of(problem: Mapping[str, Any], values: Any) -> list[int | str]:
    """The key path of a pydantic error in the values, without pydantic's names of union members."""
    steps: list[int | str] = []
    for step in problem["loc"]:
        inside = isinstance(values, Mapping) and step in values
        if inside or (isinstance(values, list) and step in range(len(values))):
            values = values[step]
            steps.append(step)
    return [*steps, problem["loc"][-1]] if problem["type"] == "missing" else steps


_ENTRY = re.compile(r"\s*([A-Za-z0-9][\w.-]*)\s*(?:\((.*)\))?\s*", re.DOTALL)


def parse_entry(text: str) -> tuple[str, dict[str, Any]]:
    """``name(option=value, …)`` → (name, options); values are written as in TOML."""
    match = _ENTRY.fullmatch(text)
    if match is None:
        raise InputError(f"{text!r} is not of the form name or name(option=value, …)")
    name, inside = match.groups()
    try:
        return name, tomllib.loads(f"options = {{ {inside or ''} }}")["options"]
    except (ValueError, RecursionError) as error:  # all that tomllib raises for bad TOML
        raise InputError(
            f"{text!r}: the options are not readable ({error}); "
            'write numbers and true/false plainly, text in quotes: error="l1"'
        ) from None


def format_entry(name: str, options: Mapping[str, Any]) -> str:
    """The inverse of `parse_entry`."""
    if not options:
        return name
    return f"{name}({', '.join(f'{key}={toml_value(value)}' for key, value in options.items())})"


def toml_value(value: Any) -> str:
    """One value as inline TOML."""
    if isinstance(value, list | tuple):
        return f"[{', '.join(toml_value(item) for item in value)}]"
    if isinstance(value, float) and value == int(value) and abs(value) < 1e15:
        return f"{value:.1f}"
    return json.dumps(canonical(value), ensure_ascii=False)


def _describe(cls: type[Entry]) -> dict[str, Any]:
    hints = typing.get_type_hints(cls)
    options = [
        {
            "name": field.name,
            "type": inspect.formatannotation(hints[field.name]).replace("typing.", ""),
            "default": None if field.default is dataclasses.MISSING else field.default,
            "required": field.default is dataclasses.MISSING,
        }
        for field in dataclasses.fields(cls)
    ]
    summary = (inspect.getdoc(cls) or "").split("\n\n")[0].replace("\n", " ")
    return {
        "name": cls.name,
        "version": cls.version,
        "summary": summary,
        "options": options,
        "module": cls.__module__,
        **cls.facts(),
    }
