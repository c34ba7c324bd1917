"""The predefined studies: what they say of themselves, and that each works as it is written."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

import bench as public
from bench.commands.smoke import smoke_study
from bench.execution.past import read_all
from bench.execution.probe import probe_study
from bench.study.arms import entries, resolve_arms
from bench.study.file import load_study, predefined_studies
from bench.study.schema import Study
from tests.support.command_line import call

ELEVEN = (
    *("static_margin", "targets", "data_efficiency", "data_fraction", "speedup", "encoders"),
    *("batch_size", "teachers", "embed_distill_ablation", "student_size", "loss_zoo"),
)
MSMARCO = ["test", "test-trec-dl-2020-judged", "test-dev-small"]


@pytest.mark.parametrize("name", predefined_studies())
def test_a_study_says_what_it_is(name):
    study = load_study(name)
    assert resolve_arms(study)
    assert study.name == name
    for said in (study.title, study.question, study.claim, study.cost):
        assert said
    assert len(study.seeds) >= 3


@pytest.mark.parametrize("name", predefined_studies())
def test_a_study_has_a_miniature_for_a_probe(name):
    study = load_study(name)
    small = probe_study(study)
    assert [arm.name for arm in resolve_arms(small)] == [arm.name for arm in resolve_arms(study)]
    assert small.budget.amount < study.budget.amount
    assert small.seeds == study.seeds[:1]


@pytest.mark.parametrize("name", predefined_studies())
def test_a_number_of_a_paper_is_a_claim_with_its_source(name):
    """Figures have lines only for claims."""
    study = load_study(name)
    numbers = {"13.5 % of the data": [0.135], "3 to 15 times faster": [3, 15]}
    wanted = [bounds for words, bounds in numbers.items() if words in study.claim]
    claims = [claim for claim in study.claims if "2407.21515" in claim.source]
    assert [claim.bounds for claim in claims] == wanted


def test_eleven_come_at_two_scales():
    large = {name.removesuffix("_gpu") for name in predefined_studies() if name.endswith("_gpu")}
    assert large == {*ELEVEN}
    assert {*ELEVEN} <= predefined_studies().keys()
    for name in ELEVEN:
        small, large = load_study(name), load_study(f"{name}_gpu")
        assert large.question == small.question
        assert large.collection["id"] == "msmarco-passage"
        assert large.collection["dev"] == "carve"  # its own dev is a test set here
        assert large.test == MSMARCO
        assert {"scifact", "trec-covid"} <= large.test_collections.keys()


def test_the_zoo_has_every_loss_that_can_be():
    from bench import losses

    entries = {arm.loss.name for arm in resolve_arms(load_study("loss_zoo"))}
    assert entries == {*losses.registry.names()} - {"sum"}  # which is what its parts are


@pytest.mark.parametrize("name", ELEVEN)
def test_the_large_one_is_planned_without_a_download(name, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(socket, "getaddrinfo", _no_network)
    code, output, told = call(capsys, "plan", f"{name}_gpu")
    assert code == 0, told
    assert "budget 1,280,000 examples a run" in output
    assert "unknown (try --probe)" in output


def _no_network(*asked: object) -> None:
    raise AssertionError(f"asked the network for {asked}")


def _unlike(studies: dict[str, Study]) -> Iterator[tuple[str, list[dict]]]:
    """Of each study the arms that have something no arm before them has."""
    seen: set[str] = set()
    for name, study in studies.items():
        kept = []
        for entry, arm in zip(entries(study), resolve_arms(study), strict=True):
            made_of = {arm.loss.name, str(arm.teacher), str(arm.student), str(arm.sampler)}
            if made_of - seen or arm.name == study.baseline:
                seen |= made_of
                written = entry.model_dump(mode="json", exclude_none=True)
                kept.append({**written, "name": arm.name})
        yield name, kept


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "arms"), [*_unlike({f"{name}_gpu": load_study(f"{name}_gpu") for name in ELEVEN})]
)
def test_the_large_one_runs_dry(name, arms, tmp_path, capsys, monkeypatch):
    """By those of its arms that are unlike the other studies'; `--smoke` itself does them all."""
    import tomli_w

    monkeypatch.setattr(socket, "getaddrinfo", _no_network)
    values = load_study(name).model_dump(mode="json", exclude_none=True)
    values |= {"claims": []}  # of arms that are left out here
    values.pop("cross", None)
    first = dict(list(values["test_collections"].items())[:1])
    file = tmp_path / f"{name}.toml"
    file.write_text(tomli_w.dumps(values | {"arms": arms, "test_collections": first}))
    out = tmp_path / "dry"
    smoke_study(str(file), [], out)
    results = public.load_results(out)
    finals = results.summary.query("role == 'final'")
    assert set(finals["arm"]) == {arm["name"] for arm in arms}
    assert (finals["status"] == "done").all()
    for test in [*MSMARCO[1:], *first]:
        assert finals[f"nDCG@10 ({test})"].notna().all()
    assert (out / "report" / "index.html").is_file()
    assert Path(out / "artifacts").is_dir()
    assert read_all(out) == []  # what a dry run took is no forecast
