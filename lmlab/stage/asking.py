"""What the stages share that draw answers to prompts and train nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import torch

from lmlab.batch import PromptBatch
from lmlab.rollout.answering import Answering
from lmlab.rollout.pick import Sampling
from lmlab.stage.answer_table import check_counts


class Asking:
    """Answers the first `num_prompts` held-out prompts, each `num_samples` times.

    prompts_at_once: how many are answered together. A subclass writes `perform`, which sets `latest`,
    `samples` and what else the stage keeps. Raises: ValueError for a count below 1.
    """

    trains: ClassVar[bool] = False
    reads_as_trained: ClassVar[bool] = True  # prompts, with the mask that init_from learned them
    from_random: ClassVar[str] = "init_from=RUN answers with trained ones"
    specials: ClassVar[str] = "marks"
    accepts: ClassVar[dict[str, tuple[str, ...]]] = {
        "arch": ("decoder", "encoder_decoder"),
        "data": ("prompts",),
    }
    num_validations = 0

    def __init__(
        self,
        *,
        arch: Any,
        tokenizer: Any,
        data: Any,
        num_prompts: int,
        num_samples: int,
        prompts_at_once: int,
        sampling: Sampling,
    ) -> None:
        check_counts(
            num_prompts=num_prompts, num_samples=num_samples, prompts_at_once=prompts_at_once
        )
        self.arch, self.data, self.tokenizer = arch, data, tokenizer
        self.answering, self.sampling = Answering(data, tokenizer), sampling
        self.num_prompts, self.num_samples = num_prompts, num_samples
        self.prompts_at_once = prompts_at_once
        self.step = 0
        self.latest: dict[str, float] = {}
        self.samples: list[dict[str, str]] = []

    def held_out(self, device: torch.device) -> Iterator[PromptBatch]:
        """The prompts, at most `prompts_at_once` in a batch, on the device."""
        left = self.num_prompts
        for batch in self.data.validation_batches():
            for part in batch.split(self.prompts_at_once):
                part = part.map(lambda tensor, most=left: tensor[:most].to(device))
                left -= len(part.index)
                yield part
                if not left:
                    return
