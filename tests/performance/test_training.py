"""Training speed as a ratio, in one run: ours against sentence-transformers' trainer.

Both train the same two-layer encoder on the same triples with the same loss (InfoNCE over the
batch), batch size and lengths, float32, on whatever device is there.
"""

import time

import numpy as np
import torch
from sentence_transformers import SentenceTransformer, models
from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss

from bench import losses, samplers, students
from bench.collections.open import open_collection
from bench.context import Context
from bench.encoding.device import choose
from bench.encoding.encoder import encode
from bench.encoding.models import locate
from bench.encoding.tokens import tokenize
from bench.optimization.optimizer import make_optimizer
from bench.storage.artifacts import Artifacts
from bench.teachers.none import NoSignals
from bench.training.batches import BatchMaker, Prefetcher, each
from bench.training.loop import embeddings

STEPS, BATCH, LENGTH, LAYERS = 8, 32, 64, 2


def setting(tmp_path):
    artifacts = Artifacts(tmp_path / "artifacts")
    collection = open_collection("pydocs(documents=1000)", artifacts)
    student = students.create("truncated", layers=LAYERS, max_length=LENGTH)
    parts = (collection.part("train").queries, collection.documents)
    queries, documents = (tokenize(texts, student.model, LENGTH, artifacts) for texts in parts)
    return artifacts, collection, student, queries, documents


def theirs(device: str) -> SentenceTransformer:
    transformer = models.Transformer(str(locate("all-MiniLM-L6-v2")), max_seq_length=LENGTH)
    stack = transformer.auto_model.encoder
    stack.layer = stack.layer[:LAYERS]
    pooling = models.Pooling(transformer.get_embedding_dimension())
    return SentenceTransformer(modules=[transformer, pooling], device=device)


def seconds(action) -> float:
    action()  # once for warm-up
    since = time.perf_counter()
    action()
    return time.perf_counter() - since


def test_training_is_not_slower_than_sentence_transformers(tmp_path):
    artifacts, collection, student, queries, documents = setting(tmp_path)
    device = choose("float32")
    context = Context(collection, artifacts, device)
    stream = samplers.create("uniform").prepare(context)
    loss = losses.create("infonce")
    towers = student.build(context).to(device.torch)
    optimizer = make_optimizer([towers], 0.01)
    maker = BatchMaker(stream, towers, queries, documents, NoSignals(), device, seed=1)

    def our_steps() -> None:
        ahead = Prefetcher(maker.make, BATCH, STEPS * BATCH)
        for batch in ahead.from_position(0):
            loss(embeddings(towers, batch, device), each(batch.signals, device.put)).backward()
            torch.nn.utils.clip_grad_norm_(towers.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad()
        ahead.close()
        device.synchronize()

    model = theirs(device.torch.type)
    their_loss = MultipleNegativesRankingLoss(model)
    their_optimizer = torch.optim.AdamW(model.parameters(), fused=True)

    def their_steps() -> None:
        """The inner loop of their trainer: collate (tokenize), forward, backward, step."""
        for start in range(0, STEPS * BATCH, BATCH):
            triples = stream.batch(1, start, start + BATCH)
            columns = [
                collection.part("train").queries.take(triples.queries),
                collection.documents.take(triples.positives),
                collection.documents.take(triples.negatives[:, 0]),
            ]
            features = [
                {
                    key: value.to(device.torch) if isinstance(value, torch.Tensor) else value
                    for key, value in model.tokenize(texts).items()
                }
                for texts in columns
            ]
            their_loss(features, None).backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            their_optimizer.step()
            their_optimizer.zero_grad()
        device.synchronize()

    pairs = [(seconds(our_steps), seconds(their_steps)) for _ in range(3)]
    ratios = sorted(theirs / ours for ours, theirs in pairs)
    print(f"\ntraining: {ratios[1]:.2f} × sentence-transformers' speed (pairs: {ratios})")
    assert ratios[1] > 0.95


def test_encoding_is_not_slower_than_sentence_transformers(tmp_path):
    artifacts, collection, student, _, documents = setting(tmp_path)
    device = choose("float32")
    encoder = student.encoder(Context(collection, artifacts, device)).to(device.torch)
    everything = np.arange(len(documents))
    texts = collection.documents.texts.to_pylist()
    model = theirs(device.torch.type)
    pairs = [
        (
            seconds(lambda: encode(encoder, documents, everything, device, "documents")),
            seconds(lambda: model.encode(texts, batch_size=64)),
        )
        for _ in range(3)
    ]
    ratios = sorted(theirs / ours for ours, theirs in pairs)
    print(f"\nencoding: {ratios[1]:.2f} × sentence-transformers' speed (pairs: {ratios})")
    assert ratios[1] > 0.95
