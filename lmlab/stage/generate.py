"""Answers to prompts, to be read or used elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

import numpy as np
import torch

from lmlab.batch import PromptBatch
from lmlab.rollout.answering import validation_seeds
from lmlab.rollout.rollout import pad_left
from lmlab.stage.answer_table import SHOWN
from lmlab.stage.asking import Asking


class Generate(Asking):
    """Answers `prompts`, or held-out prompts of the data; answers.jsonl in the run's folder has all.

    raw: prompts are continued as they are, as a model without instruction tuning reads them; else
    each is a user's turn. num_training_prompts: of the data, answered after the held-out ones.
    Trains nothing.
    """

    def __init__(
        self, *, prompts: list[str], raw: bool, num_training_prompts: int, **asking: Any
    ) -> None:
        super().__init__(**asking)
        if num_training_prompts < 0:
            raise ValueError(f"stage.num_training_prompts={num_training_prompts} must be 0 or more")
        empty = [index for index, text in enumerate(prompts) if not text]
        if empty:
            raise ValueError(f"stage.prompts[{empty[0]}] is empty; give it a text or leave it out")
        self.prompts, self.raw = prompts, raw
        self.num_training_prompts = num_training_prompts
        self.rows: list[dict[str, Any]] = []

    def perform(self, device: torch.device) -> None:
        """Answer everything; sets `rows`, `samples` and `latest`."""
        if self.prompts:
            self._own(device)
        else:
            self._of_data(device)
        tokens = [row["tokens"] for row in self.rows]
        self.latest |= {
            "generate/answers": float(len(self.rows)),
            "generate/response_tokens": float(np.mean(tokens)),
            "generate/unfinished_fraction": float(np.mean([r["unfinished"] for r in self.rows])),
        }
        self.samples = [
            {"prompt": row["prompt"], "continuation": row["answer"]}
            for row in self.rows[:: self.num_samples][:SHOWN]
        ]

    def _own(self, device: torch.device) -> None:
        ids = self.data.asked(self.prompts)
        if self.raw:
            start = np.array([self.tokenizer.vocab.eos], np.int64)
            found = self.tokenizer.encode_batch(self.prompts)
            ids = [np.concatenate((start, row.astype(np.int64))) for row in found]
        for begin in range(0, len(ids), self.prompts_at_once):
            part = [torch.from_numpy(row) for row in ids[begin : begin + self.prompts_at_once]]
            tokens, mask = pad_left([row.flip(0) for row in part], self.answering.pad)
            numbers = torch.arange(begin, begin + len(part))
            batch = PromptBatch(tokens.flip(1), mask.sum(dim=1), numbers)
            rollout = self._draw(batch.map(lambda tensor: tensor.to(device)))
            texts = [self.answering.text(row.tolist()) for row in rollout.responses()]
            prompts = [self.prompts[begin + each] for each in rollout.group.tolist()]
            self._keep(prompts, texts, rollout)

    def _of_data(self, device: torch.device) -> None:
        golds: list[float] = []
        for part in chain(self.held_out(device), self._training(device)):
            numbers = [n for n in part.index.tolist() for _ in range(self.num_samples)]
            answers = self.answering.read(self._draw(part), numbers)
            more = {"accepted": answers.accepted, "number": numbers}
            self._keep(answers.prompts, answers.texts, answers.rollout, more)
            if part.index[0] < 0:
                golds += self.answering.gold(answers) or []
        if golds:
            self.latest["generate/gold_reward"] = float(np.mean(golds))

    def _training(self, device: torch.device) -> Iterator[PromptBatch]:
        batch = self.data.training(self.num_training_prompts) if self.num_training_prompts else None
        for part in batch.split(self.prompts_at_once) if batch is not None else ():
            yield part.map(lambda tensor: tensor.to(device))

    def _draw(self, batch: PromptBatch) -> Any:
        seeds = validation_seeds(self.data.seed, batch.index.cpu().numpy())
        return self.answering.rollout(self.arch, batch, self.sampling, seeds, self.num_samples)

    def _keep(
        self,
        prompts: list[str],
        texts: list[str],
        rollout: Any,
        more: Mapping[str, list[Any]] | None = None,
    ) -> None:
        lengths, finished = rollout.mask.sum(dim=1).tolist(), rollout.finished.tolist()
        for row, (prompt, text) in enumerate(zip(prompts, texts, strict=True)):
            found = {"prompt": prompt, "answer": text, "tokens": lengths[row]}
            found["unfinished"] = not finished[row]
            self.rows.append(found | {name: values[row] for name, values in (more or {}).items()})
