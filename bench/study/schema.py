"""The schema of study files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import tomli_w
from pydantic import Field, ValidationError, field_validator, model_validator

from bench.errors import InputError, did_you_mean
from bench.identity import NOT_IN_IDS
from bench.registry import first_problem, place_of
from bench.spaces import Space
from bench.storage.files import write_text
from bench.study._model import Count, Fraction, Positive, Table
from bench.study.budget import Budget
from bench.study.ray import Ray
from bench.study.slurm import Slurm

EntrySpec = str | dict[str, Any]
"""An entry as a file writes it: ``"name(option=value)"`` or ``{name = …, option = …}``."""

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]

TUNING_SEEDS = 1_000_000
"""The least seed of tuning runs; a study's own seeds are lower."""


class Training(Table):
    """How every run is optimised, unless an arm's search space varies it.

    Attributes:
        warmup: share of the budget over which the learning rate rises linearly.
        schedule: the learning rate after warm-up: ``constant``, or a ``linear`` or ``cosine``
            decay to zero at the end of the budget.
        clip: largest norm of the gradient; 0 means no clipping.
        gradient_cache: encode this many padded tokens at a time, and again in the backward pass,
            so that a large batch needs little memory (as in arXiv 2101.06983); 0 encodes once.
        checkpoint_seconds: least seconds between two checkpoints.
    """

    batch_size: Positive = 32
    learning_rate: Annotated[float, Field(gt=0)] = 1e-4
    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.1
    schedule: Literal["constant", "linear", "cosine"] = "constant"
    weight_decay: Annotated[float, Field(ge=0)] = 0.01
    clip: Annotated[float, Field(ge=0)] = 1.0
    gradient_cache: Count = 0
    precision: Literal["auto", "float32", "bf16"] = "auto"
    checkpoint_seconds: Annotated[float, Field(ge=0), NOT_IN_IDS] = 60.0


class Evaluation(Table):
    """When and how the student is measured on dev.

    Attributes:
        points: the number of evaluation points at equal distances, or their shares of the budget.
        depth: how many documents a ranking keeps.
        pool: 0 ranks all documents; otherwise dev queries rank the dev part's relevant documents
            and this many others, the same for every arm. Test queries always rank all documents.
        patience: end a run after this many examples without improvement on dev-select; 0 never
            does. The run is marked as stopped; its schedule is still that of the whole budget.
    """

    points: Positive | Annotated[list[Fraction], Field(min_length=1)] = 5
    depth: Positive = 100
    pool: Count = 0
    patience: Count = 0

    @field_validator("points")
    @classmethod
    def _rising(cls, points: int | list[float]) -> int | list[float]:
        if isinstance(points, list) and (points != sorted(set(points)) or points[-1] != 1):
            raise ValueError("shares of the budget must rise and end with 1.0")
        return points

    def shares(self) -> list[float]:
        """The evaluation points after point 0, as shares of the budget; the last is 1."""
        if isinstance(self.points, list):
            return self.points
        return [index / self.points for index in range(1, self.points + 1)]


ArmTraining = Literal[
    "batch_size", "learning_rate", "warmup", "weight_decay", "clip", "gradient_cache"
]
"""Keys of ``[training]`` that an arm may override."""


class Tuning(Table):
    """How many trials every arm gets, and over which nuisance parameters.

    Attributes:
        trials: number of trials, the same for every arm that has something to vary; 0 tunes
            nothing, and the report says so.
        sampler: ``tpe``, ``random``, ``quasi-random`` (Sobol'), or ``grid`` (all values, in an
            order that the seed determines).
        pruner: ends a trial that is worse on dev-select, at the same examples, than earlier trials
            of the same arm; arms are never compared. Its seconds are charged all the same.
        seed: of the proposals.
        space: nuisance parameters of ``[training]``, the same for every arm. If it is empty, they
            are fixed and only the losses' own options are tuned; an arm whose loss has none is
            then not tuned, and the report says so.
    """

    trials: Count = 0
    sampler: Literal["tpe", "random", "quasi-random", "grid"] = "tpe"
    pruner: Literal["none", "median", "successive-halving"] = "none"
    seed: Count = 0
    space: dict[Literal["learning_rate", "warmup", "weight_decay"], Space] = {}

    @property
    def sequential(self) -> bool:
        """Whether a trial depends on those before it, so that these must be finished first."""
        return self.sampler == "tpe" or self.pruner != "none"


class ArmEntry(Table):
    """An arm as a file writes it; what it leaves out comes from ``[defaults]``.

    Attributes:
        training: keys of ``[training]`` that this arm overrides; tables list them as its options.
        space: the loss's options to vary; the loss's own search space by default.
    """

    name: str | None = None
    loss: EntrySpec
    teacher: EntrySpec | None = None
    student: EntrySpec | None = None
    sampler: EntrySpec | None = None
    training: dict[ArmTraining, Any] = {}
    space: dict[str, Space] | None = None


class Claim(Table):
    """A claim, as bounds on a quantity that the report measures for an arm.

    Attributes:
        says: the claim in its source's words, or close to them.
        source: where the claim is made.
        against: the arm that convergence or a speed-up is compared with; by default the baseline.
        quantity: ``data-fraction`` (labels used to reach the target, as a share of what the
            baseline uses with all train queries), ``convergence`` (examples to the target, as a
            share of the other arm's), a speed-up by one of the four clocks, or ``retention`` (of
            the teacher's quality).
        at_least, at_most: one bound, or both ends of a range.
    """

    says: str
    source: str = ""
    arm: str
    against: str = ""
    quantity: Literal[
        "data-fraction",
        "convergence",
        "train-speed-up",
        "warm-speed-up",
        "cold-speed-up",
        "tuned-speed-up",
        "retention",
    ]
    at_least: float | None = None
    at_most: float | None = None

    @model_validator(mode="after")
    def _bounded(self) -> Claim:
        if not self.bounds:
            raise ValueError("at_least, at_most or both must be given")
        if self.bounds != sorted(set(self.bounds)):
            raise ValueError("at_least must be less than at_most")
        if self.against and self.quantity in ("data-fraction", "retention"):
            raise ValueError(f"against: {self.quantity} is not compared with an arm of choice")
        return self

    @property
    def bounds(self) -> list[float]:
        """The bounds that are given, the lower one first."""
        return [bound for bound in (self.at_least, self.at_most) if bound is not None]


class Comparison(Table):
    """How the report compares arms with the baseline; runs do not depend on it.

    Attributes:
        targets: shares of the baseline's gain over the untrained student that count as reaching
            it; the headline uses the first.
        quality: a further target, as a value of the primary measure on dev-curve.
        margin: an arm matches the baseline if it is worse by less than this in the primary
            measure; without it, the report says nothing about matching.
        answer: what the report answers first: reaching what the baseline reaches, quality compared
            with it, retention of the teacher's quality, the fraction of the data, or sensitivity
            to a swept option. By default, what the first claim is about, or what the study varies.
        matching: in what the set-up matches that of the claims' source, and where it departs. If
            it is empty, the report gives no verdict on any claim.
    """

    targets: Annotated[list[Fraction], Field(min_length=1)] = [0.99, 1.0, 0.95]
    quality: float | None = None
    margin: Annotated[float, Field(gt=0)] | None = None
    answer: Literal["reaching", "quality", "retention", "data-fraction", "sensitivity"] | None = (
        None
    )
    matching: str = ""

    @field_validator("targets")
    @classmethod
    def _each_once(cls, targets: list[float]) -> list[float]:
        if len(set(targets)) < len(targets):
            raise ValueError("every share once")
        return targets


class Defaults(Table):
    """The entries that an arm uses if it does not name its own."""

    teacher: EntrySpec = "none"
    student: EntrySpec = "pretrained"
    sampler: EntrySpec = "uniform"


class Cross(Table):
    """Arms for every combination of these entries, without the excluded ones.

    ``losses = ["*"]`` is every registered loss, with the teachers and samplers that fit it.
    ``exclude`` holds tables such as ``{loss = "infonce", teacher = "bi-encoder"}``: a combination
    is left out if all entries of a table agree with it, in name and in the options they give.
    """

    losses: Annotated[list[EntrySpec], Field(min_length=1)]
    teachers: list[EntrySpec] = []
    students: list[EntrySpec] = []
    samplers: list[EntrySpec] = []
    exclude: list[dict[Literal["loss", "teacher", "student", "sampler"], EntrySpec]] = []


class Execution(Table):
    """Where runs are carried out, and how many at once; no result depends on it.

    Attributes:
        executor: ``local`` (one after the other in this process), ``processes`` (side by side),
            ``slurm`` (each run a job of a cluster) or ``ray`` (on the nodes of a Ray cluster).
        workers: how many runs at once, with SLURM also those that wait in its queue; by default
            one for each GPU of the machine, or as many as the Ray cluster has room for.
        slurm, ray: what a job or a worker takes of the cluster.
    """

    executor: Literal["local", "processes", "slurm", "ray"] = "local"
    workers: Positive | None = None
    slurm: Slurm = Slurm()
    ray: Ray = Ray()

    @model_validator(mode="after")
    def _fitting(self) -> Execution:
        if self.executor == "local" and self.workers is not None:
            raise ValueError("workers: the local executor has one; executor = 'processes' has more")
        if self.executor == "slurm" and self.workers is None:
            raise ValueError("workers: say how many jobs may wait or run at once, as 8")
        return self

    @property
    def elsewhere_on_gpus(self) -> bool:
        """Whether runs are carried out on other machines, and these are asked for GPUs."""
        asked = {"slurm": self.slurm.gpus, "ray": self.ray.gpus}
        return bool(asked.get(self.executor))


class Study(Table):
    """A study file.

    Attributes:
        format: of the file; other formats are refused.
        question: what the study is to find out.
        claim: the paper's section or sentence that it tests.
        cost: what running it takes, and on which machine.
        relevance: by test, the least grade that binary measures (RR, AP, R, P, …) count as
            relevant, 1 by default: ``{test-dl-2019 = 2}``. It is no part of a run's id.
        test: parts of the collection that are measured once, at the end.
        test_collections: further collections whose ``test`` part is measured too, by the names
            that tables give them; training and choices never use their documents.
        train_shares: shares of the train queries, nested by a hash of their ids. Every arm is
            tuned and trained on each share with the whole budget, and its teacher fine-tuned on it.
        retries: how many times a failed run is tried again.
    """

    format: Literal[1] = 1
    name: Name
    title: str
    question: str = ""
    claim: str = ""
    cost: str = ""
    collection: EntrySpec
    budget: Budget
    training: Training = Training()
    evaluation: Evaluation = Evaluation()
    tuning: Tuning = Tuning()
    measures: Annotated[list[str], Field(min_length=1)] = ["nDCG@10", "RR@10", "R@100"]
    primary: str = ""
    relevance: dict[str, Positive] = Field({}, exclude_if=lambda value: not value)
    seeds: Annotated[list[Annotated[Count, Field(lt=TUNING_SEEDS)]], Field(min_length=1)]
    test: Annotated[list[str], Field(min_length=1)] = ["test"]
    test_collections: dict[Name, EntrySpec] = {}
    train_shares: Annotated[list[Fraction], Field(min_length=1)] = [1.0]
    baseline: str
    keep_students: bool = True
    retries: Count = 0
    defaults: Defaults = Defaults()
    arms: list[ArmEntry] = []
    cross: Cross | None = None
    comparison: Comparison = Comparison()
    claims: list[Claim] = []
    execution: Execution = Field(Execution(), exclude_if=lambda value: value == Execution())

    @model_validator(mode="before")
    @classmethod
    def _primary_is_first(cls, value: Any) -> Any:
        if isinstance(value, dict) and not value.get("primary"):
            measures = value.get("measures") or cls.model_fields["measures"].default
            if isinstance(measures, list) and measures:
                return {**value, "primary": measures[0]}
        return value

    @field_validator("train_shares")
    @classmethod
    def _up_to_all(cls, shares: list[float]) -> list[float]:
        if shares != sorted(set(shares)) or shares[-1] != 1:
            raise ValueError("shares of the train queries must rise and end with 1.0")
        return shares

    @model_validator(mode="after")
    def _consistent(self) -> Study:
        if self.primary not in self.measures:
            raise ValueError(f"primary {self.primary!r} is not among the measures")
        if len(set(self.seeds)) < len(self.seeds):
            raise ValueError("seeds: every seed once")
        if not self.arms and self.cross is None:
            raise ValueError("a study needs [[arms]] or a [cross]")
        if len(set(self.test)) < len(self.test):
            raise ValueError("test: every part once")
        for part in self.test:
            if not part.startswith("test"):
                raise ValueError(f"test: {part!r} is not a test part; choices may have seen it")
        for name in self.test_collections:
            if name.startswith("test") or name in ("train", "dev"):
                raise ValueError(f"test_collections: {name!r} is a name of the collection's parts")
        for name in self.relevance:
            if name not in self.tested:
                near = did_you_mean(name, self.tested)
                raise ValueError(f"relevance: {name!r} is none of the tests{near}")
        return self

    @property
    def tested(self) -> list[str]:
        """The names of all tests: parts of the collection, and further collections."""
        return [*self.test, *self.test_collections]

    def to_toml(self) -> str:
        """The study as TOML, with all defaults filled in."""
        return tomli_w.dumps(self.model_dump(mode="json", exclude_none=True))

    def write(self, path: Path) -> None:
        write_text(path, self.to_toml())


def parse_study(values: Mapping[str, Any], origin: str) -> Study:
    """A checked study from plain values.

    Args:
        origin: the file, for messages.

    Raises:
        InputError: a key or value is not allowed; the message names its path.
    """
    try:
        return Study.model_validate(values)
    except ValidationError as error:
        for problem in error.errors():
            if problem["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
                *path, key = place_of(problem, values)
                where = ".".join(map(str, (*path, key)))
                near = _near(str(key), path)
                raise InputError(f"{origin}: {where}: there is no such key{near}") from None
        raise InputError(f"{origin}: {first_problem(error, values)}") from None


def _near(key: str, path: Sequence[int | str]) -> str:
    """A hint at the closest key that is allowed at this place; empty if there is none."""
    model: Any = Study
    tables = {
        "budget": Budget,
        "training": Training,
        "evaluation": Evaluation,
        "tuning": Tuning,
        "arms": ArmEntry,
        "defaults": Defaults,
        "cross": Cross,
        "comparison": Comparison,
        "claims": Claim,
        "execution": Execution,
    }
    if path:
        model = tables.get(str(path[0]))
    if model is None or len([step for step in path if isinstance(step, str)]) > 1:
        return ""
    return did_you_mean(key, model.model_fields)
