"""A study of hub models and ir_datasets, tried out without either."""

import json
import socket
from pathlib import Path

import pandas as pd
import pytest
import tomli_w

from bench.encoding.models import BUNDLED, locate
from bench.errors import InputError
from bench.execution.dry_run.models import write_model
from bench.execution.past import read_past
from bench.storage.records import DRY_RUN
from bench.study.schema import parse_study
from tests.support.command_line import call

pytestmark = pytest.mark.slow

TEACHER = 'bi-encoder(model="microsoft/mpnet-base", fine_tune=true, examples=500000)'
STUDY = {
    "name": "large",
    "title": "Large",
    "collection": {
        "name": "ir-datasets",
        "id": "msmarco-passage",
        "dev": "carve",
        "test": "msmarco-passage/dev/small",
        "further": ["msmarco-passage/trec-dl-2019/judged"],
        "docpairs": 30_000_000,
        "pairs_per_query": 128,
    },
    "test": ["test", "test-trec-dl-2019-judged"],
    "test_collections": {"scifact": "beir/scifact/test"},
    "seeds": [1, 2, 3],
    "baseline": "margin-mse",
    "budget": {"examples": 1_000_000},
    "training": {"batch_size": 128},
    "evaluation": {"points": 20, "pool": 10_000, "depth": 1000},
    "tuning": {"trials": 3, "sampler": "grid", "space": {"learning_rate": [1e-5, 2e-5, 3e-5]}},
    "defaults": {"student": "pretrained(model='distilbert-base-uncased')"},
    "arms": [
        {"loss": "static-margin", "space": {"margin": [0.1, 0.2, 0.3]}},
        {
            "name": "asymmetric",
            "loss": {"name": "sum", "parts": ["list-kl", "embedding-match(texts='queries')"]},
            "space": {"embedding-match.weight": [0.1, 1.0, 10.0]},
            "teacher": TEACHER,
            "student": {
                "name": "asymmetric",
                "queries": 'truncated(model="microsoft/MiniLM-L12-H384-uncased", layers=6)',
                "teacher": TEACHER,
            },
            "sampler": "generated(by='seq2seq(model=\"facebook/bart-base\", most=100000)')",
        },
    ],
    "cross": {
        "losses": [{"name": "margin-mse"}],
        "teachers": [
            {
                "name": "ensemble",
                "teachers": [
                    "cross-encoder(model='cross-encoder/ms-marco-MiniLM-L-6-v2', fine_tune=false)",
                    "cross-encoder(model='roberta-base', examples=100000)",
                ],
            }
        ],
        "samplers": ["mined(last=200)", "uniform"],
        "exclude": [{"sampler": "uniform"}],
    },
}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("answerdotai/ModernBERT-base", "modernbert"),  # its layers differ by their place
        ("microsoft/mpnet-base", "mpnet"),
        ("roberta-base", "roberta"),
        ("somebody/some-encoder", "bert"),
    ],
)
def test_a_stand_in_has_the_architecture_that_its_name_gives_away(name, kind, tmp_path):
    config = json.loads((write_model(name, tmp_path) / "config.json").read_text())
    assert (config["model_type"], config["num_hidden_layers"]) == (kind, 12)


def untuned(**changes) -> dict:
    """The first arm alone."""
    left = {key: STUDY[key] for key in STUDY if key not in ("tuning", "cross", "test_collections")}
    arms = [{"loss": "static-margin", "name": "static-margin"}]
    return {**left, "arms": arms, "baseline": "static-margin", **changes}


@pytest.fixture
def tried(tmp_path, monkeypatch, capsys):
    """Runs a study with ``--smoke``; nothing may be fetched."""
    asked = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *place, **_: asked.append(place))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))

    def run(study: dict, *arguments: str) -> tuple[int, str, str]:
        (tmp_path / "large.toml").write_text(tomli_w.dumps(study))
        done = call(capsys, "run", "large.toml", "--smoke", *arguments)
        assert not asked
        assert not (tmp_path / "hub").exists()
        return done

    return run


def test_everything_is_tried_and_nothing_fetched(tried, tmp_path):
    code, out, err = tried(STUDY)
    assert code == 0, err
    folder = tmp_path / "results" / "large-smoke"
    assert "nothing in results/large-smoke is a result" in err
    assert "as far as small models in place of cross-encoder/ms-marco-MiniLM-L-6-v2, " in err
    assert "Large (dry run)" in out
    assert [path.name for path in (tmp_path / "results").iterdir()] == ["large-smoke"]
    assert (folder / "report" / "index.html").is_file()
    summary = pd.read_csv(folder / "summary.csv")
    assert set(summary["status"]) == {"done"}
    arms = summary[summary["role"] != "reference"]
    names = ["static-margin", "asymmetric", "margin-mse"]
    assert [(row.arm, row.role) for row in arms.itertuples()] == [
        (name, role) for name in names for role in ("tuning", "final")
    ]
    assert set(arms["steps"]) == {2}
    # What a real study's tables have, and the grades of the real judgements.
    columns = ["nDCG@10", "nDCG@10 (test-trec-dl-2019-judged)", "nDCG@10 (scifact)"]
    assert summary.loc[summary["role"] == "final", columns].notna().all().all()
    assert set(arms["loss"].str.partition("(")[0]) == {"static-margin", "sum", "margin-mse"}
    assert "examples=16" in arms["teacher"].iloc[2]
    assert "examples=16" in arms["student"].iloc[2]
    assert read_past(folder) == []  # its seconds forecast nothing
    # Nothing stays behind: the bundled model is itself again.
    assert "smoke" not in str(locate(BUNDLED))


def test_a_dry_run_is_done_anew_and_in_its_own_folder_alone(tried, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr("bench.commands.smoke.carry_out", lambda *given, **_: asked.append(given))
    folder = tmp_path / "results" / "large-smoke"
    for _ in range(2):
        code, _, err = tried(untuned())
        assert code == 0, err
        assert not (folder / "stale").exists()
        (folder / "stale").touch()
    assert [given[1:] for given in asked] == 2 * [
        (Path("results/large-smoke"), Path("results/large-smoke/artifacts"), False)
    ]
    code, _, err = tried(untuned(), "--artifacts", "elsewhere")
    assert code == 2
    assert "keeps its artifacts to itself" in err
    (folder / DRY_RUN).unlink()
    code, _, err = tried(untuned())
    assert code == 2
    assert "large-smoke holds something that is no dry run" in err
    assert (folder / "stale").exists()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"collection": "msmarco-pasage"}, "no folder here, no ir_datasets id"),
        ({"test": ["test-trec-dl-2020-judged"]}, "did you mean 'test-trec-dl-2019-judged'"),
        ({"defaults": {"student": "truncated(model='../none')"}}, "there is no such folder"),
        ({"defaults": {"student": "truncated(layer=2)"}}, "did you mean 'layers'"),
    ],
)
def test_what_cannot_be_run_is_said(tried, changes, said):
    code, _, err = tried(untuned(**changes))
    assert code == 2
    assert said in err


@pytest.mark.parametrize("unit", ["steps", "seconds"])
def test_budgets_keep_their_unit(unit):
    from bench.execution.dry_run import miniature

    study = parse_study(untuned(budget={unit: 1000}), "test")
    small = miniature(study)
    assert small.budget.unit == unit
    assert small.budget.amount <= 2


def test_entries_inside_entries_are_cut_down():
    from bench.execution.dry_run import miniature

    deep = (
        'untied(queries=\'projected(student="truncated(layers=6)", width=768, start="procrustes", '
        "teacher=\"bi-encoder(fine_tune=true)\")', documents='pretrained')"
    )
    study = parse_study(untuned(collection="pydocs", defaults={"student": deep}), "test")
    small = miniature(study)
    assert small.collection == "pydocs(documents=300)"
    assert "width=64" in small.arms[0].student
    assert "bi-encoder(fine_tune=true, examples=16, batch_size=4)" in small.arms[0].student.replace(
        "\\", ""
    )


def test_a_study_that_cannot_work_is_refused_as_ever():
    from bench.execution.dry_run import miniature

    study = parse_study(untuned(arms=[{"loss": "margin-mse"}], baseline="margin-mse"), "test")
    with pytest.raises(InputError, match="needs scores from a teacher"):
        miniature(study)
