"""One run from its specification to its record."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from itertools import islice

import pandas as pd

from bench.context import Context
from bench.encoding.device import environment, forget_peak, is_out_of_memory, peak_memory
from bench.encoding.trained_rows import train_all
from bench.errors import TrainingError
from bench.evaluation.footprint import count
from bench.evaluation.measured import keep_rankings
from bench.evaluation.measures import per_query
from bench.evaluation.ranking import to_frame
from bench.exporting.folder import save_student
from bench.optimization.warming import warm_optimizer, warm_shapes
from bench.storage.files import disk_is_full, read_object, remove_leftovers, write_json
from bench.storage.ledger import PhaseTimer
from bench.storage.records import RunFolder
from bench.teachers.base import Teacher
from bench.training import charges
from bench.training import state as checkpoints
from bench.training.batches import Batch, Prefetcher
from bench.training.evaluator import Evaluator
from bench.training.loop import StudentLoop
from bench.training.machine_speed import machine_speed
from bench.training.setup import Setup
from bench.training.specification import RunSpecification
from bench.training.state import State, weights
from bench.training.teacher_agreement import embedding_error

Report = Callable[[str], None]
Curve = Sequence[tuple[int, float]]
"""Examples, and the value on dev-select, of each evaluation point so far."""


class Run:
    """Trains one student under one budget and leaves its record.

    Killed at any moment and made again, it goes on from its last checkpoint. Making one builds the
    student and prepares what its training needs. ``reference_step`` in the record
    (`bench.training.machine_speed`) is of the process that finished the run: when it began, and
    after its last step.

    Args:
        should_prune: asked after every evaluation point whether the run is to be given up.
        against: the teacher whose vectors the student's are compared with at the end; nothing else
            of the run depends on it.
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
        start = time.perf_counter()
        forget_peak(context.device)
        self._speed_at_start = machine_speed(context.device)
        self._remove_leftovers()
        self.setup = Setup.of(specification, context)
        self.state, self.clocks = self._restore(time.perf_counter() - start)
        self._loop = StudentLoop(specification, self.setup, self.clocks, self.state, context.device)
        self._last_checkpoint = time.monotonic()

    def execute(self) -> None:
        """Train, choose the best point, measure test where asked, write the record.

        Raises:
            TrainingError: the run cannot be finished.
        """
        size = self.specification.arm.training.batch_size
        examples = self.specification.budget.planned_examples(size)
        ahead = Prefetcher(self.setup.batches.make, size, examples)
        try:
            self._train(ahead)
        except Exception as error:
            if not disk_is_full(error):  # then there is no room, and the run goes on later
                self._write_bills()  # spent, although for nothing
            if not is_out_of_memory(error):
                raise
        else:
            self._finish()
            return
        finally:
            ahead.close()
        # Only here, where no traceback holds the batch's tensors any more.
        raise TrainingError(
            f"{self.context.device.label} has too little memory for batches of "
            f"{size}: a smaller training.batch_size or max_length of the student, "
            "or training.gradient_cache = 16384 (tokens encoded at a time)"
        )

    def _remove_leftovers(self) -> None:
        """Delete what a killed process left half-written."""
        self.folder.checkpoints.mkdir(parents=True, exist_ok=True)
        remove_leftovers(self.folder.path)
        remove_leftovers(self.folder.checkpoints)

    def _restore(self, start_seconds: float) -> tuple[State, PhaseTimer]:
        """Take up the last checkpoint, if any; put what was done after it on the bill as wasted."""
        setup = self.setup
        restored = checkpoints.load(self.folder, setup.modules, setup.optimizer)
        state, seconds = restored or (State(tokens=[0] * len(setup.towers.encoders)), {})
        if stream := setup.self_mined:
            stream.ranked = state.mined
        clocks = PhaseTimer(seconds)
        if self.folder.heartbeat.exists():
            mend = "delete it, and the run goes on"
            spent = sum(read_object(self.folder.heartbeat, mend).values())
            clocks.add("wasted", max(0.0, spent - sum(seconds.values())))
        # What had to be prepared just now has bills of its own.
        prepared = sum(bill.seconds for bill in setup.bills if not bill.reused)
        clocks.add("start", max(0.0, start_seconds - prepared))
        return state, clocks

    def _train(self, ahead: Prefetcher) -> None:
        """Train until the budget is used or the run is stopped; evaluate on the way.

        Raises:
            TrainingError: the loss or the weights are no longer finite.
        """
        loop, state = self._loop, self.state
        with self.clocks("compile"):
            self._warm_up()
        if not state.curve:
            self._evaluate(0)
        self._refresh_negatives()
        with self.clocks("compile"):
            loop.rehearse(ahead.from_position(state.examples))
        batches = self._batches(ahead)
        shares = self.specification.evaluation.shares()
        should_stop = self._should_stop()
        while len(state.curve) <= len(shares) and not should_stop:
            share = shares[len(state.curve) - 1]
            with self.clocks("train"):
                loop.advance(batches, share)
                self.context.device.synchronize()
            loop.check_loss()
            if not loop.reached(1.0) and self._refresh_negatives():
                batches = self._batches(ahead)
            if loop.reached(share):
                loop.check_weights()
                self._evaluate(len(state.curve))
                should_stop = self._should_stop()
            self._on_pause()

    def _warm_up(self) -> None:
        """Compute once what would cost more the first time, in every shape that is known."""
        arm, device = self.specification.arm, self.context.device
        size, negatives = arm.training.batch_size, arm.sampler.negatives
        self._report("warming up")
        warm_optimizer(device)
        trials = self.setup.batches.trials(size, negatives)
        for encoder, texts in zip(self.setup.towers.encoders, trials, strict=True):
            warm_shapes(encoder, texts, device)

    def _batches(self, ahead: Prefetcher) -> Iterator[Batch]:
        """The batches to come, as far as the present negatives are to be drawn from."""
        batches = ahead.from_position(self.state.examples)
        if stream := self.setup.self_mined:
            return islice(batches, stream.every - self.state.steps % stream.every)
        return batches

    def _refresh_negatives(self) -> bool:
        """Let the student mine its own negatives, where it does and that is due."""
        stream, state = self.setup.self_mined, self.state
        if stream is None or state.steps % stream.every or state.mined_at == state.steps:
            return False
        self._report(f"{self._progress()}, mining negatives")
        with self.clocks("mine"):
            stream.set_ranking(self.setup.evaluator.mine(self.setup.towers, stream.depth))
        state.mined, state.mined_at = stream.ranked, state.steps
        return True

    def _evaluate(self, point: int) -> None:
        """Rank dev, note the curve's row, keep the weights if dev-select never was better."""
        state, run, setup = self.state, self.specification, self.setup
        self._report(f"{self._progress()}, evaluating on dev")
        with self.clocks("evaluate"):
            if point == 0 and not run.arm.student.randomly_initialised:
                ranking = setup.evaluator.untrained("dev")
            else:
                ranking = setup.evaluator.rank(setup.towers, "dev")
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
            state.best_weights = weights(setup.towers)

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
        """Tell how far it is, and save a checkpoint where one is due."""
        self._report(self._progress())
        write_json(self.folder.heartbeat, self.clocks.all())
        least = self.specification.arm.training.checkpoint_seconds
        if time.monotonic() - self._last_checkpoint >= least:
            with self.clocks("save"):
                self._save()
            self._last_checkpoint = time.monotonic()

    def _save(self) -> None:
        setup, seconds = self.setup, self.clocks.all()
        checkpoints.save(self.folder, self.state, setup.modules, setup.optimizer, seconds)

    def _progress(self) -> str:
        return self.specification.budget.progress(self._loop.consumed())

    def _finish(self) -> None:
        """Measure the best point's student, and write the record."""
        run, context, state, setup = self.specification, self.context, self.state, self.setup
        student, modules = run.arm.student, setup.modules
        with self.clocks("save"):
            speeds = {"start": self._speed_at_start, "end": machine_speed(context.device)}
        setup.towers.load_state_dict(state.best_weights)
        for encoder in setup.towers.encoders:
            train_all(encoder)
        with self.clocks("test"):
            self._report("measuring test")
            for tested in context.tests(run.tests):
                evaluator = Evaluator(tested.context, student, run.evaluation)
                rankings = evaluator.rank_parts(setup.towers, list(tested.parts.values()))
                keep_rankings(self.folder, tested, rankings)
            # On no arm's bill, as what is measured on test.
            error = embedding_error(setup.towers, student, setup.evaluator, self._against, context)
        with self.clocks("evaluate"):
            self._report("timing the student")
            footprint = setup.evaluator.footprint(setup.towers, trained=True)
        with self.clocks("save"):
            if self._keep_student:
                save_student(setup.towers, student, self.folder.student)
            self.folder.write_table("rankings", pd.concat(state.rankings, ignore_index=True))
            self.folder.write_table("curve", pd.DataFrame(state.curve))
            labels = charges.used_labels(run, setup, state.examples, context)
        self._write_bills()
        self.folder.finish(
            {
                "status": "pruned" if self._stopped == "pruned" else "done",
                "stopped": self._stopped,
                "specification": run.record,
                "examples": state.examples,
                "steps": state.steps,
                **labels,
                "reference_step": speeds,
                "first_steps": state.first_steps,
                "tenths": state.tenths,
                "peak_memory": peak_memory(context.device),
                "best_point": state.best[1],
                "select": state.best[0],
                "selects": state.selects,
                **asdict(footprint),
                "geometry": error,
                "loss_parameters": count([modules["loss"]] if "loss" in modules else []),
                "unpriced": charges.unpriced(run.arm.teacher, student.document_teacher()),
                "collection": context.describe_collection(),
                "notes": [*student.notes(), *run.arm.teacher.notes()],
                "environment": environment(context.device, context.workers),
            }
        )
        self.folder.clear_work()

    def _write_bills(self) -> None:
        device = self.context.device.label
        self.folder.write_bills(
            charges.bills(self.specification, self.setup, self.state, self.clocks, device)
        )
