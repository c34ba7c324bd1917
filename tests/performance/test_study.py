"""A whole study of arms with a teacher, against as many scripts of sentence-transformers."""

import shutil
import sys
from pathlib import Path

import tomli_w

from tests.performance.commands import BENCH, seconds
from tests.performance.pairs import PAIRS, Ratio
from tests.performance.setting import kept_artifacts
from tests.performance.study import LOSSES, STUDY


def test_study(table, tmp_path):
    script = (sys.executable, "-m", "tests.performance.script")
    seconds(*script)  # which keeps the collection, for both
    scripts = len(LOSSES) * len(STUDY["seeds"])
    pairs = []
    for turn in range(PAIRS):
        order = (True, False) if turn % 2 == 0 else (False, True)
        took = {ours: _study(tmp_path) if ours else seconds(*script) for ours in order}
        pairs.append((took[True], took[False]))
    ratio = Ratio(tuple(pairs), share=scripts)
    row = table.at_least(f"a study of 5 arms × 3 seeds, against {scripts} scripts", ratio, 3)
    assert row.reached, row


def _study(folder: Path) -> float:
    file, out, artifacts = folder / "study.toml", folder / "out", folder / "artifacts"
    file.write_text(tomli_w.dumps(STUDY))
    for old in (out, artifacts):
        shutil.rmtree(old, ignore_errors=True)
    shutil.copytree(kept_artifacts().root / "collection", artifacts / "collection")
    return seconds(BENCH, "run", file, "--out", out, "--artifacts", artifacts)
