"""A file of scores as teacher."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from annotated_types import Ge

from bench import teachers
from bench.errors import InputError
from bench.losses.signals import Signal
from bench.progress import say
from bench.storage.artifacts import BuildReport
from bench.storage.files import file_digest, save_array
from bench.teachers.base import SignalSource, Teacher
from bench.triples.pairs import decode_pairs

if TYPE_CHECKING:
    from bench.context import Context
    from bench.teachers._pairs import PairScores
    from bench.triples.stream import DrawPlan


@teachers.register("precomputed", version=1)
@dataclass(frozen=True)
class Precomputed(Teacher):
    """Scores from a file, published or computed elsewhere.

    Ids are those of the collection's train queries and of its documents. Scores keep the file's
    units. With ``format = "auto"`` the first line decides; any format may be gzipped:

    - ``margins``: one triple per line, separated by tabs: score of the positive, score of the
      negative, query id, positive id, negative id (as published with arXiv 2010.02666);
    - ``jsonl``: one query per line, ``{"qid": id, "scores": {id: score, …}}``, or the hard
      negatives of sentence-transformers with scores, ``{"qid": id, "pos": [{"pid": id,
      "ce-score": score}, …], "neg": {system: [{"pid": id, "ce-score": score}, …], …}}``; ids are
      text or whole numbers, and other keys are ignored (their later files hold no scores);
    - ``trec``: a run, separated by white space: query id, Q0, document id, rank, score, tag.

    Every pair that a run draws must have a score. This is checked before training (with a budget
    in seconds: when the pair is drawn). Lines with unknown ids are refused, or left out with
    ``unknown = "skip"`` (for example those of queries that became the dev part). A pair may occur
    several times: its first score counts, and scores that differ by more than ``tolerance`` are
    refused. Reading the file once is the only cost charged; computing the scores is not priced.
    """

    path: str
    format: Literal["auto", "margins", "jsonl", "trec"] = "auto"
    unknown: Literal["error", "skip"] = "error"
    tolerance: Annotated[float, Ge(0)] = 0.0

    def provides(self) -> frozenset[Signal]:
        return frozenset({Signal.SCORES})

    def prepare(self, needs: frozenset[Signal], plan: DrawPlan, context: Context) -> SignalSource:
        """Read the file, or open the artifact made of it.

        Raises:
            InputError: the file is malformed, or lacks pairs that the run draws.
        """
        digest = self.weights()
        queries, documents = plan.stream.queries, context.collection.documents
        format = teachers.detect(self.file) if self.format == "auto" else self.format
        skip = self.unknown == "skip"
        source = teachers.ScoreFile(self.file, format, queries, documents, skip, self.tolerance)

        def make(folder: Path) -> BuildReport:
            codes, scores, counts = source.read()
            if counts["foreign"]:
                say(f"{self.path}: {counts['foreign']:,} of {counts['lines']:,} lines left out")
            save_array(folder / "codes.npy", codes)
            save_array(folder / "scores.npy", scores)
            return BuildReport(about=counts)

        specification = {
            "file": digest,
            "format": format,
            "unknown": self.unknown,
            "tolerance": self.tolerance,
            "collection": context.collection.fingerprint,
            "queries": queries.fingerprint,
        }
        artifact = context.artifacts.get("precomputed-scores", specification, make)
        codes, scores = (
            np.load(artifact.folder / f"{name}.npy", mmap_mode="r") for name in ("codes", "scores")
        )
        pairs = teachers.PairScores(len(documents), codes, scores, (artifact,))
        if plan.examples is not None:
            self._check(pairs, plan, context)
        return pairs

    def _check(self, pairs: PairScores, plan: DrawPlan, context: Context) -> None:
        """Raise `InputError` if a pair that the run draws has no score."""
        drawn = teachers.drawn_pairs(plan, pairs.documents)
        places = np.searchsorted(pairs.codes, drawn).clip(max=len(pairs.codes) - 1)
        missing = drawn[pairs.codes[places] != drawn]
        if len(missing):
            query, document = map(int, decode_pairs(missing[0], pairs.documents))
            first = plan.stream.queries.ids[query].as_py()
            second = context.collection.documents.ids[document].as_py()
            raise InputError(
                f"precomputed: {self.path}: {len(missing):,} of the {len(drawn):,} pairs that the "
                f"run draws have no score (first: query {first!r}, document {second!r}); choose a "
                "sampler that draws from the scored pairs, or give a file that has these"
            )

    @property
    def file(self) -> Path:
        return Path(self.path).expanduser()

    def check(self) -> None:
        if not self.file.is_file():
            raise InputError(f"precomputed: {self.path}: there is no such file")

    def weights(self) -> str:
        """A digest of the file.

        Raises:
            InputError: there is no such file.
        """
        self.check()
        stat = self.file.stat()
        return _digest(self.file, stat.st_size, stat.st_mtime_ns)

    def unpriced(self) -> str:
        return f"computing the scores of {self.path}"


@lru_cache
def _digest(file: Path, size: int, modified: int) -> str:
    """A file's digest, cached because every run asks for it; size and time detect changes."""
    return file_digest(file)
