"""The command line: one function per command, without logic."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

import typer

from bench import commands
from bench.crash import explain_errors
from bench.errors import BenchError, InputError
from bench.progress import quiet
from bench.waiting import wait_briefly

ARTIFACTS = Path("results/artifacts")

app = typer.Typer(
    name="bench",
    help="Compare ways to train retrieval bi-encoders, every cost charged.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)

StudyName = Annotated[
    str, typer.Argument(metavar="STUDY", help="a predefined name, or a TOML file")
]
StudentName = Annotated[
    str, typer.Argument(metavar="STUDENT", help="a student's name, a folder, or a model id")
]
TextConfig = Literal["query", "document"]
Artifacts = Annotated[Path, typer.Option(help="folder of artifacts, shared by studies")]
Folder = Annotated[Path, typer.Argument(metavar="DIR", help="a study's folder")]
Out = Annotated[Path | None, typer.Option(help="default: results/<study name>")]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="replace a key of the study"),
]
Storage = Annotated[
    str | None,
    typer.Option(
        help="Optuna's storage: postgresql://USER@HOST/DATABASE, journal:FILE, or another URL that "
        "Optuna takes; default: a file in the study's folder"
    ),
]
Mlflow = Annotated[bool, typer.Option(help="log to MLflow")]
LossEntry = Annotated[
    str, typer.Argument(metavar="LOSS", help="as a study writes it: name(option=value)")
]
CollectionName = Annotated[str, typer.Option(help="a name, a folder, or an ir_datasets id")]
Budget = Annotated[str, typer.Option(help="per run: 4000 (examples), 200steps, 600s, 10min, 2h")]
Teacher = Annotated[str, typer.Option(help="for losses that need one; the others get none")]
Student = Annotated[str, typer.Option(help="as in a study file")]
Sampler = Annotated[str, typer.Option(help="as in a study file")]


@app.command()
def run(
    study: StudyName,
    out: Out = None,
    set_: Settings = None,
    artifacts: Artifacts = ARTIFACTS,
    mlflow: Mlflow = True,
    retry_failed: Annotated[bool, typer.Option(help="train failed runs again")] = False,
    executor: Annotated[
        str | None,
        typer.Option(
            metavar="local|processes|slurm|ray", help="default: as the study says, else local"
        ),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(help="runs at once; default: one for each GPU")
    ] = None,
    storage: Storage = None,
    smoke: Annotated[
        bool,
        typer.Option(
            "--smoke",
            help="try it out: 2 steps a run, tiny random models, made-up texts, no downloads; "
            "default --out: results/<study name>-smoke",
        ),
    ] = False,
) -> None:
    """Finish a study and draw its report; the same command again does what is missing."""
    with _may_be_stopped():
        if not smoke:
            settings = [*(set_ or []), *commands.executor_settings(executor, workers)]
            commands.run_study(study, settings, out, artifacts, mlflow, retry_failed, storage)
        elif artifacts != ARTIFACTS:
            raise InputError("--smoke: a dry run keeps its artifacts to itself; no --artifacts")
        else:
            commands.smoke_study(study, set_ or [], out)


@app.command()
def sweep(
    loss: LossEntry,
    option: Annotated[
        list[str],
        typer.Option(
            metavar="NAME=VALUES", help="low:high:step or value,value,…; several are crossed"
        ),
    ],
    collection: CollectionName,
    budget: Budget,
    teacher: Teacher = "bi-encoder",
    student: Student = "pretrained",
    sampler: Sampler = "uniform",
    seeds: Annotated[str, typer.Option(help="seeds of every arm")] = "1,2,3",
    with_: Annotated[
        list[str] | None,
        typer.Option("--with", metavar="LOSS", help="another loss to compare with, not swept"),
    ] = None,
    baseline: Annotated[str | None, typer.Option(help="an arm; default: the first")] = None,
    set_: Settings = None,
    save_study: Annotated[
        Path | None, typer.Option(help="write the study to this new file, then run it")
    ] = None,
    out: Out = None,
    artifacts: Artifacts = ARTIFACTS,
    mlflow: Mlflow = True,
) -> None:
    """Train with a loss at every value of its options, one arm for each, and compare them."""
    shared = commands.SharedOptions(collection, budget, teacher, student, sampler, set_ or [])
    with _may_be_stopped():
        commands.sweep_options(
            loss, option, with_ or [], seeds, baseline, shared, save_study, out, artifacts, mlflow
        )


@app.command()
def train(
    loss: LossEntry,
    collection: CollectionName,
    budget: Budget,
    teacher: Teacher = "bi-encoder",
    student: Student = "pretrained",
    sampler: Sampler = "uniform",
    seed: Annotated[int, typer.Option(help="seed of batches and random weights")] = 1,
    set_: Settings = None,
    out: Out = None,
    artifacts: Artifacts = ARTIFACTS,
    mlflow: Mlflow = True,
) -> None:
    """Train one student with a loss, and measure it, as a study of one run."""
    shared = commands.SharedOptions(collection, budget, teacher, student, sampler, set_ or [])
    with _may_be_stopped():
        commands.train_student(loss, seed, shared, out, artifacts, mlflow)


@app.command()
def plan(
    study: StudyName,
    set_: Settings = None,
    out: Out = None,
    artifacts: Artifacts = ARTIFACTS,
    probe: Annotated[
        bool, typer.Option("--probe", help="run a miniature first, and forecast from that")
    ] = False,
    storage: Storage = None,
) -> None:
    """Print what a study will do, what it will take, and what is done already; runs nothing."""
    with _may_be_stopped():
        commands.plan_study(study, set_ or [], out, artifacts, probe, storage)


@app.command()
def report(
    folders: Annotated[list[Path], typer.Argument(metavar="DIR…", help="studies' folders")],
    out: Annotated[
        Path | None, typer.Option(help="folder for the comparison of several studies")
    ] = None,
    arms: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="arms in figures: a name or 'static-*'; repeatable"),
    ] = None,
    measure: Annotated[str, typer.Option(help="measure in figures; default: the primary one")] = "",
    style: Annotated[str, typer.Option(help="of figures: paper (3.3 in wide) or slide")] = "paper",
    font_size: Annotated[
        float | None, typer.Option(help="of figures, in points; default: the style's")
    ] = None,
) -> None:
    """Draw figures, tables and page again, from the records alone; several studies side by side."""
    with explain_errors(folders[0]):
        commands.report_studies(folders, out, arms or [], measure, style, font_size)


@app.command()
def status(folder: Folder) -> None:
    """Print how many runs of each arm are done, failed and missing."""
    with explain_errors(folder):
        commands.show_status(folder)


@app.command()
def bill(folder: Folder) -> None:
    """Print what is charged to each arm: its artifacts, and the seconds of its runs."""
    with explain_errors(folder):
        commands.show_bill(folder)


@app.command()
def artifacts(
    root: Annotated[Path, typer.Option(help="folder of artifacts")] = Path("results/artifacts"),
    prune: Annotated[bool, typer.Option("--prune", help="delete what no known study uses")] = False,
    json: Annotated[bool, typer.Option("--json", help="print a list of objects")] = False,
) -> None:
    """List artifacts: their costs, their size, and whether they are complete and used."""
    commands.show_artifacts(root, prune, json)


@app.command()
def evaluate(
    student: StudentName,
    collection: CollectionName,
    split: Annotated[str, typer.Option(help="the part to search")] = "test",
    measures: Annotated[str, typer.Option(help="ir-measures names")] = "nDCG@10 RR@10 R@100",
    run: Annotated[Path | None, typer.Option(help="write the ranking as a TREC run here")] = None,
    json: Annotated[bool, typer.Option("--json", help="print an object keyed by measure")] = False,
    artifacts: Artifacts = ARTIFACTS,
) -> None:
    """Search a part of a collection with a student, exactly, and measure it."""
    commands.evaluate_student(student, collection, split, measures.split(), run, json, artifacts)


@app.command()
def export(
    folder: Folder,
    arm: Annotated[str, typer.Argument(metavar="ARM", help="an arm of the study")],
    to: Annotated[Path, typer.Option(help="a new folder")],
    trial: Annotated[int | None, typer.Option(help="default: the arm's choice")] = None,
    seed: Annotated[int | None, typer.Option(help="default: the best on dev-select")] = None,
) -> None:
    """Write a trained student as a folder that sentence-transformers loads, with a model card."""
    with explain_errors(folder):
        commands.export_student(folder, arm, trial, seed, to)


@app.command()
def replay(
    folder: Folder,
    arm: Annotated[str, typer.Argument(metavar="ARM", help="an arm of the study")],
    trial: Annotated[int, typer.Argument(metavar="TRIAL", help="as summary.csv has it")],
    seed: Annotated[int, typer.Argument(metavar="SEED", help="as summary.csv has it")],
    train_share: Annotated[float, typer.Option(help="as summary.csv has it")] = 1.0,
    artifacts: Artifacts = ARTIFACTS,
) -> None:
    """Train exactly one run of a study again, and compare every number with its record."""
    with explain_errors(folder):
        commands.replay_run(folder, arm, trial, seed, train_share, artifacts)


@app.command()
def encode(
    model: Annotated[
        str, typer.Argument(metavar="FOLDER", help="an exported student, or a hub id")
    ],
    texts: Annotated[list[str] | None, typer.Argument(metavar="[TEXT]…")] = None,
    file: Annotated[Path | None, typer.Option(help="a text on each line")] = None,
    as_: Annotated[TextConfig, typer.Option("--as", help="which side the texts are of")] = "query",
    to: Annotated[Path | None, typer.Option(help="write the vectors here, as .npy")] = None,
) -> None:
    """Encode texts with an exported student: a line of JSON each, or a file of vectors."""
    commands.encode_texts(model, texts or [], file, as_, to)


@app.command()
def search(
    student: StudentName,
    queries: Annotated[list[str], typer.Argument(metavar="QUERY…", help="in quotes")],
    collection: CollectionName,
    depth: Annotated[int, typer.Option(min=1, help="how many documents")] = 10,
    json: Annotated[bool, typer.Option("--json", help="print a list of objects")] = False,
    artifacts: Artifacts = ARTIFACTS,
) -> None:
    """Search a collection with a student for queries from the command line."""
    commands.search_collection(student, queries, collection, depth, json, artifacts)


@app.command(name="list")
def list_(
    kind: Annotated[str, typer.Argument(metavar="KIND", help="losses, teachers, students, …")],
    json: Annotated[bool, typer.Option("--json", help="print a list of objects")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="print a Markdown table")] = False,
) -> None:
    """List losses, teachers, students, samplers, generators, collections, studies or figures."""
    commands.list_kind(kind, json, markdown)


def main() -> None:
    """The console script; exits with 0 (done), 1 (something failed) or 2 (bad input)."""
    # Libraries and records stay; to look for garbage among them again and again, as by default,
    # takes a sixth of the time in which a study of a thousand runs is opened.
    gc.set_threshold(50_000)
    wait_briefly()
    try:
        with explain_errors():
            app(standalone_mode=True)
    except InputError as error:
        quiet()
        _complain(error)
        sys.exit(2)
    except BenchError as error:
        quiet()
        _complain(error)
        sys.exit(1)
    finally:
        quiet()


@contextmanager
def _may_be_stopped() -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        raise BenchError("stopped; nothing is lost, the same command goes on") from None


def _complain(message: object) -> None:
    print(f"bench: {message}", file=sys.stderr)
