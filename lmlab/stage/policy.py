"""What policy stages share: answers are drawn, rewarded, and learned from in one or more updates."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from lmlab.batch import PromptBatch
from lmlab.metric.win_rate import paired_difference
from lmlab.rollout.answering import Answering, Answers, rollout_seeds, validation_seeds
from lmlab.rollout.kl import kl_estimate
from lmlab.rollout.model_reward import judged, models_in
from lmlab.rollout.teacher_forced import teacher_forced
from lmlab.stage.answer_table import check_counts, plain_sampling, shown
from lmlab.stage.experience import Experience, minibatches
from lmlab.stage.guard import Guard
from lmlab.stage.plan import Plan
from lmlab.stage.reference import adapt, make_reference
from lmlab.stage.updates import Term, Updates


class Policy(Updates):
    """Draws `num_samples` answers to each prompt and learns from them in epochs x minibatches.

    A subclass writes `experience` and `score`. Draws come from seeds that are a function of (seed,
    step, prompt). Dropout is off: the ratio of new to old would not begin at 1.
    reward: scores answers; reference: a run, or None for the start weights, kept in checkpoints.
    """

    specials: ClassVar[str] = "marks"
    from_random: ClassVar[str] = "init_from=RUN of stage=sft starts from one that answers"
    measured: ClassVar[tuple[str, ...]] = ("entropy_nats", "kl_nats")
    epochs: int = 1
    minibatches: int = 1

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
        reward: Any,
        open_run: Any,
        add_lora: Any,
        without_lora: Any,
        num_samples: int,
        max_new_tokens: int,
        temperature: float,
        micro_responses: int,
        reference: str | None,
        lora_rank: int | None,
        lora_alpha: float | None,
        lora_targets: list[str] | None,
        missing_end_penalty: float,
        length_penalty: float,
        num_validations: int,
        validation_prompts: int,
        validation_temperature: float,
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
        check_counts(
            num_samples=num_samples,
            epochs=self.epochs,
            minibatches=self.minibatches,
            micro_responses=micro_responses,
            validation_prompts=validation_prompts,
        )
        data.check_trainable()
        if not temperature > 0:
            raise ValueError(
                f"stage.temperature={temperature} must be above 0, to learn from draws"
            )
        self.objective, self.data, self.reward = objective, data, reward
        self.tokenizer, self.answering = tokenizer, Answering(data, tokenizer)
        self.num_samples, self.micro_responses = num_samples, micro_responses
        self.validation_prompts = validation_prompts
        self.sampling = plain_sampling(max_new_tokens, temperature)
        self.validation_sampling = plain_sampling(
            max_new_tokens, validation_temperature, "stage.validation_temperature"
        )
        self.missing_end_penalty, self.length_penalty = missing_end_penalty, length_penalty
        self._validated: list[tuple[Answers, Tensor]] = []
        self._golds: list[tuple[list[float] | None, list[float] | None]] = []
        self._at_reference: dict[tuple[int, ...], list[float] | None] = {}
        adapted = adapt(arch, lora_rank, lora_alpha, lora_targets, add_lora)
        self.reference = None
        if self.needs_reference:
            self.reference = make_reference(
                reference, arch, tokenizer, open_run, without_lora, adapted
            )
        self._check_lengths()

    # ---- models

    @property
    def needs_reference(self) -> bool:
        """Whether the distance to the reference is part of the loss, or is measured."""
        return True

    def models(self) -> dict[str, Any]:
        """The architectures that read prompts and answers, by what chooses them."""
        found = {"arch": self.arch}
        if self.reference is not None and self.reference.model is not None:
            found["stage.reference"] = self.reference.model
        return found | {f"reward.run={m.run}": m.arch for m in models_in(self.reward)}

    def _check_lengths(self) -> None:
        """Raises: ValueError where the longest prompt and answer do not fit into every model."""
        prompt, answer = self.data.limit, self.sampling.max_new_tokens
        for name, model in self.models().items():
            two = model.kind == "encoder_decoder"
            needed = max(prompt, answer) + 1 if two else prompt + answer
            if needed > model.max_seq_len:
                raise ValueError(
                    f"stage.max_new_tokens={answer} and prompts of up to {prompt} tokens "
                    f"(data.max_prompt_tokens) do not fit {name}, which takes {model.max_seq_len}; "
                    "lower one of them"
                )

    def scores(self, arch: Any, batch: Any, *, grad: bool = False, **more: Any) -> Any:
        """`Scores` of responses, at the temperature they are drawn at; what was asked for is there."""
        with nullcontext() if grad else torch.no_grad():
            return teacher_forced(
                arch,
                batch.prompt,
                batch.prompt_mask,
                batch.response,
                batch.mask,
                pad=self.answering.pad,
                source_end=self.answering.vocab.eos,
                temperature=self.sampling.temperature,
                micro_rows=None if grad else self.micro_responses,
                **more,
            )

    def reference_scores(self, batch: Any) -> Tensor:
        """Log-probabilities (R, T) of responses by the reference."""
        assert self.reference is not None
        with self.reference.of(self.arch) as model:
            found = self.scores(model, batch).log_probs
        assert found is not None
        return found

    # ---- a phase

    def phase(self, batch: PromptBatch) -> list[list[Term]]:
        self.arch.eval()
        answers = self.answering.draw(
            self.arch, batch, self.sampling, self._seeds(batch), self.num_samples
        )
        experience = self.experience(answers, self.rewarded(answers))
        tokens = answers.rollout.mask.sum() + answers.rollout.prompt_mask.sum()
        self.num_tokens += self.epochs * int(self._sum_over_ranks(tokens))
        return self.updates(experience)

    def _seeds(self, batch: PromptBatch) -> Any:
        first = self.trainer.global_rank * len(batch.index)
        numbers = batch.index.cpu().numpy()
        return rollout_seeds(self.data.seed, self.trainer.global_step, first, numbers)

    @property
    def is_on_policy(self) -> bool:
        """Whether a phase is one update, before which the policy is the one that answered."""
        return self.epochs * self.minibatches == 1

    def rewarded(self, answers: Answers) -> Tensor:
        """Rewards (R,) with the penalties taken off; keeps the figures of the phase."""
        rollout = answers.rollout
        found = judged(self.reward, answers, self.micro_responses)
        lengths, unfinished = rollout.mask.sum(dim=1).float(), (~rollout.finished).float()
        gold = self.answering.gold(answers)
        self.add("policy/reward", found)
        self.add("policy/reward_square", found.double().square())
        if gold is not None:
            self.add("policy/gold_reward", torch.tensor(gold))
        self.add("policy/response_tokens", lengths)
        self.add("policy/unfinished_fraction", unfinished)
        if self.trainer.is_global_zero and self.is_due(self.trainer.global_step + 1):
            self.samples = shown(answers, found, gold)
        return found - self.missing_end_penalty * unfinished - self.length_penalty * lengths

    @abstractmethod
    def experience(self, answers: Answers, rewards: Tensor) -> Experience:
        """What is learned from answers with their rewards (R,). A subclass writes it."""

    def updates(self, experience: Experience) -> list[list[Term]]:
        """The updates of a phase: epochs x minibatches of the policy's loss."""
        step = self.trainer.global_step
        return [
            [self.term(part, self.score)]
            for epoch in range(self.epochs)
            for part in minibatches(experience, self.minibatches, self.data.seed, step, epoch)
        ]

    def term(self, part: Experience, score: Callable[[Any], Any]) -> Term:
        """A term of answers, counted by the objective's rule."""
        count = self.objective.count(part.learned)
        return Term(part, score, count, 1.0, self.micro_responses)

    def measure(self, log_probs: Tensor, entropy: Tensor, batch: Any) -> None:
        """Entropy a token and KL to the reference, of the policy that drew the answers."""
        self.add("policy/entropy_nats", entropy, batch.mask.sum())
        if batch.reference is not None:
            log_ratio = (log_probs.detach() - batch.reference) * batch.mask
            self.add("policy/kl_nats", log_ratio.sum(dim=1))
            self.add("policy/kl_token_nats", kl_estimate(log_ratio, "k3"), batch.mask.sum())

    def figures(self) -> dict[str, float]:
        found = super().figures()
        square = found.pop("policy/reward_square", 0.0)
        found["policy/reward_std"] = max(0.0, square - found["policy/reward"] ** 2) ** 0.5
        return found

    # ---- validation

    def validation_step(self, batch: PromptBatch, batch_idx: int) -> None:
        left = -(-self.validation_prompts // self.trainer.world_size) - sum(
            len(answers.texts) for answers, _ in self._validated
        )
        if left <= 0:
            return
        batch = batch.map(lambda tensor: tensor[:left])
        seeds = validation_seeds(self.data.seed, batch.index.cpu().numpy())
        answers = self.answering.draw(self.arch, batch, self.validation_sampling, seeds, 1)
        self._validated.append((answers, judged(self.reward, answers, self.micro_responses)))
        key = tuple(batch.index.tolist())
        if self.reference is not None and key not in self._at_reference:
            with self.reference.of(self.arch) as model:
                before = self.answering.draw(model, batch, self.validation_sampling, seeds, 1)
            self._at_reference[key] = self.answering.gold(before)
        self._golds.append((self.answering.gold(answers), self._at_reference.get(key)))

    def on_validation_epoch_end(self) -> None:
        self._sums = {}
        for answers, rewards in self._validated:
            self.add("val/reward", rewards)
            gold = self.answering.gold(answers)
            if gold is not None:
                self.add("val/gold_reward", torch.tensor(gold))
            self.add("val/response_tokens", answers.rollout.mask.sum(dim=1))
            self.add("val/unfinished_fraction", (~answers.rollout.finished).float())
        if self._validated:
            answers, rewards = self._validated[0]
            self.samples = shown(answers, rewards, self.answering.gold(answers))
        gain = self._gain()
        self._validated, self._golds = [], []
        self.validated(Updates.figures(self) | gain)

    def _gain(self) -> dict[str, float]:
        """Gold reward of the policy less that of the reference on the same prompts, with 95 %."""
        pairs = [(ours, theirs) for ours, theirs in self._golds if ours and theirs]
        if not pairs:
            return {}
        ours, theirs = (np.concatenate([pair[side] for pair in pairs]) for side in (0, 1))
        found = paired_difference(ours, theirs)
        return {
            "val/gold_gain": found.value,
            "val/gold_gain_low": found.low,
            "val/gold_gain_high": found.high,
        }
