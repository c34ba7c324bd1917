"""Students as a study writes them, and their vectors: by hand, with transformers alone, and as they
give them."""

from copy import deepcopy

import numpy as np
import torch
from transformers import BertConfig, BertModel

from bench.encoding.encoder import encode
from bench.encoding.models import load_tokenizer
from bench.encoding.trained_rows import train_all
from bench.registry import format_entry
from bench.training.run import Run
from bench.training.state import weights


def write(name: str, **options) -> str:
    """An entry as a study writes it; options may be paths, or entries themselves."""
    plain = (bool, int, float)
    return format_entry(
        name,
        {key: value if isinstance(value, plain) else str(value) for key, value in options.items()},
    )


def fresh(context, path):
    """A context of the same collection that has prepared nothing yet."""
    from bench.context import Context
    from bench.storage.artifacts import Artifacts

    return Context(context.collection, Artifacts(path), context.device)


def build(student, context, seed: int = 0):
    """Its towers on the device, drawn by a seed."""
    torch.manual_seed(seed)
    return context.device.place(student.build(context)).eval()


def by_hand(transformer, model, texts, length=32, pooling="mean", unit=True) -> np.ndarray:
    """[n, d]: each text by itself through transformers' own model."""
    tokenizer, rows = load_tokenizer(str(model)), []
    transformer.eval()
    for text in texts:
        inputs = tokenizer([text], truncation=True, max_length=length, return_tensors="pt")
        with torch.inference_mode():
            states = transformer(**inputs).last_hidden_state[0]
        row = {"mean": states.mean(0), "cls": states[0], "max": states.amax(0)}[pooling]
        rows.append(row / row.norm() if unit else row)
    return torch.stack(rows).numpy()


def vectors(student, towers, context) -> tuple[np.ndarray, np.ndarray]:
    """What it makes of every train query and of every document."""
    queries, documents = context.collection.part("train").queries, context.collection.documents
    tokens = student.query_config.tokens(queries, context.artifacts)
    every = np.arange(len(documents))
    asked = encode(towers.query_encoder, tokens, np.arange(len(queries)), context.device, "queries")
    if towers.stored:
        return asked.numpy(), towers.stored.at(every)
    tokens = student.document_config.tokens(documents, context.artifacts)
    found = encode(towers.of_documents(), tokens, every, context.device, "documents")
    return asked.numpy(), found.numpy()


class Watched(Run):
    """Keeps the weights of the last step, whichever point is the best."""

    def _finish(self):
        towers = deepcopy(self.setup.towers)
        for encoder in towers.encoders:
            train_all(encoder)
        self.last = weights(towers)
        super()._finish()


def bert(width=32, layers=2, vocabulary=200, inner=0, seed=0) -> BertModel:
    """A small BERT with random weights, its embeddings far from round."""
    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=vocabulary,
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=2,
        intermediate_size=inner or 4 * width,
        max_position_embeddings=16,
    )
    model = BertModel(config, add_pooling_layer=False)
    with torch.no_grad():
        spread = torch.linspace(0.2, 3, width)
        model.embeddings.word_embeddings.weight.mul_(spread).add_(0.01)
    return model
