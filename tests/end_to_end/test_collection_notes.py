"""What a collection has left out or has odd about it is said wherever its results are."""

import gzip
import html
import json
from pathlib import Path

import pytest

from bench import results
from tests.support.collections import append, edit, write_collection
from tests.support.command_line import call

NOTES = [
    "test: 1 of 7 judgements repeat another; kept once",
    "test: 1 of 6 judgements name documents that are not there (the first is 'gone'); left out",
    "test: 1 of 3 judged queries without a relevant document; left out of every mean, "
    "not taken as 0",
    "1 of 13 queries are judged in no part; left out",
    "2 of 26 documents without text; no search finds them",
    "train: 1 queries are asked, word for word, in test; left out",
]


@pytest.fixture(scope="module")
def odd(tmp_path_factory):
    """A collection with one of each, in a folder to work in."""
    place = tmp_path_factory.mktemp("odd")
    folder = write_collection(place / "odd", topics=12)
    append(folder / "corpus.jsonl", {"_id": "e0", "text": ""}, {"_id": "e1", "text": " "})
    append(folder / "queries.jsonl", {"_id": "idle", "text": "a question"})
    queries = [json.loads(line) for line in (folder / "queries.jsonl").read_text().splitlines()]
    edit(folder / "queries.jsonl", f'"{queries[0]["text"]}"', f'"{queries[11]["text"]}"')
    for document in ("d9-0", "d9-1"):
        edit(folder / "qrels/test.tsv", f"{document}\t1", f"{document}\t0")
    edit(folder / "qrels/test.tsv", "q11\td11-1\t1", "q11\tgone\t1")
    append(folder / "qrels/test.tsv", "q11\td11-0\t1")
    return place


@pytest.fixture(autouse=True)
def there(odd, monkeypatch):
    monkeypatch.chdir(odd)
    monkeypatch.setenv("COLUMNS", "300")


@pytest.fixture
def study(tiny_model):
    """The arguments of a study of one short run."""
    student = f"pretrained(model='{tiny_model}', max_length=16)"
    settings = ["training.batch_size=2", "evaluation.points=1", "training.checkpoint_seconds=0"]
    return [
        *("train", "infonce", "--collection", "odd", "--student", student, "--budget", "8"),
        *(word for setting in settings for word in ("--set", setting)),
        *("--no-mlflow", "--out", "out"),
    ]


def test_first_lines_record_and_report_say_it(study, capsys):
    code, _, told = call(capsys, *study)
    assert code == 0
    head = told.partition("results: ")[0].splitlines()
    assert [note for note in NOTES if f"  {note}" not in head] == []
    records = [json.loads(path.read_text()) for path in Path().glob("out/runs/*/run.json")]
    assert len(records) == 3
    for record in records:
        assert set(NOTES) <= set(record["collection"]["notes"])
    assert set(NOTES) <= set(results.load_results("out").notes)
    page = html.unescape(Path("out/report/index.html").read_text("utf-8"))
    assert [note for note in NOTES if f"Collection: {note}." not in page] == []


def test_plan_says_it_before_anything_runs(capsys, tiny_model, tmp_path):
    file = tmp_path / "odd.toml"
    file.write_text(
        'name = "odd"\ntitle = "Odd"\ncollection = "odd"\nseeds = [1]\nbaseline = "infonce"\n'
        "budget = { examples = 8 }\ntraining = { batch_size = 2 }\nevaluation = { points = 1 }\n"
        f"defaults = {{ student = \"pretrained(model='{tiny_model}', max_length=16)\" }}\n"
        'tuning = { trials = 0 }\n[[arms]]\nloss = "infonce"\n'
    )
    code, out, _ = call(capsys, "plan", str(file), "--out", str(tmp_path / "out"))
    assert code == 0
    assert [note for note in NOTES if note not in out] == []


def ranked(file: Path) -> list[list[str]]:
    """The lines of a TREC run, in fields."""
    with gzip.open(file, "rt", encoding="utf-8") as stream:
        return [line.split() for line in stream]


def test_evaluate_says_it_beside_its_numbers(capsys, tiny_model, tmp_path):
    arguments = ["evaluate", str(tiny_model), "--collection", "odd", "--json"]
    code, out, told = call(capsys, *arguments, "--run", str(tmp_path / "run.gz"))
    assert code == 0
    assert json.loads(out).keys() == {"nDCG@10", "RR@10", "R@100"}
    assert [note for note in NOTES if note not in told] == []
    found = ranked(tmp_path / "run.gz")
    assert {row[0] for row in found} == {"q10", "q11"}
    assert len(found) == 2 * 24  # all that have a text
    assert not {"e0", "e1"} & {row[2] for row in found}


@pytest.mark.parametrize("ignored", [False, True])
def test_the_querys_own_document_is_ranked_first_or_not_at_all(
    capsys, tiny_model, tmp_path, ignored
):
    """The text that equals the query is its nearest, whatever the weights."""
    folder = write_collection(tmp_path / "own", topics=12)
    queries = (folder / "queries.jsonl").read_text().splitlines()
    append(folder / "corpus.jsonl", *queries[9:])
    written = f'folder(path="{folder}", ignore_identical_ids={str(ignored).lower()})'
    arguments = ["evaluate", str(tiny_model), "--collection", written, "--measures", "R@5"]
    code, _, told = call(capsys, *arguments, "--run", str(tmp_path / "run.gz"))
    assert code == 0
    rows = ranked(tmp_path / "run.gz")
    first = {row[0]: row[2] for row in rows if row[3] == "1"}
    own = [row for row in rows if row[0] == row[2]]
    depth = {query: sum(row[0] == query for row in rows) for query in first}
    assert len(set(depth.values())) == 1
    if ignored:
        assert own == []
        assert "the document that has a query's id is not ranked for it" in told
    else:
        assert all(query == document for query, document in first.items())
        assert "test: 3 of 3 queries are documents too, by id and text" in told
