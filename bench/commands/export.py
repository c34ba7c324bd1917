"""``bench export``."""

import shutil
from pathlib import Path

from bench import exporting
from bench.commands._choice import choose_run
from bench.errors import InputError
from bench.progress import say
from bench.results import load_results
from bench.storage.files import atomic_folder, check_place, write_text


def export_student(folder: Path, arm: str, trial: int | None, seed: int | None, to: Path) -> None:
    """Copy a run's student to a folder that sentence-transformers loads, with a model card.

    Raises:
        InputError: there is no such run, its student was not kept, or the folder is not empty.
    """
    run, record = choose_run(folder, arm, trial, seed)
    if not record.student.is_dir():
        raise InputError(
            f"{folder}: the student of {arm!r}, trial {run['trial']}, seed {run['seed']} was not "
            f"kept; `bench replay {folder} {arm!r} {run['trial']} {run['seed']}` trains it again, "
            "and keeps it"
        )
    if to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise InputError(f"--to {to}: there is something already; name a new folder")
    check_place("--to", to)
    card = exporting.model_card(load_results(folder), run, record, to.name)
    with atomic_folder(to) as aside:
        shutil.copytree(record.student, aside, dirs_exist_ok=True)
        write_text(aside / "README.md", card)
    say(f"{arm}, trial {run['trial']}, seed {run['seed']}: {to}")
    say(f'load it: SentenceTransformer("{to}"); its card: {to / "README.md"}')
    if (to / "router_config.json").exists():
        say("its two sides differ: encode_query and encode_document, not encode")
