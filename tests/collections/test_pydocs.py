"""The collection pydocs: extraction, near-duplicates, the split, subsets, errors."""

import hashlib
import os
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Callable
from importlib.metadata import version
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array

from bench import collections
from bench.collections import pydocs
from bench.collections._docstrings import Docstring, parse_docstrings, split, words
from bench.collections._near_duplicates import components, similar_pairs, trigrams
from bench.collections.base import RawCollection
from bench.collections.prepare import prepare
from bench.errors import InputError
from bench.storage.artifacts import Artifacts

FEW = ("alembic", "flask", "numpy", "pandas", "werkzeug", *pydocs.UNSEEN)
"""Enough for every property and read in seconds."""

PYDOCS = pydocs.PyDocs()
PYDOCS_300 = pydocs.PyDocs(documents=300)

Read = Callable[..., RawCollection]


@pytest.fixture(scope="module")
def found() -> list[pydocs.PackageDocstring]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pydocs, "PACKAGES", FEW)
        return pydocs.extract()


@pytest.fixture(scope="module")
def whole(found: list[pydocs.PackageDocstring]) -> pydocs.Corpus:
    return pydocs.assemble(found)


@pytest.fixture
def read(
    found: list[pydocs.PackageDocstring], whole: pydocs.Corpus, monkeypatch: pytest.MonkeyPatch
) -> Read:
    monkeypatch.setattr(pydocs, "extract", lambda: found)
    monkeypatch.setattr(pydocs, "assemble", lambda _: whole)
    return lambda documents=0: collections.create("pydocs", documents=documents).read()


def document_ids(raw: RawCollection) -> set[str]:
    return {id for id, _ in raw.documents}


def judged(raw: RawCollection, part: str) -> set[str]:
    return {document for _, document, _ in raw.parts[part].judgements}


# --- extraction: one docstring ------------------------------------------------------------------


def test_numpy_style_keeps_the_prose() -> None:
    docstring = """lowest(a, axis=None)

    Return the lowest value
    along an axis.  Further words of the paragraph.

    Parameters
    ----------
    a : array_like
        What to search.
    axis : int, optional
        Where to search,
        counted from the left.

    Returns
    -------
    ndarray

    See Also
    --------
    highest : never to be seen.

    Notes
    -----
    Values that are not a number win, as they do in `sorted`.

    Examples
    --------
    Never to be seen:

    >>> lowest([1, 2])
    1
    """
    assert split(docstring) == (
        "Return the lowest value along an axis.",
        "Further words of the paragraph. What to search. Where to search, counted from the left. "
        "Values that are not a number win, as they do in sorted.",
    )


def test_google_style_keeps_the_prose() -> None:
    docstring = """Return the lowest value, e.g. That of a generator.

    It is found in one pass.

    Args:
        a: What to search,
            from left to right.

        **kwargs (dict of (str, int)): What to pass on.
    Returns: The value.

    Raises:
        ValueError: Nothing to search.

    Example:

        lowest([1, 2])
    """
    assert split(docstring) == (
        "Return the lowest value, e.g. That of a generator.",
        "It is found in one pass. What to search, from left to right. What to pass on. The value. "
        "Nothing to search.",
    )


def test_sphinx_style_keeps_the_prose() -> None:
    docstring = """Return the lowest :class:`~a.b.Value`.

    .. versionadded:: 1.2
       Never to be seen.

    :py:func:`sorted` would need memory for all of them::

        sorted(values)[0]

    What compares is in
    :py:mod:`values`.

    E.g.::

        lowest(values)

    :param values: What to search,
        from left to right.
    :type values: list
    :rtype: int

    .. note::
        Values are compared by :meth:`.Value.key`, not by ``==``.
    """
    assert split(docstring) == (
        "Return the lowest a.b.Value.",
        "sorted would need memory for all of them: What compares is in values. "
        "What to search, from left to right. "
        "Values are compared by Value.key, not by ==.",
    )


def test_examples_and_code_are_left_out() -> None:
    docstring = """Return the lowest value.

    One pass over the values is all that this takes.

    >>> lowest([1, 2])
    1

    ```python
    lowest([3, 4])

    ```
    Ties go to the first.
    """
    assert split(docstring) == (
        "Return the lowest value.",
        "One pass over the values is all that this takes. Ties go to the first.",
    )


def test_a_summary_that_is_repeated_leaves_the_body() -> None:
    docstring = """Find the lowest value.

    find the lowest value.  One pass over the values is all that this takes.
    """
    assert split(docstring) == (
        "Find the lowest value.",
        "One pass over the values is all that this takes.",
    )


@pytest.mark.parametrize(
    "docstring",
    [
        "",
        "lowest(a, b)",
        "Only a summary, which is long enough for a query.",
        "Lowest value.\n\nOne pass over the values is all that this takes.",
        "Return the lowest value.\n\nOne two three four five six seven.",
        "Args:\n    a: a value\n\nOne pass over the values. It is all that this takes, really.",
        ">>> lowest([1])\n1\n\nOne pass over the values. It is all that this takes, really.",
        "```\ncode\n```\nOne pass over the values. It is all that this takes, really, and no more.",
        "size (int): The lowest value.\n\nOne pass over the values is all that this takes.",
    ],
)
def test_what_has_no_summary_or_no_body_gives_nothing(docstring: str) -> None:
    assert split(docstring) is None


# --- extraction: modules and packages -----------------------------------------------------------

DOCSTRING = '"""Return the %s value of it.\n\n    One pass over the values is all that it takes."""'

MODULE = f"""
raise RuntimeError("imported")

def lowest(a):
    {DOCSTRING % "lowest"}
    def inner():
        {DOCSTRING % "inner"}

def _private():
    {DOCSTRING % "private"}

class Values:
    {DOCSTRING % "class"}
    async def highest(self):
        {DOCSTRING % "highest"}
    def _hidden(self):
        {DOCSTRING % "hidden"}
    class Nested:
        def middle(self):
            {DOCSTRING % "middle"}

class _Values:
    def highest(self):
        {DOCSTRING % "never"}
"""


def test_public_functions_classes_and_methods_are_found() -> None:
    entries = list(parse_docstrings(MODULE.encode(), "fake.module"))
    assert [entry.name for entry in entries] == [
        "fake.module.lowest",
        "fake.module.Values",
        "fake.module.Values.highest",
        "fake.module.Values.Nested.middle",
    ]
    assert entries[0].summary == "Return the lowest value of it."
    assert entries[0].body == "One pass over the values is all that it takes."


def test_a_module_that_cannot_be_parsed_gives_nothing() -> None:
    assert list(parse_docstrings(b"def broken(:", "fake")) == []
    assert list(parse_docstrings(b"\0", "fake")) == []


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Pretend that a package ``fake`` with these files is installed, the only one there is."""

    def install(*files: str, record: bool = True) -> None:
        for file in files:
            (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / file).write_text(MODULE)
        info = tmp_path / "fake-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: fake\nVersion: 1.0\n")
        if record:
            (info / "RECORD").write_text("".join(f"{file},,\n" for file in files))
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.setattr(pydocs, "PACKAGES", ("fake",))

    return install


def test_files_are_read_and_nothing_is_imported(install: Callable[..., None]) -> None:
    install(
        "fake/__init__.py",
        "fake/_private.py",
        "fake/sub/values.py",
        "fake/tests/values.py",
        "fake/_testing/values.py",
        "fake/test_values.py",
        "fake/conftest.py",
        "fake/_vendor/values.py",
        "fake/not-a-name.py",
        "fake/values.pyi",
    )
    modules = {one.docstring.name.removesuffix(".lowest") for one in pydocs.extract()}
    assert {"fake", "fake._private", "fake.sub.values"} == {
        module for module in modules if "Values" not in module
    }
    assert "fake" not in sys.modules
    assert PYDOCS.identity() == {"packages": {"fake": "1.0"}, "format": 1}


def test_every_listed_package_gives_something() -> None:
    for package in pydocs.PACKAGES:
        modules = pydocs._modules(pydocs._installed(package))
        entries = (
            entry for file, name in modules for entry in parse_docstrings(file.read_binary(), name)
        )
        assert next(entries, None) is not None, package


# --- near-duplicates ----------------------------------------------------------------------------


@given(st.lists(st.frozensets(st.integers(0, 12)), max_size=12))
def test_similar_pairs_are_those_of_brute_force(sets: list[frozenset[int]]) -> None:
    expected = {
        (a, b)
        for a, b in combinations(range(len(sets)), 2)
        if sets[a] | sets[b] and len(sets[a] & sets[b]) / len(sets[a] | sets[b]) >= 0.7
    }
    found = [tuple(sorted(pair)) for pair in similar_pairs(sets)]
    assert set(found) == expected
    assert len(found) == len(expected)


def test_exactly_seven_tenths_is_similar() -> None:
    assert list(similar_pairs([set(range(10)), set(range(7))])) == [(1, 0)]
    assert list(similar_pairs([set(range(100)), set(range(69))])) == []


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=12))
def test_components_are_those_of_brute_force(pairs: list[tuple[int, int]]) -> None:
    reachable = np.eye(10, dtype=bool)
    for a, b in pairs:
        reachable[a, b] = reachable[b, a] = True
    for _ in range(4):  # paths of up to 16 steps
        reachable = reachable @ reachable
    assert components(10, pairs) == reachable.argmax(axis=1).tolist()


def test_trigrams_are_of_words() -> None:
    assert trigrams(words("A b, C d!")) == {"a b c", "b c d"}
    assert trigrams(["a", "b"]) == set()


# --- the split ----------------------------------------------------------------------------------


@pytest.mark.slow
def test_no_near_duplicates_are_on_two_sides(whole: pydocs.Corpus) -> None:
    ids = list(whole.texts)
    grams = [trigrams(words(text)) for text in whole.texts.values()]
    columns = {gram: column for column, gram in enumerate(sorted(set().union(*grams)))}
    rows, at = zip(*((row, columns[g]) for row, one in enumerate(grams) for g in one), strict=True)
    matrix = csr_array((np.ones(len(at), dtype=np.int64), (rows, at)))
    shared = (matrix @ matrix.T).tocoo()
    sizes = np.array([len(one) for one in grams])
    near = 10 * shared.data >= 7 * (sizes[shared.row] + sizes[shared.col] - shared.data)
    pairs = {(a, b) for a, b in zip(shared.row[near], shared.col[near], strict=True) if a < b}
    assert len(pairs) > 100
    assert {tuple(sorted(pair)) for pair in similar_pairs(grams)} == pairs
    for a, b in pairs:
        assert whole.components[ids[a]] == whole.components[ids[b]]
        assert whole.parts[ids[a]] == whole.parts[ids[b]]


def test_strip_functions_are_on_one_side(whole: pydocs.Corpus) -> None:
    sides = defaultdict(set)
    for id, part in whole.parts.items():
        scope, _, name = id.rpartition(".")
        if name in ("lstrip", "rstrip"):
            sides[scope].add((name, part))
    both = [found for found in sides.values() if len({name for name, _ in found}) == 2]
    assert both
    assert all(len({part for _, part in found}) == 1 for found in both)


def test_no_component_swallows_the_collection(whole: pydocs.Corpus) -> None:
    sizes = Counter(whole.components.values())
    assert max(sizes.values()) < 0.02 * len(whole.texts)
    assert len(sizes) > 0.8 * len(whole.texts)


def test_shares_are_about_80_10_10(whole: pydocs.Corpus) -> None:
    sizes = Counter(whole.parts.values())
    seen = len(whole.parts) - sizes["test-unseen"]
    assert set(sizes) == set(pydocs.PARTS)
    assert sizes["train"] / seen == pytest.approx(0.8, abs=0.04)
    assert sizes["dev"] / seen == pytest.approx(0.1, abs=0.03)
    assert sizes["test"] / seen == pytest.approx(0.1, abs=0.03)


def test_unseen_packages_are_in_their_part_and_nowhere_else(
    read: Read, found: list[pydocs.PackageDocstring]
) -> None:
    raw = read()
    unseen_texts = {tuple(words(o.docstring.body)) for o in found if o.package in pydocs.UNSEEN}
    held_out = {id for id, text in raw.documents if tuple(words(text)) in unseen_texts}
    assert len(held_out) > 500
    assert held_out <= judged(raw, "test-unseen")
    for part in ("train", "dev", "test"):
        assert not held_out & judged(raw, part)


def test_equal_queries_and_equal_documents_are_merged(read: Read) -> None:
    raw = read()
    queries = [query for part in raw.parts.values() for query in part.queries]
    for texts in ([text for _, text in queries], [text for _, text in raw.documents]):
        assert len({tuple(words(text)) for text in texts}) == len(texts)
    relevant = Counter(query for part in raw.parts.values() for query, _, _ in part.judgements)
    assert max(relevant.values()) > 1
    ids = [id for id, _ in [*queries, *raw.documents]]
    assert len(set(ids)) == len(ids)


def test_of_one_name_the_first_docstring_is_taken() -> None:
    getter, setter = (
        pydocs.PackageDocstring(
            "fake", Docstring("fake.size", "The size of it.", f"The {word} of a value.")
        )
        for word in ("getter", "setter")
    )
    whole = pydocs.assemble([getter, setter])
    assert whole.texts == {"fake.size": "The getter of a value."}
    assert whole.queries == [("q:fake.size", "The size of it.", ["fake.size"])]


def test_every_document_is_asked_for_in_one_part(read: Read) -> None:
    raw = read()
    parts = [judged(raw, name) for name in pydocs.PARTS]
    assert sum(map(len, parts)) == len(raw.documents)
    assert set().union(*parts) == document_ids(raw)


@pytest.mark.parametrize("documents", [0, 300])
def test_negatives_come_from_train_alone(read: Read, documents: int) -> None:
    raw = read(documents)
    assert raw.trainable == judged(raw, "train")


# --- subsets ------------------------------------------------------------------------------------


def test_a_larger_number_contains_a_smaller_one(read: Read) -> None:
    small, large, everything = read(200), read(1000), read()
    assert len(small.documents) == 200
    assert len(large.documents) == 1000
    assert set(small.documents) < set(large.documents) < set(everything.documents)
    for name in pydocs.PARTS:
        assert set(small.parts[name].queries) < set(large.parts[name].queries)


def test_the_parts_keep_their_shares(read: Read, whole: pydocs.Corpus) -> None:
    sizes = Counter(whole.parts.values())
    raw = read(500)
    for name in pydocs.PARTS:
        assert len(judged(raw, name)) == pytest.approx(sizes[name] * 500 / len(whole.parts), abs=1)


def test_near_duplicates_are_taken_together(read: Read, whole: pydocs.Corpus) -> None:
    chosen = document_ids(read(1000))
    components = defaultdict(set)
    for id, component in whole.components.items():
        components[component].add(id)
    cut = [group for group in components.values() if group & chosen and group - chosen]
    assert len(cut) <= len(pydocs.PARTS)  # only where the number of a part is reached


def test_two_reads_are_equal(
    found: list[pydocs.PackageDocstring], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pydocs, "extract", lambda: found)
    assert PYDOCS_300.read() == PYDOCS_300.read()


DIGEST = """
import hashlib
from bench.collections import pydocs
pydocs.PACKAGES = ("click", "joblib", *pydocs.UNSEEN)
raw = pydocs.PyDocs(documents=500).read()
raw.trainable = sorted(raw.trainable)
print(hashlib.sha256(repr(raw).encode()).hexdigest())
"""


def test_hash_randomisation_changes_nothing() -> None:
    digests = [
        subprocess.run(
            [sys.executable, "-c", DIGEST],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert digests[0] == digests[1]
    assert len(digests[0].strip()) == hashlib.sha256().digest_size * 2


# --- the source as a whole ----------------------------------------------------------------------


def test_identity_names_every_version() -> None:
    packages = PYDOCS.identity()["packages"]
    assert set(packages) == set(pydocs.PACKAGES)
    assert packages["numpy"] == version("numpy")
    assert PYDOCS_300.specification["options"]["documents"] == 300


def test_it_can_be_prepared(read: Read, tmp_path: Path) -> None:
    collection = prepare(PYDOCS_300, Artifacts(tmp_path))
    assert len(collection.documents) == 300
    assert set(collection.parts) == set(pydocs.PARTS)
    assert len(collection.trainable) == len(read(300).trainable or ())
    assert "300 documents of" in collection.notes[0]


def test_more_documents_than_there_are(read: Read, whole: pydocs.Corpus) -> None:
    most = len(whole.texts)
    assert len(read(most).documents) == most
    with pytest.raises(InputError, match=f"only {most} documents"):
        read(most + 1)


def test_too_few_documents_for_every_part(read: Read) -> None:
    with pytest.raises(InputError, match="fewer than 2 queries"):
        read(5)


def test_a_negative_number_is_refused() -> None:
    with pytest.raises(InputError, match="documents"):
        collections.create("pydocs(documents=-1)")


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pydocs, "PACKAGES", ("surely-not-installed",))
    for use in (PYDOCS.identity, PYDOCS.read):
        with pytest.raises(InputError, match="pip install surely-not-installed"):
            use()


def test_a_package_without_a_list_of_files_is_named(install: Callable[..., None]) -> None:
    install("fake/__init__.py", record=False)
    with pytest.raises(InputError, match="--force-reinstall fake"):
        PYDOCS.read()
