"""``bench run --smoke``."""

from __future__ import annotations

import shutil
from pathlib import Path

from bench import execution
from bench.commands.run import carry_out
from bench.errors import InputError
from bench.progress import say
from bench.storage.files import check_place, write_text
from bench.storage.locks import study_lock
from bench.storage.records import DRY_RUN
from bench.study.file import load_study


def smoke_study(name: str, settings: list[str], out: Path | None) -> None:
    """Run the study in miniature, with stand-ins for models and data sets that need a download.

    Artifacts are stored in the dry run's own folder, so that they are never used for real studies.
    An earlier dry run in the folder is deleted and done again, because the code may have changed.

    Raises:
        InputError: the study cannot be run as it is written, or the folder holds something else.
        BenchError: a run failed, while everything else was done.
    """
    study = load_study(name, settings)
    out = out or Path("results") / f"{study.name}-smoke"
    check_place("--out", out)
    _make_room(out)

    with execution.stand_ins(out / "models"):
        small = execution.miniature(study)
        carry_out(small, out, out / "artifacts", False, advice="the study would fail there too")
    say(f"dry run: the study works as it is written{_with(out)}; nothing in {out} is a result")


def _with(out: Path) -> str:
    """A remark on which models were stand-ins; empty if there were none."""
    names = sorted(path.name.replace("--", "/") for path in (out / "models").glob("*"))
    if not names:
        return ""
    return f", as far as small models in place of {', '.join(names)} can show"


def _make_room(out: Path) -> None:
    if out.exists() and any(out.iterdir()):
        if not (out / DRY_RUN).is_file():
            raise InputError(
                f"--smoke: {out} holds something that is no dry run; give another --out"
            )
        with study_lock(out):
            shutil.rmtree(out)
    write_text(
        out / DRY_RUN,
        "A dry run: tiny random models, made-up texts, two steps. No number here is a result.\n",
    )
