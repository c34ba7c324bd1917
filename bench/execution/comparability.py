"""Finds, before a study runs, what would make its comparisons misleading."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from bench import losses, students
from bench.collections.base import Collection, Part
from bench.errors import InputError
from bench.evaluation.fine_print import depth_notes, grade_notes, without_relevant
from bench.evaluation.measures import parse_all
from bench.execution.model_checks import model_notes
from bench.lazy import Library
from bench.losses.sum import Sum
from bench.storage.caveats import Caveats
from bench.triples.pairs import decode_pairs, encode_pairs

if TYPE_CHECKING:
    import scipy

    from bench.results import Row
    from bench.study.arms import Arm
    from bench.study.schema import Study
else:
    scipy = Library("scipy")

FEW = 0.01
"""Least share of examples with relevant in-batch negatives that gives a warning."""


def find_caveats(
    study: Study,
    arms: Sequence[Arm],
    collection: Collection | None,
    elsewhere: Mapping[str, Collection],
    rows: Iterable[Row] = (),
) -> Caveats:
    """The study's caveats.

    Args:
        collection: `None` if it is not prepared yet; its caveats are then left out.
        elsewhere: the test collections that are prepared, by test.
        rows: finished runs, whose curves tell their teachers' margins.

    Raises:
        InputError: the primary measure would be 0 for every dev query.
    """
    measures = parse_all(study.measures)
    warnings = list(_out_of_reach(arms, _mean_targets(rows)))
    parts = {name: other.part("test") for name, other in elsewhere.items()}
    if collection:
        warnings += _batches(study, arms, collection)
        parts = {name: collection.part(name) for name in ("dev", *study.test)} | parts
    notes = [
        *depth_notes(measures, study.evaluation.depth),
        *grade_notes(measures, parts, study.relevance),
        *model_notes(arms),
    ]
    return Caveats([*warnings, *_without_relevant(study, parts)], notes)


def _without_relevant(study: Study, parts: Mapping[str, Part]) -> Iterator[str]:
    for name, part, least, queries in without_relevant(
        parse_all(study.measures), parts, study.relevance
    ):
        if (name, part) == (study.primary, "dev") and queries == len(parts[part].queries):
            raise InputError(
                f"primary {name}: no document of dev is judged {least} or more, so that nothing "
                "could be chosen by it"
            )
        yield (
            f"{name}: {queries:,} of {len(parts[part].queries):,} queries of {part} have no "
            f"document of grade {least} or more, and count as 0"
        )


def _mean_targets(rows: Iterable[Row]) -> dict[str, tuple[float, float]]:
    """By arm, (its teacher's mean margin, the largest score that its student can reach)."""
    targets: dict[str, tuple[float, float]] = {}
    for row in rows:
        if row.role != "final" or row.run.status != "done":
            continue
        loss = losses.create(row.entries["loss"])
        similarity = students.create(row.entries["student"]).similarity
        members = {"": loss}
        if isinstance(loss, Sum):
            members = {f"loss.{name}.": part for name, (_, part) in loss.members.items()}
        for prefix, part in members.items():
            reach, column = part.reach(similarity), f"{prefix}mean_target"
            if reach < np.inf and column in row.run.columns:
                mean = np.nanmean([point[column] for point in row.run.curve])
                targets[row.arm] = float(mean), reach
    return targets


def _out_of_reach(
    arms: Iterable[Arm], measured: Mapping[str, tuple[float, float]]
) -> Iterator[str]:
    """Warnings of arms whose loss asks the student for scores that no cosine can have."""
    advice = "give the loss a scale, or the student similarity = 'dot'"
    for arm in arms:
        reach = arm.loss.reach(arm.student.similarity)
        if arm.teacher.largest_score() <= reach:
            continue
        if arm.name in measured:
            mean, reach = measured[arm.name]
            if abs(mean) > 2 * reach:
                yield (
                    f"Arm {arm.name!r}: its teacher's margins are {mean:.3g} on average, and the "
                    f"cosines of its student allow {2 * reach:g} at most; {advice}"
                )
        elif not any(option.endswith("scale") for option in arm.space):
            yield (
                f"Arm {arm.name!r}: its student's cosines allow margins of {2 * reach:g} at most, "
                f"and those of {arm.teacher.name} may be larger, as logits are; {advice}"
            )


def _batches(study: Study, arms: Iterable[Arm], collection: Collection) -> Iterator[str]:
    """Warnings of batches that repeat queries, or have relevant documents as negatives."""
    by_size: dict[int, list[Arm]] = defaultdict(list)
    for arm in arms:
        if arm.sampler.labelled:
            by_size[arm.training.batch_size].append(arm)
    least = collection.subset(study.train_shares[0])
    number = len(np.unique(_pairs(least)[:, 0]))
    for size, some in by_size.items():
        if size > number:
            yield (
                f"Batches of {size} are larger than the {number} train queries, which stand in "
                "them more than once"
            )
        contrasting = [arm.name for arm in some if arm.loss.contrasts_batch()]
        share = relevant_in_batch(collection, size) if contrasting else 0.0
        if share >= FEW:
            yield (
                f"In random batches of {size}, {100 * share:.3g} % of the examples meet another "
                "one's positive that is relevant for their own query; losses with in-batch "
                f"negatives push it away ({', '.join(contrasting)})"
            )


def relevant_in_batch(collection: Collection, size: int) -> float:
    """The expected share (0 to 1) of examples that have a relevant document as in-batch negative.

    The batch is drawn at random from an epoch; its other positives are the negatives.
    """
    pairs, judged = _pairs(collection), collection.part("train").relevant()
    counts = np.bincount(pairs[:, 1], minlength=len(collection.documents))
    known, total = np.concatenate([judged, pairs]), len(collection.documents)
    codes = np.unique(encode_pairs(known[:, 0], known[:, 1], total))
    queries, documents = decode_pairs(codes, total)
    relevant = np.bincount(queries, weights=counts[documents])[pairs[:, 0]] - 1
    others, taken = len(pairs) - 1, min(size, len(pairs)) - 1
    left = others - relevant
    # Hypergeometric probability that no relevant pair is among the others of the batch.
    logs = scipy.special.gammaln(left + 1) - scipy.special.gammaln(np.maximum(left - taken, 0) + 1)
    logs -= scipy.special.gammaln(others + 1) - scipy.special.gammaln(others - taken + 1)
    return float(1 - np.where(left >= taken, np.exp(logs), 0.0).mean())


def _pairs(collection: Collection) -> np.ndarray:
    """The (query, positive) positions of all examples of an epoch."""
    if collection.triples is not None:
        return collection.triples[:, :2]
    return collection.part("train").relevant()
