"""What the README shows works as it stands there."""

import importlib
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import torch

import bench
from bench.commands.list import REGISTRIES, list_kind
from bench.study.arms import grid, resolve_arms
from bench.study.schema import parse_study

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
TUNING = {"trials": 2, "space": {"learning_rate": [1e-5, 1e-4]}}


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


CLAIM, STUDY, SUM = range(3)
"""Of its blocks of TOML."""


def test_the_study_is_one():
    text = blocks("toml")[STUDY]
    study = parse_study({"name": "readme", **tomllib.loads(text)}, "README.md")
    arms = resolve_arms(study)
    assert [arm.name for arm in arms] == ["static-margin", "adaptive-margin"]
    assert [len(grid(arm)) for arm in arms] == [10, 12]


def test_the_claim_is_part_of_a_study():
    text = tomllib.loads(blocks("toml")[CLAIM])
    study = {"name": "readme", **tomllib.loads(blocks("toml")[STUDY]), **text}
    assert resolve_arms(parse_study(study, "README.md"))
    shares = re.search(r"`train_shares = (\[.*?\])`", README)
    assert shares
    study["train_shares"] = tomllib.loads(f"shares = {shares[1]}")["shares"]
    (claim,) = parse_study(study, "README.md").claims
    assert claim.at_least == 3


def test_the_python_runs(monkeypatch):
    (text,) = blocks("python")
    gallery = bench.load_results(ROOT / "reports" / "gallery" / "quickstart")
    monkeypatch.setattr(bench, "load_results", {"results/quickstart": gallery}.get, raising=False)
    names = {part: torch.eye(2, 3) for part in ("queries", "positives", "negatives")}
    exec(text, names)  # our own README
    assert names["figure"].get_figwidth() == 10
    assert names["value"].dim() == 0


def test_the_sum_is_an_arm():
    arm = tomllib.loads(blocks("toml")[SUM])
    study = {**tomllib.loads(blocks("toml")[STUDY]), **arm, "baseline": arm["arms"][0]["name"]}
    (expanded,) = resolve_arms(
        parse_study({"name": "readme", **study, "tuning": TUNING}, "README.md")
    )
    assert set(expanded.space) == {"training.learning_rate", "loss.embedding-match.weight"}


def test_the_table_of_losses_is_what_the_command_prints(capsys):
    list_kind("losses", as_json=False, as_markdown=True)
    printed = capsys.readouterr().out.splitlines()
    shown = [line for line in README.splitlines() if line.startswith("|") and line.count("|") == 6]
    assert shown[:2] == printed[:2]
    stale = [line for line in shown if line not in printed]
    assert not stale, "take the lines from `bench list losses --markdown`"
    unsaid = [line for line in shown if any(not cell.strip() for cell in line.split("|")[1:-1])]
    assert not unsaid, "its docstring needs a 'Source:', its class a family"


@pytest.mark.parametrize("kind", [kind for kind in REGISTRIES if kind != "figures"])
def test_every_committed_entry_is_named(kind):
    """A file that is only being tried out needs no line yet."""
    listed = ["git", "ls-tree", "-r", "--name-only", "HEAD", "bench"]
    found = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=False)
    if found.returncode:
        pytest.skip("not a git checkout: which entries are committed is not known")
    committed = {path[:-3].replace("/", ".") for path in found.stdout.splitlines()}
    entries = importlib.import_module(REGISTRIES[kind]).registry.describe()
    named = [entry["name"] for entry in entries if entry["module"] in committed]
    assert named
    for name in named:
        assert f"`{name}`" in README
