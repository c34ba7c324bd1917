"""The commands: one function each, no logic."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from bench.errors import BenchError, InputError

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
Side = Literal["query", "document"]
Artifacts = Annotated[Path, typer.Option(help="prepared things, shared by studies")]
Folder = Annotated[Path, typer.Argument(metavar="DIR", help="a study's folder")]


@app.command()
def run(
    study: StudyName,
    out: Annotated[Path | None, typer.Option(help="default: results/<study name>")] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="replace a key of the file"),
    ] = None,
    artifacts: Artifacts = ARTIFACTS,
    mlflow: Annotated[bool, typer.Option(help="log to MLflow")] = True,
    retry_failed: Annotated[bool, typer.Option(help="train failed runs again")] = False,
) -> None:
    """Finish a study and draw its report; the same command again does what is missing."""
    from bench.commands.run import run_study

    try:
        run_study(study, set_ or [], out, artifacts, mlflow, retry_failed)
    except KeyboardInterrupt:
        raise BenchError("stopped; nothing is lost, the same command goes on") from None


@app.command()
def report(folder: Folder) -> None:
    """Draw a study's figures, tables and page again, from its records alone."""
    from bench.commands.report import report_study

    report_study(folder)


@app.command()
def status(folder: Folder) -> None:
    """How far a study is."""
    from bench.commands.status import show_status

    show_status(folder)


@app.command()
def bill(folder: Folder) -> None:
    """Who is charged for what: artifacts, and every arm's seconds."""
    from bench.commands.bill import show_bill

    show_bill(folder)


@app.command()
def artifacts(
    root: Annotated[Path, typer.Option(help="where prepared things are")] = Path(
        "results/artifacts"
    ),
    prune: Annotated[
        bool, typer.Option("--prune", help="delete what no study beside it mentions")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="print a list of objects")] = False,
) -> None:
    """Prepared things: what they cost, their size, and whether they are whole and used."""
    from bench.commands.artifacts import show_artifacts

    show_artifacts(root, prune, json)


@app.command()
def evaluate(
    student: StudentName,
    collection: Annotated[str, typer.Option(help="a name, a folder, or an ir_datasets id")],
    split: Annotated[str, typer.Option(help="the part to search")] = "test",
    measures: Annotated[str, typer.Option(help="ir-measures names")] = "nDCG@10 RR@10 R@100",
    run: Annotated[Path | None, typer.Option(help="write the ranking as a TREC run here")] = None,
    json: Annotated[bool, typer.Option("--json", help="print an object keyed by measure")] = False,
    artifacts: Artifacts = ARTIFACTS,
) -> None:
    """Search a part of a collection with a student, exactly, and measure it."""
    from bench.commands.evaluate import evaluate_student

    evaluate_student(student, collection, split, measures.split(), run, json, artifacts)


@app.command()
def export(
    folder: Folder,
    arm: Annotated[str, typer.Argument(metavar="ARM", help="an arm of the study")],
    to: Annotated[Path, typer.Option(help="a new folder")],
    trial: Annotated[int | None, typer.Option(help="default: the arm's choice")] = None,
    seed: Annotated[int | None, typer.Option(help="default: the best on dev-select")] = None,
) -> None:
    """Write a trained student as a folder that sentence-transformers loads, with a model card."""
    from bench.commands.export import export_student

    export_student(folder, arm, trial, seed, to)


@app.command()
def replay(
    folder: Folder,
    arm: Annotated[str, typer.Argument(metavar="ARM", help="an arm of the study")],
    trial: Annotated[int, typer.Argument(metavar="TRIAL", help="as summary.csv has it")],
    seed: Annotated[int, typer.Argument(metavar="SEED", help="as summary.csv has it")],
    artifacts: Artifacts = ARTIFACTS,
) -> None:
    """Train exactly one run of a study again, and compare every number with its record."""
    from bench.commands.replay import replay_run

    replay_run(folder, arm, trial, seed, artifacts)


@app.command()
def encode(
    model: Annotated[
        str, typer.Argument(metavar="FOLDER", help="an exported student, or a hub id")
    ],
    texts: Annotated[list[str] | None, typer.Argument(metavar="[TEXT]…")] = None,
    file: Annotated[Path | None, typer.Option(help="a text on each line")] = None,
    as_: Annotated[Side, typer.Option("--as", help="which side the texts are of")] = "query",
    to: Annotated[Path | None, typer.Option(help="write the vectors here, as .npy")] = None,
) -> None:
    """Encode texts with an exported student: a line of JSON each, or a file of vectors."""
    from bench.commands.encode import encode_texts

    encode_texts(model, texts or [], file, as_, to)


@app.command()
def search(
    student: StudentName,
    queries: Annotated[list[str], typer.Argument(metavar="QUERY…", help="in quotes")],
    collection: Annotated[str, typer.Option(help="a name, a folder, or an ir_datasets id")],
    depth: Annotated[int, typer.Option(min=1, help="how many documents")] = 10,
    json: Annotated[bool, typer.Option("--json", help="print a list of objects")] = False,
    artifacts: Artifacts = ARTIFACTS,
) -> None:
    """Search a collection with a student, by hand."""
    from bench.commands.search import search_collection

    search_collection(student, queries, collection, depth, json, artifacts)


@app.command(name="list")
def list_(
    kind: Annotated[str, typer.Argument(metavar="KIND", help="losses, teachers, students, …")],
    json: Annotated[bool, typer.Option("--json", help="print a list of objects")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="print a Markdown table")] = False,
) -> None:
    """What there is: losses, teachers, students, samplers, collections, studies or figures."""
    from bench.commands.list import list_kind

    list_kind(kind, json, markdown)


def main() -> None:
    """The console script: 0 done, 1 something failed, 2 bad input."""
    from bench.progress import quiet

    try:
        app(standalone_mode=True)
    except InputError as error:
        quiet()
        _complain(error)
        sys.exit(2)
    except BenchError as error:
        quiet()
        _complain(error)
        sys.exit(1)
    except (OSError, MemoryError) as error:
        quiet()
        _complain(f"{type(error).__name__}: {error}; nothing is lost, the same command goes on")
        sys.exit(1)
    finally:
        quiet()


def _complain(message: object) -> None:
    print(f"bench: {message}", file=sys.stderr)
