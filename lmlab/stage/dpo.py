"""Direct preference optimisation: a policy from comparisons, without a reward model or sampling."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from lmlab.batch import Loss, RankedBatch, mix
from lmlab.rollout.kl import kl_estimate
from lmlab.rollout.rollout import sees_prompt
from lmlab.rollout.sample import sample
from lmlab.rollout.teacher_forced import head_of, teacher_forced
from lmlab.rollout.token_scores import token_scores
from lmlab.stage.answer_table import SHOWN, plain_sampling
from lmlab.stage.guard import Guard
from lmlab.stage.plan import Plan
from lmlab.stage.reference import Reference, adapt, make_reference
from lmlab.stage.updates import Term, Updates


class DirectPreference(Updates):
    """The log-ratio of policy to reference is made a reward that ranks answers as labellers did.

    Every answer goes through each model once; all pairs of a prompt's K answers count alike.
    reference: a run, or None for the start weights, kept in checkpoints. Validation: loss, accuracy
    and margin on held-out comparisons, and answers drawn to `num_generated` of their prompts.
    Source: arXiv 2305.18290.
    """

    accepts: ClassVar[dict[str, tuple[str, ...]]] = {
        "arch": ("decoder",),
        "objective": ("direct_preference",),
        "data": ("comparisons",),
    }
    headline: ClassVar[str] = "policy/accuracy"
    from_random: ClassVar[str] = "init_from=RUN of stage=sft starts from one that answers"

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
        open_run: Any,
        add_lora: Any,
        without_lora: Any,
        reference: str | None,
        lora_rank: int | None,
        lora_alpha: float | None,
        lora_targets: list[str] | None,
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
        if num_generated < 0:
            raise ValueError(f"stage.num_generated={num_generated} must be 0 or more")
        self.objective, self.data, self.tokenizer = objective, data, tokenizer
        self.num_generated, self.sampling = num_generated, plain_sampling(max_new_tokens, 1.0)
        self.pad = tokenizer.vocab.eos if tokenizer.vocab.pad is None else tokenizer.vocab.pad
        adapted = adapt(arch, lora_rank, lora_alpha, lora_targets, add_lora)
        self.reference: Reference | None = None
        if not objective.reference_free:
            self.reference = make_reference(
                reference, arch, tokenizer, open_run, without_lora, adapted
            )
        elif reference is not None:
            raise ValueError(
                f"stage.reference={reference} has no effect with objective.reference_free=true, which "
                "runs no reference; set stage.reference=null or objective.reference_free=false"
            )
        self._val_sums: dict[str, float] = {}

    # ---- training

    def phase(self, batch: RankedBatch) -> list[list[Term]]:
        self.arch.eval()
        self.num_tokens += int(self._sum_over_ranks(batch.lengths.sum()))
        pairs = torch.tensor(len(pairs_of(batch)[0]), device=self.device)
        self.add("policy/response_tokens", batch.mask.sum(), (batch.lengths > 0).sum())
        term = Term(batch, self.score, pairs, 1.0, self.plan.micro_sequences, count_pairs)
        return [[term]]

    def score(self, batch: RankedBatch) -> Loss:
        """The objective's loss on the pairs of a micro-batch."""
        policy = summed(self.arch, batch)
        row, better, worse = pairs_of(batch)
        ours = policy[row, better], policy[row, worse]
        if self.reference is None:
            return self.objective.loss(*ours)
        with torch.no_grad(), self.reference.of(self.arch) as model:
            reference = summed(model, batch)
        return self.objective.loss(*ours, reference[row, better], reference[row, worse])

    # ---- validation

    def validation_step(self, batch: RankedBatch, batch_idx: int) -> None:
        for micro in batch.split(self.plan.micro_sequences):
            loss = self.score(micro)
            found = loss.metrics | {"loss_nats": loss.total, "count": loss.count}
            for name, value in found.items():
                self._val_sums[name] = self._val_sums.get(name, 0.0) + float(value)

    def on_validation_epoch_end(self) -> None:
        names = sorted(self._val_sums)
        page = torch.tensor([self._val_sums[name] for name in names], device=self.device)
        sums = dict(zip(names, self._sum_over_ranks(page).tolist(), strict=True))
        count, self._val_sums = max(1.0, sums.pop("count", 0.0)), {}
        metrics = {f"val/{name}": value / count for name, value in sums.items()}
        if self.num_generated and self._speaks:
            metrics |= self.answer()
        self.validated(metrics)

    @torch.no_grad()
    def answer(self) -> dict[str, float]:
        """Answers drawn to held-out prompts; their length, entropy and KL to the reference."""
        examples = list(self.data.val_examples)
        chosen = np.unique(np.linspace(0, len(examples) - 1, self.num_generated).astype(int))
        room = self.arch.max_seq_len - self.sampling.max_new_tokens
        fitting = [each for index in chosen if (each := examples[index]).prompt_length <= room]
        if not fitting:
            return {"val/generated": 0.0}
        ends = {self.tokenizer.vocab.eos, *(int(each.tokens[0][-1]) for each in fitting)}
        rollout = sample(
            self.arch,
            [torch.as_tensor(e.tokens[0][: e.prompt_length], device=self.device) for e in fitting],
            sampling=self.sampling,
            seeds=mix(np.arange(len(fitting), dtype=np.uint64)),
            num_samples=1,
            stop=tuple(sorted(ends)),
            pad=self.pad,
        )
        inputs = (rollout.prompt, rollout.prompt_mask, rollout.response, rollout.mask)
        more = {"pad": self.pad, "micro_rows": self.plan.micro_sequences}
        own: Any = teacher_forced(self.arch, *inputs, **more)
        tokens = rollout.mask.sum()
        self.samples = self._shown(fitting, rollout.responses(), ends)
        found = {
            "val/generated": float(len(fitting)),
            "val/response_tokens": float(tokens / len(fitting)),
            "val/unfinished_fraction": float((~rollout.finished).float().mean()),
            "val/entropy_nats": float(own.entropy.sum() / tokens),
        }
        if self.reference is None:
            return found
        with self.reference.of(self.arch) as model:
            log_ratio = own.log_probs - teacher_forced(model, *inputs, **more).log_probs
        return found | {
            "val/kl_nats": float(log_ratio.sum() / len(fitting)),
            "val/kl_token_nats": float(kl_estimate(log_ratio, "k3").sum() / tokens),
        }

    def _shown(
        self, examples: list[Any], responses: list[Tensor], ends: set[int]
    ) -> list[dict[str, str]]:
        return [
            {
                "prompt": each.comparison.prompt[-1].text,
                "continuation": self.tokenizer.decode([t for t in row.tolist() if t not in ends]),
                "chosen": each.comparison.responses[0],
            }
            for each, row in list(zip(examples, responses, strict=True))[:SHOWN]
        ]


def pairs_of(batch: RankedBatch) -> tuple[Tensor, Tensor, Tensor]:
    """Rows and columns (P,) of all pairs: of one prompt, the first ranked better than the second."""
    real = batch.lengths > 0
    better = batch.ranks[:, :, None] < batch.ranks[:, None, :]
    row, first, second = (better & real[:, :, None] & real[:, None, :]).nonzero(as_tuple=True)
    return row, first, second


def count_pairs(batch: RankedBatch) -> Tensor:
    """How many pairs a batch has, a scalar."""
    return torch.tensor(len(pairs_of(batch)[0]))


def summed(arch: Any, batch: RankedBatch) -> Tensor:
    """Log-probability (B, K) of every completion in nats, its end mark included; 0 where none is."""
    row, column = (batch.lengths > 0).nonzero(as_tuple=True)
    tokens, mask = batch.tokens[row, column], batch.mask[row, column][:, 1:]
    before = batch.mask[row, column].cumsum(dim=1) == 0
    inputs = (tokens, None, None, before) if sees_prompt(arch) else (tokens,)
    hidden = arch(*inputs)[:, :-1][mask]
    log_probs, _ = token_scores(hidden, head_of(arch), tokens[:, 1:][mask])
    owner = mask.nonzero(as_tuple=True)[0]
    sums = torch.zeros(len(tokens), device=log_probs.device).index_add(0, owner, log_probs)
    page = torch.zeros(batch.lengths.shape, device=sums.device)
    return page.index_put((row, column), sums)
