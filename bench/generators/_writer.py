"""Writes queries with an encoder–decoder, each query with its own random numbers."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from transformers import LogitsProcessorList
from transformers.modeling_outputs import BaseModelOutput

from bench.encoding.device import Device
from bench.encoding.models import load_tokenizer
from bench.encoding.tokens import pad
from bench.errors import InputError
from bench.generators._drawing import Draw
from bench.generators._loading import load_seq2seq

if TYPE_CHECKING:
    from bench.generators.seq2seq import Seq2Seq

Row = tuple[str, int, int]
"""A query, the tokens read for it, and the tokens written."""


@dataclass(frozen=True)
class Writer:
    """The model, its tokenizer, and the options of writing."""

    options: Seq2Seq
    device: Device

    @cached_property
    def model(self) -> Any:
        return self.device.place(load_seq2seq(self.options.model))

    @cached_property
    def tokenizer(self) -> Any:
        return load_tokenizer(self.options.model)

    @property
    def padding(self) -> int:
        return self.tokenizer.pad_token_id or 0

    @cached_property
    def hidden(self) -> int:
        """The id that replaces a masked token: the mask token's, or the unknown token's.

        Raises:
            InputError: the tokenizer has neither.
        """
        for token in (self.tokenizer.mask_token_id, self.tokenizer.unk_token_id):
            if token is not None:
                return token
        raise InputError(
            f"{self.options}: its tokenizer has no mask and no unknown token; mask=0.0"
        )

    @property
    def encoder(self) -> nn.Module:
        return self.model.get_encoder()

    @property
    def decoder(self) -> nn.Module:
        return self.model.get_decoder()

    @property
    def head(self) -> nn.Module:
        """The output layer; its products count as operations, even if it shares a table."""
        return self.model.get_output_embeddings()

    def write(self, texts: list[str], positions: np.ndarray) -> list[Row]:
        """``per_text`` consecutive queries for each text.

        Args:
            texts: to write from.
            positions: of the texts, from which their random numbers are derived.
        """
        options, copies = self.options, range(self.options.per_text)
        inputs = [options.prompt + text for text in texts]
        encoded = self.tokenizer(inputs, truncation=True, max_length=options.max_length)
        ids = [np.asarray(row, dtype=np.int64) for row in encoded["input_ids"] for _ in copies]
        seeds = [[options.seed, at, copy] for at in positions.tolist() for copy in copies]
        lengths = np.array([len(row) for row in ids])
        rows: list[Row] = [("", 0, 0)] * len(ids)
        for group in self.device.packing.groups(lengths, 0, sys.maxsize):
            randoms = [np.random.default_rng(seeds[at]) for at in group.texts]
            queries = self._group([ids[at] for at in group.texts], randoms)
            for at, row in zip(group.texts, queries, strict=True):
                rows[at] = row
        return rows

    @torch.inference_mode()
    def _group(self, rows: list[np.ndarray], randoms: list[np.random.Generator]) -> list[Row]:
        """One query for each row of token ids, in one pass."""
        length = self.options.query_length
        # Drawn before masks and noise, so that these do not change the numbers.
        numbers = np.stack([random.random(length, dtype=np.float32) for random in randoms])
        if varied := self.options.source == "queries":
            rows = [self._masked(row, random) for row, random in zip(rows, randoms, strict=True)]
        ids, mask = map(self.device.put, pad(rows, self.padding))
        draw = Draw(self.device.put(numbers), self.options.top_k, self.options.temperature)
        with self.device.autocast():
            states = self.encoder(input_ids=ids, attention_mask=mask).last_hidden_state
            if varied and self.options.noise:
                states = states + self._noise(states, rows, randoms)
            tokens = self.model.generate(
                encoder_outputs=BaseModelOutput(last_hidden_state=states),
                attention_mask=mask,
                logits_processor=LogitsProcessorList([draw]),
                max_new_tokens=length,
                do_sample=False,  # `draw` leaves one token to choose
                num_beams=1,
                pad_token_id=self.padding,
            )[:, 1:]
        counts = (tokens != self.padding).sum(1).tolist()
        texts = self.tokenizer.batch_decode(tokens, skip_special_tokens=True)
        return [
            (text, len(row), count) for text, row, count in zip(texts, rows, counts, strict=True)
        ]

    def _masked(self, ids: np.ndarray, random: np.random.Generator) -> np.ndarray:
        """The ids with random tokens replaced by the mask; special tokens are kept."""
        chosen = random.random(len(ids)) < self.options.mask
        chosen &= ~np.isin(ids, self.tokenizer.all_special_ids)
        return np.where(chosen, self.hidden, ids) if chosen.any() else ids

    def _noise(
        self, states: Tensor, rows: list[np.ndarray], randoms: list[np.random.Generator]
    ) -> Tensor:
        """Gaussian noise for the encoder's output [n, length, width]; 0 for padding."""
        noise = np.zeros(states.shape, dtype=np.float32)
        for at, (row, random) in enumerate(zip(rows, randoms, strict=True)):
            noise[at, : len(row)] = random.standard_normal((len(row), states.shape[2]), np.float32)
        return self.device.put(noise) * self.options.noise
