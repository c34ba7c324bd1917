"""Nested shares of the train queries: a study of its own on each."""

import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

import bench as public
from bench.collections.base import RawCollection, RawPart, Source
from bench.collections.prepare import prepare
from bench.errors import InputError
from bench.execution.coordinator import Coordinator
from bench.results import TIMED
from bench.storage.artifacts import Artifacts
from bench.study.schema import parse_study
from tests.support.command_line import call
from tests.support.studies import study_values

pytestmark = pytest.mark.slow

SHARES = [0.1, 0.5, 1.0]


@pytest.fixture(scope="module")
def shared_values(collection_folder, tiny_model) -> dict:
    """Two arms, one with a teacher that is fine-tuned, tuned by one trial, on three shares."""
    tuned = {"name": "bi-encoder", "model": str(tiny_model), "max_length": 32}
    tuned |= {"fine_tune": True, "examples": 8, "negatives": 1, "batch_size": 4}
    values = study_values(collection_folder, tiny_model)
    return {
        **values,
        "train_shares": SHARES,
        "seeds": [1, 2],
        "tuning": {"trials": 1, "sampler": "random", "space": values["tuning"]["space"]},
        "arms": [
            {"loss": "margin-mse", "name": "margin-mse", "teacher": tuned},
            {"loss": "infonce", "name": "infonce", "space": {}},
        ],
    }


def _run(values, folder):
    study = parse_study(values, "toy")
    outcome = Coordinator(study, folder / "out", folder / "artifacts", None).run()
    assert not outcome.failed
    return folder / "out"


@pytest.fixture(scope="module")
def folder(shared_values, tmp_path_factory):
    """The study, carried out: ``out`` and ``artifacts``."""
    folder = tmp_path_factory.mktemp("shares")
    _run(shared_values, folder)
    return folder


@pytest.fixture
def done(folder):
    return folder / "out"


def test_shares_are_nested_and_all_else_stays(context):
    whole = context.collection
    ids = {}
    for share in (0.05, 0.135, 0.25, 0.5, 1.0):
        part = whole.subset(share)
        train = part.part("train")
        ids[share] = set(train.queries.id_list())
        assert len(ids[share]) == max(round(share * len(whole.part("train").queries)), 1)
        assert part.documents is whole.documents
        assert part.part("dev") is whole.part("dev")
        assert part.part("test") is whole.part("test")
        np.testing.assert_array_equal(part.trainable, whole.trainable)
        assert (part.fingerprint == whole.fingerprint) == (share == 1)
        assert part.whole == whole.fingerprint
        assert _judged(part) == {pair for pair in _judged(whole) if pair[0] in ids[share]}
        assert dict(_texts(part)).items() <= dict(_texts(whole)).items()
    shares = list(ids.values())
    assert all(small < large for small, large in pairwise(shares))


def _judged(collection) -> set[tuple[str, str, int]]:
    train, documents = collection.part("train"), collection.documents.id_list()
    queries = train.queries.id_list()
    return {(queries[q], documents[d], grade) for q, d, grade in train.judgements.tolist()}


def _texts(collection) -> list[tuple[str, str]]:
    queries = collection.part("train").queries
    return list(zip(queries.id_list(), queries.take(np.arange(len(queries))), strict=True))


def test_a_share_keeps_the_triples_of_its_queries(tmp_path):
    """Of queries that have triples: one that has none would be trained on nothing."""
    collection = prepare(_WithTriples(), Artifacts(tmp_path))
    queries, documents = collection.part("train").queries.id_list(), collection.documents.id_list()
    half = collection.subset(0.5)
    kept = half.part("train").queries.id_list()
    assert len(kept) == 5
    assert set(kept) <= {queries[at] for at in collection.triples[:, 0]}
    found = {(kept[q], documents[p], documents[n]) for q, p, n in half.triples.tolist()}
    triples = collection.triples.tolist()
    whole = {(queries[q], documents[p], documents[n]) for q, p, n in triples}
    assert found == {triple for triple in whole if triple[0] in kept}


@dataclass(frozen=True)
class _WithTriples(Source):
    """20 train queries, half of them with two triples each."""

    kind, name, version = "collections", "with-triples", 1

    def identity(self):
        return {}

    def read(self):
        def part(name, count):
            queries = [(f"{name}{at}", f"{name} query {at}") for at in range(count)]
            return RawPart(queries, [(id, f"d{at}", 1) for at, (id, _) in enumerate(queries)], name)

        triples = [
            (f"train{at}", f"d{at}", f"d{(at + step) % 30}") for at in range(10) for step in (1, 2)
        ]
        parts = {"train": part("train", 20), "dev": part("dev", 4), "test": part("test", 4)}
        documents = [(f"d{at}", f"text {at}") for at in range(30)]
        return RawCollection(documents, parts, "made up", triples=triples)


def test_every_share_is_tuned_and_trained_by_itself(done, shared_values):
    summary = pd.read_csv(done / "summary.csv")
    runs = summary[summary["role"] != "reference"].groupby(["arm", "train_share", "role"]).size()
    for arm, trials in (("margin-mse", 1), ("infonce", 1)):
        for share in SHARES:
            assert runs[arm, share, "final"] == 2
            assert runs[arm, share, "tuning"] == trials
    assert (summary["status"] == "done").all()
    assert (summary.query("role == 'reference'")["train_share"] == 1).all()
    finals = summary[summary["role"] == "final"]
    assert finals["run"].is_unique
    # One fine-tuned teacher a share, and on its bill the labels that it saw.
    ledger = pd.read_csv(done / "ledger.csv")
    tuned = ledger[ledger["role"] == "final"]
    tuned = tuned[tuned["what"].str.startswith("fine-tuned-teacher")]
    assert tuned.groupby("train_share")["what"].nunique().to_dict() == dict.fromkeys(SHARES, 1)
    assert tuned["what"].nunique() == len(SHARES)
    assert set(tuned["arm"]) == {"margin-mse"}
    # Each share's tuned clock has its own trials alone.
    for (arm, share), own in finals.groupby(["arm", "train_share"]):
        bills = ledger[(ledger["arm"] == arm) & (ledger["train_share"] == share)]
        spent = bills[(bills["role"] == "tuning") & bills["phase"].isin(["train", "evaluate"])]
        gap = own["tuned_seconds"] - own["cold_seconds"]
        assert gap.to_numpy() == pytest.approx(spent["seconds"].sum())


def test_results_keep_the_shares_apart(done):
    results = public.load_results(done)
    assert list(results.subsets) == SHARES[:-1]
    everything = pd.read_csv(done / "summary.csv")
    for share, there in {**results.subsets, 1.0: results}.items():
        assert (there.summary["train_share"] == share).all()
        assert len(there.summary) == (everything["train_share"] == share).sum()
        finals = there.summary[there.summary["role"] == "final"]
        assert set(there.queries.loc[there.queries["role"] == "final", "run"]) == {*finals["run"]}
        assert (there.curves["train_share"] == share).all()
        assert (there.ledger["train_share"] == share).all()
        assert (finals["labels"] <= share * 60 + 2).all()


def test_a_study_without_shares_is_the_last_share(shared_values, folder, tmp_path):
    """Adding shares to a study trains nothing of it again."""
    shutil.copytree(folder / "out", tmp_path / "out")
    values = {key: value for key, value in shared_values.items() if key != "train_shares"}
    study = parse_study(values, "toy")
    outcome = Coordinator(study, tmp_path / "out", folder / "artifacts", None).run()
    assert outcome.done_now == 0
    assert public.load_results(tmp_path / "out").subsets == {}


def test_what_is_planned_and_where_it_stands(done, shared_values, tmp_path, capsys):
    import tomli_w

    file = tmp_path / "toy.toml"
    file.write_text(tomli_w.dumps(shared_values))
    code, output, told = call(capsys, "plan", str(file), "--out", str(done))
    assert code == 0, told
    assert "2 arms: 6 tuning trials and 12 final runs (2 seeds, 3 shares of the train queries)" in (
        " ".join(output.split())
    )
    assert "has changed" not in output
    assert "time: 0 s" in output
    code, output, _ = call(capsys, "status", str(done))
    assert code == 0
    assert "infonce (0.5 of train)" in " ".join(output.split())
    assert "nothing is missing" in output


def test_a_run_on_a_share_is_replayed(folder, capsys):
    arguments = [str(folder / "out"), "margin-mse", "0", "1"]
    arguments += ["--artifacts", str(folder / "artifacts")]
    code, output, told = call(capsys, "replay", *arguments, "--train-share", "0.5")
    assert code == 0, told
    assert "every number is the same, to the last bit" in output + told
    code, _, told = call(capsys, "replay", *arguments, "--train-share", "0.3")
    assert code == 2
    assert "no arm is named" in told or "no finished run" in told


@pytest.mark.parametrize("shares", [[0.5], [1.0, 0.5], [0.0, 1.0], [0.5, 0.5, 1.0], []])
def test_shares_must_rise_to_everything(shared_values, shares):
    with pytest.raises(InputError, match="train_shares"):
        parse_study({**shared_values, "train_shares": shares}, "toy")


def test_a_killed_study_of_shares_ends_as_an_undisturbed_one(shared_values, done, tmp_path):
    import tomli_w

    file = tmp_path / "toy.toml"
    file.write_text(tomli_w.dumps(shared_values))
    out = tmp_path / "killed" / "out"
    command = [
        *(sys.executable, "-m", "bench", "run", str(file), "--out", str(out)),
        *("--artifacts", str(tmp_path / "killed" / "artifacts"), "--no-mlflow"),
    ]
    for wanted in (4, 12):  # kills in the middle: after so many finished runs
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while process.poll() is None and len([*out.glob("runs/*/run.json")]) < wanted:
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        process.wait()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for name in ("summary", "curves"):
        ours, theirs = (pd.read_csv(folder / f"{name}.csv") for folder in (out, done))
        timed = [column for column in ours if column in TIMED]
        pd.testing.assert_frame_equal(ours.drop(columns=timed), theirs.drop(columns=timed))


def test_what_an_earlier_version_read_of_test_is_known(shared_values, folder, tmp_path):
    shutil.copytree(folder / "out", tmp_path / "out")
    assert public.load_results(tmp_path / "out").former == []
    study = parse_study({**shared_values, "seeds": [1]}, "toy")
    outcome = Coordinator(study, tmp_path / "out", folder / "artifacts", None).run()
    assert outcome.done_now == 0
    summary = pd.read_csv(folder / "out" / "summary.csv")
    second = summary[(summary["role"] == "final") & (summary["seed"] == 2)]
    assert sorted(public.load_results(tmp_path / "out").former) == sorted(second["run"])
