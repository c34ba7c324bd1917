"""Data sets registered with ir_datasets itself, from local files."""

from pathlib import Path

import pytest

from bench import collections
from bench.collections.open import open_collection
from bench.errors import InputError
from bench.storage.artifacts import Artifacts


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    """``toys``, over 60 documents: train with docpairs, dev and two tests; and ``others``.

    Training query i has i docpairs.
    """
    import ir_datasets
    from ir_datasets.datasets.base import Dataset
    from ir_datasets.formats import TrecQrels, TsvDocPairs, TsvDocs, TsvQueries

    folder = tmp_path_factory.mktemp("toys")

    class Local:
        def __init__(self, name: str, text: str) -> None:
            self._path = folder / name
            self._path.write_text(text)

        def path(self, force: bool = True) -> Path:
            return self._path

        def stream(self):
            return self._path.open("rb")

    def add(id: str, documents, queries: range, grades: tuple[int, ...], *more) -> None:
        name = id.replace("/", "-")
        asked = "".join(f"q{at}\tquery {at}\n" for at in queries)
        judged = "".join(
            f"q{at} 0 d{at + place} {grade}\n"
            for at in queries
            for place, grade in enumerate(grades)
        )
        parts = TsvQueries(Local(f"q-{name}", asked)), TrecQrels(Local(f"r-{name}", judged), {})
        registry.register(id, Dataset(documents, *parts, *more))

    patch = pytest.MonkeyPatch()
    patch.setenv("IR_DATASETS_HOME", str(folder / "home"))
    registry = ir_datasets.registry
    lines = "".join(f"d{at}\ttext {at}\n" for at in range(60))
    documents = TsvDocs(Local("docs", lines), namespace="toys")
    pairs = [f"q{at}\td{at}\td{at + 1 + pair}\n" for at in range(20) for pair in range(at)]
    registry.register("toys", Dataset(documents))
    add("toys/train", documents, range(20), (1,), TsvDocPairs(Local("pairs", "".join(pairs))))
    add("toys/dev", documents, range(20, 25), (1,))
    add("toys/old/judged", documents, range(25, 35), (3, 2, 0))
    add("toys/new", documents, range(35, 45), (1,))
    add("others", TsvDocs(Local("docs2", lines), namespace="others"), range(50, 55), (1,))
    yield
    for id in ("toys", "toys/train", "toys/dev", "toys/old/judged", "toys/new", "others"):
        registry._registered.pop(id)
    patch.undo()


@pytest.fixture
def opened(local, tmp_path):
    def open_it(written):
        return open_collection(written, Artifacts(tmp_path))

    return open_it


def test_further_tests_keep_their_grades(opened):
    written = 'ir-datasets(id="toys", test="toys/new", further=["toys/old/judged"])'
    collection = opened(written)
    sizes = {name: len(part.queries) for name, part in collection.parts.items()}
    assert sizes == {"train": 20, "dev": 5, "test": 10, "test-old-judged": 10}
    judged = collection.part("test-old-judged").judgements
    assert judged[judged[:, 0] == 0].tolist() == [[0, 25, 3], [0, 26, 2], [0, 27, 0]]
    assert str(collections.create(written)) == written


def test_dev_is_carved_where_that_is_asked_for(opened):
    collection = opened('ir-datasets(id="toys", dev="carve", test="toys/new")')
    assert {name: len(part.queries) for name, part in collection.parts.items()} == {
        "train": 16,
        "dev": 4,
        "test": 10,
    }
    assert "carved from train" in collection.notes[0]


def test_an_id_that_is_judged_itself_is_its_own_test(opened):
    collection = opened("others")
    assert [(name, len(part.queries)) for name, part in collection.parts.items()] == [("test", 5)]


def test_docpairs_of_queries_that_have_enough(opened):
    # Of the first 100 pairs, q0 … q13 have as many as their number, and q14 has 9.
    written = 'ir-datasets(id="toys", test="toys/new", docpairs=100, pairs_per_query=10)'
    triples = opened(written).triples
    ids = opened(written).part("train").queries.id_list()
    assert [ids[query] for query, _, _ in triples[::10]] == ["q10", "q11", "q12", "q13"]
    assert triples[:10].tolist() == [[10, 10, 11 + pair] for pair in range(10)]
    everything = opened('ir-datasets(id="toys", test="toys/new", docpairs=100)').triples
    assert len(everything) == 100


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ('further=["toys/old/juged"]', "named 'toys/old/juged', did you mean 'toys/old/judged'"),
        ('further=["toys/dev"]', "further: 'toys/dev' must not also be the dev part"),
        ('dev="toys/old/judged", further=["toys/old/judged"]', "must not also be the dev part"),
        ('further=["toys/new"], test="toys/new"', "must not also be the test part"),
        ('further=["toys/old/judged", "toys/old/judged"]', "2 parts would be called 'test-old"),
        ('further=["others"]', "others is judged over the documents of others, not over those of"),
        ('test="others"', "others is judged over the documents of others"),
        ("pairs_per_query=3", "pairs_per_query chooses among docpairs"),
        ("docpairs=10, pairs_per_query=9", "no train query of toys has 9 of the first 10 docpairs"),
        ('train="toys/dev", dev="carve", docpairs=10', "toys/dev has no docpairs"),
    ],
)
def test_what_cannot_be(opened, options, said):
    with pytest.raises(InputError, match=said):
        opened(f'ir-datasets(id="toys", {options})')
