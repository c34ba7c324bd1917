"""A trained student in other people's hands: exported, tried, measured by others, replayed."""

import gzip
import json
import re

import ir_measures
import numpy as np
import pandas as pd
import pytest
import tomli_w
from safetensors.torch import load_file
from sentence_transformers import SentenceTransformer

import bench as public
from tests.support.collections import write_collection
from tests.support.command_line import bench
from tests.support.studies import study_values

pytestmark = pytest.mark.slow

SCRIPT = "<script>alert(1)</script> | `x` [y](z)"


@pytest.fixture(scope="module")
def place(tmp_path_factory, tiny_model, wide_model):
    """A study of an asymmetric student and of one encoder for both sides, both with a teacher."""
    place = tmp_path_factory.mktemp("export")
    collection = write_collection(place / "toy-collection", topics=60)
    teacher = f"bi-encoder(model='{wide_model}', max_length=32)"
    queries = f'pretrained(model="{tiny_model}", max_length=16)'
    values = study_values(collection, tiny_model) | {
        "tuning": {"trials": 1, "space": {"learning_rate": [3e-3]}},
        "baseline": "asymmetric",
        "defaults": {"teacher": teacher},
        "arms": [
            {
                "name": "asymmetric",
                "loss": "embedding-match(texts='queries')",
                "student": {"name": "asymmetric", "queries": queries, "teacher": teacher},
            },
            {"name": SCRIPT, "loss": "embedding-match", "student": queries},
        ],
    }
    (place / "toy.toml").write_text(tomli_w.dumps(values))
    done = bench("run", "toy.toml", "--no-mlflow", cwd=place)
    assert done.returncode == 0, done.stderr
    return place


@pytest.fixture(scope="module")
def exported(place):
    done = bench("export", "results/toy", "asymmetric", "--seed", "2", "--to", "small", cwd=place)
    assert done.returncode == 0, done.stderr
    assert "encode_query and encode_document" in done.stderr
    return place / "small"


def final(place, arm, seed) -> pd.Series:
    summary = public.load_results(place / "results" / "toy").summary
    rows = summary[(summary["arm"] == arm) & (summary["role"] == "final")]
    return rows[rows["seed"] == seed].iloc[0]


def texts(path) -> dict[str, str]:
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    return {row["_id"]: f"{row.get('title', '')} {row['text']}".strip() for row in rows}


def outside(model: SentenceTransformer, folder) -> float:
    """nDCG@10 of test by sentence-transformers, a plain dot product and ir_measures."""
    documents, queries = texts(folder / "corpus.jsonl"), texts(folder / "queries.jsonl")
    qrels = list(ir_measures.read_trec_qrels(str(as_trec(folder))))
    asked = sorted({row.query_id for row in qrels})
    found = model.encode_document(list(documents.values()))
    scores = model.encode_query([queries[id] for id in asked]) @ found.T
    run = [
        ir_measures.ScoredDoc(query, document, float(score))
        for query, row in zip(asked, scores, strict=True)
        for document, score in zip(documents, row, strict=True)
    ]
    return ir_measures.calc_aggregate([ir_measures.nDCG @ 10], qrels, run)[ir_measures.nDCG @ 10]


def as_trec(folder):
    rows = (folder / "qrels" / "test.tsv").read_text().splitlines()[1:]
    path = folder / "test.trec"
    path.write_text("".join("{} 0 {} {}\n".format(*row.split("\t")) for row in rows))
    return path


def test_an_outside_evaluator_finds_the_same_retention(place, exported, wide_model):
    run = final(place, "asymmetric", 2)
    collection = place / "toy-collection"
    value = outside(SentenceTransformer(str(exported), device="cpu"), collection)
    assert value == pytest.approx(run["nDCG@10"], abs=1e-6)
    from sentence_transformers.models import Normalize, Pooling, Transformer

    transformer = Transformer(str(wide_model), max_seq_length=32)
    teacher = SentenceTransformer(modules=[transformer, Pooling(48), Normalize()], device="cpu")
    assert value / outside(teacher, collection) == pytest.approx(run["retention"], abs=1e-6)
    assert run["retention_of"] == "teacher"


def test_the_trec_run_says_the_same(place):
    run = final(place, "asymmetric", 2)
    path = place / "results" / "toy" / "runs" / run["run"] / "test.trec.gz"
    lines = gzip.decompress(path.read_bytes()).decode().splitlines()
    ranked = [line.split() for line in lines]
    qrels = ir_measures.read_trec_qrels(str(as_trec(place / "toy-collection")))
    scored = [ir_measures.ScoredDoc(row[0], row[2], -int(row[3])) for row in ranked]
    value = ir_measures.calc_aggregate([ir_measures.nDCG @ 10], qrels, scored)
    assert value[ir_measures.nDCG @ 10] == pytest.approx(run["nDCG@10"], abs=1e-9)


def test_the_exported_documents_are_the_teachers(exported, wide_model):
    ours = load_file(exported / "document_0_Transformer" / "model.safetensors")
    theirs = load_file(wide_model / "model.safetensors")
    assert all((value == theirs[name]).all() for name, value in ours.items())
    assert {name for name in theirs if name not in ours} <= {
        "pooler.dense.weight",
        "pooler.dense.bias",
    }


def test_evaluate_and_encode_and_search_take_the_folder(place, exported):
    done = bench(
        "evaluate", "small", "--collection", "toy-collection", "--json", "--run", "small.trec.gz",
        cwd=place,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    measured = json.loads(done.stdout)
    assert measured["nDCG@10"] == pytest.approx(final(place, "asymmetric", 2)["nDCG@10"])
    assert (place / "small.trec.gz").is_file()

    model = SentenceTransformer(str(exported), device="cpu")
    (place / "lines.txt").write_text("array axis\ncache " + "column " * 40 + "\n")
    asked = ["array axis", "cache " + "column " * 40]
    for side, wanted in (
        ("query", model.encode_query(asked)),
        ("document", model.encode_document(asked)),
    ):
        done = bench(
            "encode", "small", "--file", "lines.txt", "--as", side, "--to", "v.npy", cwd=place
        )
        assert done.returncode == 0, done.stderr
        assert np.allclose(np.load(place / "v.npy"), wanted, atol=1e-5)
    done = bench("encode", "small", "array axis", cwd=place)
    assert np.allclose(json.loads(done.stdout), model.encode_query(["array axis"])[0], atol=1e-5)

    done = bench(
        "search", "small", "array axis", "--collection", "toy-collection", "--depth", "3", "--json",
        cwd=place,
    )  # fmt: skip
    (found,) = json.loads(done.stdout)
    documents = texts(place / "toy-collection" / "corpus.jsonl")
    scores = model.encode_query(["array axis"]) @ model.encode_document(list(documents.values())).T
    best = np.array(list(documents))[np.argsort(-scores[0])[:3]]
    assert [row["id"] for row in found["documents"]] == best.tolist()
    assert [row["score"] for row in found["documents"]] == pytest.approx(
        sorted(scores[0])[::-1][:3], abs=1e-5
    )


def test_what_the_card_says(place, exported):
    card = (exported / "README.md").read_text()
    run = final(place, "asymmetric", 2)
    head, _, page = card.removeprefix("---\n").partition("---\n")
    assert "library_name: sentence-transformers" in head
    assert f"| **this student** | {run['nDCG@10']:.4f} |" in page
    assert '`embedding-match(texts="queries")`' in page
    assert "| trial, seed | 0, 2 |" in page
    assert f"| {int(run['trained_parameters']):,} |" in page
    assert all(f"reference: {name}" in page for name in ("bm25", "teacher"))
    assert re.search(r"Nobody is charged for the training of .*wide", page)
    code = page.split("```python\n")[1].split("```")[0]
    assert "SentenceTransformer('small')" in code


def test_a_name_in_a_card_is_only_text(place):
    done = bench("export", "results/toy", SCRIPT, "--to", "plain", cwd=place)
    assert done.returncode == 0, done.stderr
    card = (place / "plain" / "README.md").read_text()
    assert "<script>" not in card
    assert "The loss had 1,584 parameters of its own" in card  # a projection, 32 to 48
    assert "&lt;script&gt;alert(1)&lt;/script&gt; \\| \\`x\\` \\[y\\](z)" in card
    model = SentenceTransformer(str(place / "plain"), device="cpu")
    assert model.encode("array").shape == (32,)


def test_the_seed_that_is_exported_by_itself_is_the_best_on_dev(place):
    results = public.load_results(place / "results" / "toy")
    rows = results.summary.query("role == 'final'")
    rows = rows[rows["arm"] == SCRIPT]
    chosen = [
        json.loads((results.folder / "runs" / run / "run.json").read_text())["select"]
        for run in rows["run"]
    ]
    best = rows["seed"].iloc[int(np.argmax(chosen))]
    card = (place / "plain" / "README.md").read_text()
    assert f"| trial, seed | 0, {best} |" in card


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["export", "results/toy", "asymetric", "--to", "x"], "did you mean 'asymmetric'"),
        (["export", "results/toy", "asymmetric", "--seed", "9", "--to", "x"], "finished are trial"),
        (["export", "results/toy", "asymmetric", "--to", "toy-collection"], "something already"),
        (["export", "nowhere", "asymmetric", "--to", "x"], "no results here"),
        (
            ["export", "results/toy", "asymmetric", "--seed", "1000000", "--to", "x"],
            "bench replay results/toy 'asymmetric' 0 1000000",
        ),
        (["replay", "results/toy", "bm25", "0", "1"], "no arm is named 'bm25'"),
        (["encode", "small"], "give texts"),
        (["encode", "small", "--file", "none.txt"], "there is no such file"),
        (["encode", "results", "word"], "no config.json"),
    ],
)
def test_what_is_refused(place, exported, arguments, said):
    done = bench(*arguments, cwd=place)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (place / "x").exists()


def test_a_replay_gives_the_same_numbers(place):
    for seed in ("2", "1000000"):  # a final run and a tuning one
        done = bench("replay", "results/toy", "asymmetric", "0", seed, cwd=place)
        assert done.returncode == 0, done.stderr
        assert "every number is the same, to the last bit" in done.stderr
    run = final(place, "asymmetric", 2)["run"]
    before, now = (place / "results" / "toy" / kind / run for kind in ("runs", "replays"))
    for part in ("student/query_0_Transformer/model.safetensors", "test.trec.gz"):
        assert (before / part).read_bytes() == (now / part).read_bytes()


def test_a_replay_that_differs_is_an_error(place):
    run = place / "results" / "toy" / "runs" / final(place, SCRIPT, 1)["run"]
    kept = (run / "curve.parquet").read_bytes()
    curve = pd.read_parquet(run / "curve.parquet")
    curve.loc[1, "nDCG@10"] += 0.25
    curve.to_parquet(run / "curve.parquet")
    done = bench("replay", "results/toy", SCRIPT, "0", "1", cwd=place)
    (run / "curve.parquet").write_bytes(kept)
    assert done.returncode == 1
    assert "differ by up to 0.25" in done.stderr


def test_another_collection_is_not_replayed(place, tmp_path):
    path = place / "toy-collection" / "queries.jsonl"
    kept = path.read_text()
    path.write_text(kept.replace("array", "axis"))
    done = bench("replay", "results/toy", "asymmetric", "0", "1", cwd=place)
    path.write_text(kept)
    assert done.returncode == 2
    assert "its collection is not what it was" in done.stderr
