"""One run from its specification to its record."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

import pandas as pd
import torch

from bench.context import Context
from bench.encoding.device import environment, forget_peak, is_out_of_memory, peak_memory
from bench.encoding.flops import training_flops
from bench.encoding.towers import Towers
from bench.errors import TrainingError
from bench.evaluation.footprint import count
from bench.evaluation.measured import keep_rankings
from bench.evaluation.measures import per_query
from bench.evaluation.ranking import to_frame
from bench.exporting.folder import save_student
from bench.optimization.optimizer import make_optimizer
from bench.optimization.seeds import derive_seed
from bench.optimization.warming import warm_optimizer, warm_shapes
from bench.storage.artifacts import Artifact, once
from bench.storage.files import disk_is_full, read_object, remove_leftovers, write_json
from bench.storage.ledger import Bill, Clocks, consumed
from bench.storage.records import RunFolder
from bench.teachers.base import Teacher
from bench.training import state as checkpoints
from bench.training.batches import BatchMaker, Prefetcher
from bench.training.evaluator import Evaluator
from bench.training.loop import Loop
from bench.training.machine_speed import machine_speed
from bench.training.specification import RunSpecification
from bench.training.state import State, weights
from bench.training.teacher_agreement import embedding_error
from bench.triples.labels import count_labels, drawn_labels, labels_of
from bench.triples.self_mined import SelfMinedStream
from bench.triples.stream import DrawPlan, TripleStream

Report = Callable[[str], None]
Curve = Sequence[tuple[int, float]]
"""Examples, and the value on dev-select, of each evaluation point so far."""


class Run:
    """Trains one student under one budget and leaves its record.

    Killed at any moment and called again, it goes on from its last checkpoint. ``reference_step``
    in its record (`bench.training.machine_speed`) is of the process that finished it: when that
    began, and after its last step.

    Args:
        hopeless: asked after every evaluation point whether the run is to be given up (pruned).
        against: the teacher whose vectors the student's are compared with at the end; none of what
            the run is depends on it.
    """

    def __init__(
        self,
        specification: RunSpecification,
        folder: RunFolder,
        context: Context,
        keep_student: bool,
        report: Report,
        should_prune: Callable[[Curve], bool] = lambda curve: False,
        against: Teacher | None = None,
    ) -> None:
        self.specification = specification
        self.folder = folder
        self.context = context
        self._keep_student = keep_student
        self._report = report
        self._should_prune = should_prune
        self._against = against
        self._stopped: str | None = None
        self._last_checkpoint = time.monotonic()

    def execute(self) -> None:
        """Train, choose the best point, measure test where asked, write the record.

        Raises:
            TrainingError: the run cannot be finished.
        """
        start = time.perf_counter()
        forget_peak(self.context.device)
        self._pace = machine_speed(self.context.device)
        self._clean()
        self._build()
        self._resume(time.perf_counter() - start)
        batch_size, budget = self.specification.arm.training.batch_size, self.specification.budget
        ahead = Prefetcher(self.batches.make, batch_size, budget.examples)
        try:
            with self.clocks("compile"):
                self._warm_up()
            self._loop().run(ahead)
        except Exception as error:
            if not disk_is_full(error):  # then there is no room, and the run goes on later
                self.folder.write_bills(self._bills())  # spent, although for nothing
            if not is_out_of_memory(error):
                raise
        else:
            self._finish()
            return
        finally:
            ahead.close()
        # Only here, where no traceback holds the batch's tensors any more.
        training = self.specification.arm.training
        raise TrainingError(
            f"{self.context.device.label} has too little memory for batches of "
            f"{training.batch_size}: a smaller training.batch_size or max_length of the student, "
            "or training.gradient_cache = 16384 (tokens encoded at a time)"
        )

    def _clean(self) -> None:
        """Clear what a killed process left half-written."""
        self.folder.checkpoints.mkdir(parents=True, exist_ok=True)
        remove_leftovers(self.folder.path)
        remove_leftovers(self.folder.checkpoints)

    def _build(self) -> None:
        arm, context = self.specification.arm, self.context
        torch.manual_seed(self.specification.seed)
        self.towers: Towers = context.device.place(arm.student.build(context))
        self.towers.train()
        self.evaluator = Evaluator(context, arm.student, self.specification.evaluation)
        self.stream = stream = arm.sampler.prepare(context)
        signal_source = arm.teacher.prepare(arm.loss.needs(), self._plan(stream), context)
        queries = self.evaluator.queries(stream.queries)
        documents = None if self.towers.stored else self.evaluator.documents
        self.artifacts: list[Artifact] = [
            *([documents.artifact] if documents else []),
            queries.artifact,
            *self.towers.artifacts,
            *stream.artifacts,
            *signal_source.artifacts,
        ]
        self.batches = BatchMaker(
            stream,
            self.towers,
            queries,
            documents,
            signal_source,
            context.device,
            self.specification.seed,
            arm.training.gradient_cache,
        )
        # A loss's own parameters start from a random stream of their own.
        torch.manual_seed(derive_seed(self.specification.seed, "loss"))
        self.objective = arm.loss.build(self.towers.width, signal_source.width)
        self.modules: dict[str, torch.nn.Module] = {"student": self.towers}
        if isinstance(self.objective, torch.nn.Module):
            self.modules["loss"] = context.device.place(self.objective)
        self.optimizer = make_optimizer(self.modules.values(), arm.training.weight_decay)

    def _warm_up(self) -> None:
        """Compute once what would cost more the first time, in every shape that is known."""
        arm, device = self.specification.arm, self.context.device
        size, negatives = arm.training.batch_size, arm.sampler.negatives
        self._report("warming up")
        warm_optimizer(device)
        trials = self.batches.trials(size, negatives)
        for encoder, texts in zip(self.towers.encoders, trials, strict=True):
            warm_shapes(encoder, texts, device)

    def _refresh_negatives(self) -> bool:
        """Let the student mine its own negatives, where it does and that is due."""
        stream, state = self.stream, self.state
        if not isinstance(stream, SelfMinedStream) or state.steps % stream.every:
            return False
        if state.mined_at == state.steps:
            return False
        self._report(f"{self._progress()}, mining negatives")
        with self.clocks("mine"):
            stream.set_ranking(self.evaluator.mine(self.towers, stream.depth))
        state.mined, state.mined_at = stream.ranked, state.steps
        return True

    def _plan(self, stream: TripleStream) -> DrawPlan:
        run, size = self.specification, self.specification.arm.training.batch_size
        examples = run.budget.examples
        if run.budget.steps is not None:
            examples = run.budget.steps * size
        if isinstance(stream, SelfMinedStream):
            examples = None  # what it will draw depends on what the student will have learnt
        return DrawPlan(stream, run.seed, size, examples)

    def _resume(self, start_seconds: float) -> None:
        """Take up the last checkpoint, if any; put what was done after it on the bill as wasted."""
        restored = checkpoints.load(self.folder, self.modules, self.optimizer)
        fresh = State(tokens=[0] * len(self.towers.encoders))
        self.state, seconds = restored or (fresh, {})
        if isinstance(self.stream, SelfMinedStream):
            self.stream.ranked = self.state.mined
        self.clocks = Clocks(seconds)
        if self.folder.heartbeat.exists():
            mend = "delete it, and the run goes on"
            seen = sum(read_object(self.folder.heartbeat, mend).values())
            self.clocks.add("wasted", max(0.0, seen - sum(seconds.values())))
        # What had to be prepared just now has bills of its own.
        prepared = sum(
            bill.seconds
            for bill in once(bill for artifact in self.artifacts for bill in artifact.bills)
            if not bill.reused
        )
        self.clocks.add("start", max(0.0, start_seconds - prepared))

    def _loop(self) -> Loop:
        run = self.specification
        return Loop(
            towers=self.towers,
            optimizer=self.optimizer,
            objective=self.objective,
            label=str(run.arm.loss),
            training=run.arm.training,
            budget=run.budget,
            shares=run.evaluation.shares(),
            seed=run.seed,
            device=self.context.device,
            clocks=self.clocks,
            state=self.state,
            on_pause=self._on_pause,
            evaluate=self._evaluate,
            should_stop=self._should_stop,
            refresh_negatives=self._refresh_negatives,
            refresh_every=self.stream.every if isinstance(self.stream, SelfMinedStream) else 0,
        )

    def _evaluate(self, point: int) -> None:
        """Rank dev, note the curve's row, keep the weights if dev-select never was better."""
        state, run = self.state, self.specification
        self._report(f"{self._progress()}, evaluating on dev")
        with self.clocks("evaluate"):
            if point == 0 and not run.arm.student.randomly_initialised:
                ranking = self.evaluator.untrained("dev")
            else:
                ranking = self.evaluator.rank(self.towers, "dev")
            select = self.context.collection.dev_halves()["dev-select"]
            dev = self.context.collection.part("dev")
            value = float(per_query(dev, ranking, [run.select_by], select).mean().iloc[0])
        steps = state.sums.pop("steps", 0)
        state.rankings.append(to_frame(ranking, point))
        state.curve.append(
            {
                "point": point,
                "examples": state.examples,
                "steps": state.steps,
                "train_seconds": self.clocks.read("train"),
                **{name: total / steps for name, total in state.sums.items()},
            }
        )
        state.selects.append(value)
        state.sums.clear()
        if value > state.best[0]:
            state.best = (value, point)
            state.best_weights = weights(self.towers)

    def _should_stop(self) -> bool:
        """Whether the run ends before its budget does, and why."""
        state, patience = self.state, self.specification.evaluation.patience
        reached = [row["examples"] for row in state.curve]
        if patience and reached[-1] - reached[state.best[1]] >= patience:
            self._stopped = "patience"
        elif self._should_prune(list(zip(reached, state.selects, strict=True))):
            self._stopped = "pruned"
        return self._stopped is not None

    def _on_pause(self) -> None:
        self._report(self._progress())
        write_json(self.folder.heartbeat, self.clocks.all())
        least = self.specification.arm.training.checkpoint_seconds
        if time.monotonic() - self._last_checkpoint >= least:
            with self.clocks("save"):
                self._save()
            self._last_checkpoint = time.monotonic()

    def _save(self) -> None:
        checkpoints.save(self.folder, self.state, self.modules, self.optimizer, self.clocks.all())

    def _progress(self) -> str:
        budget = self.specification.budget
        used = {
            "examples": self.state.examples,
            "steps": self.state.steps,
            "seconds": round(self.clocks.read("train")),
        }[budget.unit]
        return f"{used:,} of {budget.amount:,.0f} {budget.unit}"

    def _finish(self) -> None:
        run, context, state = self.specification, self.context, self.state
        with self.clocks("save"):
            paces = {"start": self._pace, "end": machine_speed(context.device)}
        self.towers.load_state_dict(state.best_weights)
        with self.clocks("test"):
            self._report("measuring test")
            for there in context.tests(run.tests):
                evaluator = Evaluator(there.context, run.arm.student, run.evaluation)
                rankings = evaluator.rank_parts(self.towers, list(there.parts.values()))
                keep_rankings(self.folder, there, rankings)
            # On no arm's bill, as what is measured on test.
            geometry = embedding_error(
                self.towers, run.arm.student, self.evaluator, self._against, context
            )
        with self.clocks("evaluate"):
            self._report("timing the student")
            size = self.evaluator.footprint(self.towers, trained=True)
        with self.clocks("save"):
            if self._keep_student:
                save_student(self.towers, run.arm.student, self.folder.student)
            self.folder.write_table("rankings", pd.concat(state.rankings, ignore_index=True))
            self.folder.write_table("curve", pd.DataFrame(state.curve))
            used = self._used_up()
        self.folder.write_bills(self._bills())
        self.folder.finish(
            {
                "status": "pruned" if self._stopped == "pruned" else "done",
                "stopped": self._stopped,
                "specification": run.record,
                "examples": state.examples,
                "steps": state.steps,
                **used,
                "reference_step": paces,
                "first_steps": state.first_steps,
                "tenths": state.tenths,
                "peak_memory": peak_memory(context.device),
                "best_point": state.best[1],
                "select": state.best[0],
                **asdict(size),
                "geometry": geometry,
                "loss_parameters": count([self.modules["loss"]] if "loss" in self.modules else []),
                "unpriced": unpriced(run.arm.teacher, run.arm.student.document_teacher()),
                "collection": context.describe_collection(),
                "notes": [*run.arm.student.notes(), *run.arm.teacher.notes()],
                "environment": environment(context.device),
            }
        )
        self.folder.clear_work()

    def _used_up(self) -> dict[str, int]:
        """Train queries and labels that this training took, and its teachers' fine-tuning."""
        run = self.specification
        bills = [bill for artifact in self.artifacts for bill in artifact.bills]
        used = labels_of(bills, self.context.artifacts.root)
        if run.arm.sampler.labelled:
            size, examples = run.arm.training.batch_size, self.state.examples
            used.append(drawn_labels(DrawPlan(self.stream, run.seed, size, examples)))
        return count_labels(used)

    def _bills(self) -> list[Bill]:
        """What the arm's artifacts cost, what reading them cost, and the parts of this run."""
        device, state = self.context.device.label, self.state
        needed = once(bill for artifact in self.artifacts for bill in artifact.bills)
        bills = [consumed(bill, state.examples) for bill in needed]
        bills += [
            Bill("read", f"{artifact.kind} {artifact.digest}", artifact.read_seconds)
            for artifact in self.artifacts
        ]
        amounts: dict[str, Any] = {
            "train": {
                "examples": state.examples,
                "texts": state.texts,
                "tokens": sum(state.tokens),
                "flops": sum(map(training_flops, self.towers.encoders, state.tokens)),
            }
        }
        for phase, seconds in self.clocks.all().items():
            what = ", ".join(self.specification.tests) if phase == "test" else "run"
            if phase != "test" or self.specification.tests:
                bills.append(Bill(phase, what, seconds, device=device, **amounts.get(phase, {})))
        return bills


def unpriced(*teachers: Teacher | None) -> str | None:
    """What of their making nobody is charged for."""
    said = [teacher.unpriced() for teacher in teachers if teacher]
    return "; ".join(dict.fromkeys(one for one in said if one)) or None
