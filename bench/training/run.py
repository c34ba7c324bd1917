"""One run from its specification to its record."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

import pandas as pd
import torch

from bench.artifacts import Artifact, once
from bench.encoding.device import environment, forget_peak, is_out_of_memory, peak_memory
from bench.encoding.flops import training_flops
from bench.encoding.towers import Towers
from bench.errors import TrainingError
from bench.evaluation.evaluator import Evaluator
from bench.evaluation.footprint import count, footprint
from bench.evaluation.geometry import embedding_error
from bench.evaluation.measured import keep_rankings
from bench.evaluation.measures import per_query
from bench.evaluation.ranking import to_frame
from bench.exporting.folder import save_student
from bench.files import disk_is_full, read_object, remove_leftovers, write_json
from bench.lab import Lab
from bench.ledger import Bill, Clocks, consumed
from bench.records import RunFolder
from bench.samplers._refreshed import Refreshed
from bench.samplers.base import Demand, Draws
from bench.specification import RunSpecification
from bench.teachers.base import Teacher
from bench.teaching.labels import count_labels, drawn_labels, labels_of
from bench.training import state as checkpoints
from bench.training.batches import Ahead, BatchMaker
from bench.training.loop import Loop, stream
from bench.training.optimizer import make_optimizer
from bench.training.pace import reference_step
from bench.training.state import State, weights
from bench.training.warming import warm_optimizer, warm_shapes

Report = Callable[[str], None]
Curve = Sequence[tuple[int, float]]
"""Examples, and the value on dev-select, of each evaluation point so far."""


class Run:
    """Trains one student under one budget and leaves its record.

    Killed at any moment and called again, it goes on from its last checkpoint. ``reference_step``
    in its record (`bench.training.pace`) is of the process that finished it: when that began, and
    after its last step.

    Args:
        hopeless: asked after every evaluation point whether the run is to be given up (pruned).
        against: the teacher whose vectors the student's are compared with at the end; none of what
            the run is depends on it.
    """

    def __init__(
        self,
        specification: RunSpecification,
        folder: RunFolder,
        lab: Lab,
        keep_student: bool,
        report: Report,
        hopeless: Callable[[Curve], bool] = lambda curve: False,
        against: Teacher | None = None,
    ) -> None:
        self.specification = specification
        self.folder = folder
        self.lab = lab
        self._keep_student = keep_student
        self._report = report
        self._hopeless = hopeless
        self._against = against
        self._stopped: str | None = None
        self._last_checkpoint = time.monotonic()

    def execute(self) -> None:
        """Train, choose the best point, measure test where asked, write the record.

        Raises:
            TrainingError: the run cannot be finished.
        """
        start = time.perf_counter()
        forget_peak(self.lab.device)
        self._pace = reference_step(self.lab.device)
        self._clean()
        self._build()
        self._resume(time.perf_counter() - start)
        batch_size, budget = self.specification.arm.training.batch_size, self.specification.budget
        ahead = Ahead(self.batches.make, batch_size, budget.examples)
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
            f"{self.lab.device.label} has too little memory for batches of {training.batch_size}: "
            "a smaller training.batch_size or max_length of the student, or "
            "training.gradient_cache = 16384 (tokens encoded at a time)"
        )

    def _clean(self) -> None:
        """Clear what a killed process left half-written."""
        self.folder.checkpoints.mkdir(parents=True, exist_ok=True)
        remove_leftovers(self.folder.path)
        remove_leftovers(self.folder.checkpoints)

    def _build(self) -> None:
        arm, lab = self.specification.arm, self.lab
        torch.manual_seed(self.specification.seed)
        self.towers: Towers = lab.device.put(arm.student.build(lab))
        self.towers.train()
        self.evaluator = Evaluator(lab, arm.student, self.specification.evaluation)
        self.draws = draws = arm.sampler.prepare(lab)
        teaching = arm.teacher.prepare(arm.loss.needs(), self._demand(draws), lab)
        queries = self.evaluator.queries(draws.queries)
        documents = None if self.towers.stored else self.evaluator.documents
        self.artifacts: list[Artifact] = [
            *([documents.artifact] if documents else []),
            queries.artifact,
            *self.towers.artifacts,
            *draws.artifacts,
            *teaching.artifacts,
        ]
        self.batches = BatchMaker(
            draws,
            self.towers,
            queries,
            documents,
            teaching,
            lab.device,
            self.specification.seed,
            arm.training.gradient_cache,
        )
        # A loss's own parameters start from a random stream of their own.
        torch.manual_seed(stream(self.specification.seed, "loss"))
        self.objective = arm.loss.build(self.towers.width, teaching.width)
        self.modules: dict[str, torch.nn.Module] = {"student": self.towers}
        if isinstance(self.objective, torch.nn.Module):
            self.modules["loss"] = lab.device.put(self.objective)
        self.optimizer = make_optimizer(self.modules.values(), arm.training.weight_decay)

    def _warm_up(self) -> None:
        """Compute once what would cost more the first time, in every shape that is known."""
        arm, device = self.specification.arm, self.lab.device
        size, negatives = arm.training.batch_size, arm.sampler.negatives
        self._report("warming up")
        warm_optimizer(device)
        trials = self.batches.trials(size, negatives)
        for encoder, texts in zip(self.towers.encoders, trials, strict=True):
            warm_shapes(encoder, texts, device)

    def _refresh(self) -> bool:
        """Let the student mine its own negatives, where it does and that is due."""
        draws, state = self.draws, self.state
        if not isinstance(draws, Refreshed) or state.steps % draws.every:
            return False
        if state.mined_at == state.steps:
            return False
        self._report(f"{self._progress()}, mining negatives")
        with self.clocks("mine"):
            draws.take(self.evaluator.mine(self.towers, draws.depth))
        state.mined, state.mined_at = draws.ranked, state.steps
        return True

    def _demand(self, draws: Draws) -> Demand:
        run, size = self.specification, self.specification.arm.training.batch_size
        examples = run.budget.examples
        if run.budget.steps is not None:
            examples = run.budget.steps * size
        if isinstance(draws, Refreshed):
            examples = None  # what it will draw depends on what the student will have learnt
        return Demand(draws, run.seed, size, examples)

    def _resume(self, start_seconds: float) -> None:
        """Take up the last checkpoint, if any; put what was done after it on the bill as wasted."""
        restored = checkpoints.load(self.folder, self.modules, self.optimizer)
        fresh = State(tokens=[0] * len(self.towers.encoders))
        self.state, seconds = restored or (fresh, {})
        if isinstance(self.draws, Refreshed):
            self.draws.ranked = self.state.mined
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
            device=self.lab.device,
            clocks=self.clocks,
            state=self.state,
            pause=self._pause,
            evaluate=self._evaluate,
            enough=self._enough,
            refresh=self._refresh,
            refresh_every=self.draws.every if isinstance(self.draws, Refreshed) else 0,
        )

    def _evaluate(self, point: int) -> None:
        """Rank dev, note the curve's row, keep the weights if dev-select never was better."""
        state, run = self.state, self.specification
        self._report(f"{self._progress()}, evaluating on dev")
        with self.clocks("evaluate"):
            if point == 0 and not run.arm.student.drawn:
                ranking = self.evaluator.untrained("dev")
            else:
                ranking = self.evaluator.rank(self.towers, "dev")
            select = self.lab.collection.dev_halves()["dev-select"]
            dev = self.lab.collection.part("dev")
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

    def _enough(self) -> bool:
        """Whether the run ends before its budget does, and why."""
        state, patience = self.state, self.specification.evaluation.patience
        reached = [row["examples"] for row in state.curve]
        if patience and reached[-1] - reached[state.best[1]] >= patience:
            self._stopped = "patience"
        elif self._hopeless(list(zip(reached, state.selects, strict=True))):
            self._stopped = "pruned"
        return self._stopped is not None

    def _pause(self) -> None:
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
        run, lab, state = self.specification, self.lab, self.state
        with self.clocks("save"):
            paces = {"start": self._pace, "end": reference_step(lab.device)}
        self.towers.load_state_dict(state.best_weights)
        with self.clocks("test"):
            self._report("measuring test")
            for there in lab.tests(run.tests):
                evaluator = Evaluator(there.lab, run.arm.student, run.evaluation)
                rankings = evaluator.rank_parts(self.towers, list(there.parts.values()))
                keep_rankings(self.folder, there, rankings)
            # On no arm's bill, as what is measured on test.
            geometry = embedding_error(
                self.towers, run.arm.student, self.evaluator, self._against, lab
            )
        with self.clocks("evaluate"):
            self._report("timing the student")
            size = footprint(self.towers, run.arm.student, self.evaluator, lab, trained=True)
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
                "peak_memory": peak_memory(lab.device),
                "best_point": state.best[1],
                "select": state.best[0],
                **asdict(size),
                "geometry": geometry,
                "loss_parameters": count([self.modules["loss"]] if "loss" in self.modules else []),
                "unpriced": unpriced(run.arm.teacher, run.arm.student.inherits()),
                "collection": lab.describe_collection(),
                "notes": [*run.arm.student.notes(), *run.arm.teacher.notes()],
                "environment": environment(lab.device),
            }
        )
        self.folder.clear_work()

    def _used_up(self) -> dict[str, int]:
        """Train queries and labels that this training took, and its teachers' fine-tuning."""
        run = self.specification
        bills = [bill for artifact in self.artifacts for bill in artifact.bills]
        used = labels_of(bills, self.lab.artifacts.root)
        if run.arm.sampler.labelled:
            size, examples = run.arm.training.batch_size, self.state.examples
            used.append(drawn_labels(Demand(self.draws, run.seed, size, examples)))
        return count_labels(used)

    def _bills(self) -> list[Bill]:
        """What the arm's artifacts cost, what reading them cost, and the parts of this run."""
        device, state = self.lab.device.label, self.state
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
