"""Supervised fine-tuning on conversations, judged by what the model answers."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np
import torch
from torchmetrics import SumMetric

from lmlab.batch import Batch, Loss, Seq2SeqBatch, mix
from lmlab.metric.text_match import METRICS
from lmlab.rollout.pick import Sampling
from lmlab.rollout.sample import sample
from lmlab.stage.guard import Guard
from lmlab.stage.held_out import means_of, parted, table
from lmlab.stage.plan import Plan
from lmlab.stage.training import Training, head_of

SHOWN = 12  # answers that are kept to be read


class SupervisedFineTuning(Training):
    """Instruction tuning: imitate the answers of conversations (rows S0-15, S0-19, S1-31).

    Validation: the loss on held-out conversations, and for `num_generated` of them the greedy answer
    against the accepted ones: exact match, token F1, ROUGE-L and whether it is right, over all, over
    trained and held-out tasks and held-out categories apart, and as tables by task and by category.
    """

    accepts: ClassVar[dict[str, tuple[str, ...]]] = {
        "arch": ("decoder", "encoder_decoder"),
        "objective": ("response",),
        "data": ("conversations",),
    }

    def __init__(
        self,
        *,
        arch: Any,
        objective: Any,
        optim: Any,
        plan: Plan,
        guard: Guard,
        tokenizer: Any,
        data: Any,
        num_validations: int,
        num_generated: int,
        max_new_tokens: int,
        log_every_steps: int,
    ) -> None:
        super().__init__(
            arch=arch,
            optim=optim,
            plan=plan,
            guard=guard,
            num_validations=num_validations,
            log_every_steps=log_every_steps,
        )
        if num_generated < 0 or max_new_tokens < 1:
            raise ValueError(
                f"stage.num_generated={num_generated} must be 0 or more and "
                f"stage.max_new_tokens={max_new_tokens} 1 or more"
            )
        self.objective, self.tokenizer, self.data = objective, tokenizer, data
        self.num_generated, self.max_new_tokens = num_generated, max_new_tokens
        self.tables: dict[str, list[dict[str, Any]]] = {}
        self.val_nats, self.val_tokens = (
            SumMetric(nan_strategy="ignore").set_dtype(torch.float64) for _ in range(2)
        )

    def score(self, batch: Batch) -> Loss:
        """The objective's loss of the architecture on one micro-batch."""
        hidden = self.arch(*batch.inputs)  # type: ignore[attr-defined]
        return self.objective.loss(hidden, head_of(self.arch), batch)

    def step_tokens(self, batch: Any) -> int:
        """Real tokens of this share, times the number of shares."""
        if isinstance(batch, Seq2SeqBatch):
            real = batch.source_mask.sum() + batch.mask.sum()
        else:
            real = (batch.documents >= 0).sum()
        return int(real) * self.data.world_size

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        for micro, counts in self.validation_parts(batch):
            loss = self.score(micro)
            if not counts:
                continue
            self.val_nats.update(loss.metrics["nll"].double())
            self.val_tokens.update(loss.count.double())

    def on_validation_epoch_end(self) -> None:
        nats = float(self.val_nats.compute()) / max(1.0, float(self.val_tokens.compute()))
        self.val_nats.reset()
        self.val_tokens.reset()
        metrics = {"val/loss_nats": nats, "val/perplexity": math.exp(min(nats, 700.0))}
        if self.num_generated and self._speaks:
            metrics |= self.judge()
        self.validated(metrics)

    def judge(self) -> dict[str, float]:
        """Answer held-out prompts, spread evenly over the validation examples, and score the answers."""
        examples, skipped = self._askable()
        if not examples:
            return {"val/generated": 0.0}
        texts = self.answers([each.prompt for each in examples])
        rows = []
        for each, text in zip(examples, texts, strict=True):
            about = each.conversation
            scores = {name: f(text, about.accepted) for name, f in METRICS.items()}
            scores["correct"] = float(about.check(text))
            rows.append((about, text, scores))
        self.samples = [self._shown(*row) for row in rows[:SHOWN]]
        metrics = {f"val/{name}": value for name, value in means_of(rows).items()}
        metrics["val/generated"] = float(len(rows))
        if skipped:
            metrics["val/too_long_to_generate"] = float(skipped)
        held_out = self.data.held_out_tasks
        for name, part in parted(rows, held_out).items():
            metrics |= {f"val/{name}_{score}": v for score, v in means_of(part).items()}
        self.tables = {f"by_{name}": table(rows, name, held_out) for name in ("task", "category")}
        self.tables = {name: found for name, found in self.tables.items() if found}
        by_category = self.tables.get("by_category", [])
        if 1 < len(by_category) <= 12:
            for row in by_category:
                metrics[f"val/exact_match/{row['category']}"] = row["exact_match"]
        return metrics

    def _askable(self) -> tuple[list[Any], int]:
        """Validation examples whose answer has room, and how many of those chosen have not."""
        total = len(self.data.val_examples)
        chosen = np.linspace(0, total - 1, min(self.num_generated, total)).astype(int)
        examples = [self.data.val_examples[int(index)] for index in np.unique(chosen)]
        room = self.arch.max_seq_len
        if self.arch.kind == "decoder":
            room -= self.max_new_tokens
        fitting = [each for each in examples if len(each.prompt) < room]
        return fitting, len(examples) - len(fitting)

    def answers(self, prompts: list[np.ndarray]) -> list[str]:
        """The likeliest continuation of each prompt, up to its end mark, as text."""
        sampling = Sampling(
            max_new_tokens=self.max_new_tokens,
            temperature=0.0,
            top_k=None,
            top_p=None,
            repetition_penalty=1.0,
        )
        stop = tuple(self.data.stop_ids)
        pad = self.tokenizer.vocab.pad
        texts = []
        for start in range(0, len(prompts), 32):
            part = prompts[start : start + 32]
            rollout = sample(
                self.arch,
                [torch.as_tensor(prompt, device=self.device) for prompt in part],
                sampling=sampling,
                seeds=mix(np.arange(len(part), dtype=np.uint64)),
                num_samples=1,
                stop=stop,
                pad=pad,
                source_end=self.tokenizer.vocab.eos,
                prefix_attention=self.data.prefix_attention,
            )
            for tokens in rollout.responses():
                ids = [token for token in tokens.tolist() if token not in stop]
                texts.append(self.tokenizer.decode(ids).strip())
        return texts

    def _shown(self, about: Any, text: str, scores: dict[str, float]) -> dict[str, str]:
        return {
            "prompt": about.prompt[-1].text,
            "continuation": text,
            "wanted": about.accepted[0],
            "correct": str(bool(scores["correct"])),
            "task": about.task,
        }
