"""GRPO: several answers a prompt, each measured against the others of its group; no value model."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import Tensor

from lmlab.batch import Loss
from lmlab.rollout.advantage import group_advantage, group_std, no_signal
from lmlab.rollout.answering import Answers
from lmlab.stage.experience import Experience
from lmlab.stage.policy import Policy


class GRPO(Policy):
    """Group-relative policy optimisation; DAPO and Dr. GRPO by the objective (row S4-49).

    Source: arXiv 2402.03300. drop_no_signal: answers of a group with one reward only are left out of
    the mean (DAPO 2503.14476 section 3.2; no others are drawn for them). drop_unfinished: so are
    answers that were cut (DAPO section 3.4). track_kl: measure the KL where the loss has none.
    """

    accepts: ClassVar[dict[str, tuple[str, ...]]] = {
        "arch": ("decoder", "encoder_decoder"),
        "objective": ("group_relative",),
        "data": ("prompts",),
    }

    def __init__(
        self,
        *,
        epochs: int,
        minibatches: int,
        drop_no_signal: bool,
        drop_unfinished: bool,
        track_kl: bool,
        **shared: Any,
    ) -> None:
        self.epochs, self.minibatches = epochs, minibatches
        self.weighs_kl = shared["objective"].kl_weight > 0
        self.track_kl = track_kl
        if shared["reference"] is not None and not self.needs_reference:
            raise ValueError(
                f"stage.reference={shared['reference']} has no effect with objective.kl_weight=0 and "
                "stage.track_kl=false; set stage.track_kl=true, which measures the KL to it, or "
                "stage.reference=null"
            )
        super().__init__(**shared)
        if self.num_samples < 2:
            raise ValueError(
                f"stage.num_samples={self.num_samples}: a group needs 2 answers or more to compare"
            )
        self.drop_no_signal, self.drop_unfinished = drop_no_signal, drop_unfinished

    @property
    def needs_reference(self) -> bool:
        return self.weighs_kl or self.track_kl

    def experience(self, answers: Answers, rewards: Tensor) -> Experience:
        rollout = answers.rollout
        advantages = group_advantage(
            rewards, rollout.group, divide_by_std=self.objective.divide_by_std
        )
        without = no_signal(rewards, rollout.group)
        self.add("policy/no_signal_fraction", without.float())
        self.add("policy/group_reward_std", group_std(rewards, rollout.group))
        left_out = without & self.drop_no_signal | ~rollout.finished & self.drop_unfinished
        reference = old = None
        measured = self.track_kl and self.is_due(self.trainer.global_step + 1)
        if self.reference is not None and (self.weighs_kl or measured):
            reference = self.reference_scores(rollout)
        experience = Experience.of(
            rollout, advantages, learned=rollout.mask & ~left_out[:, None], reference=reference
        )
        if self.is_on_policy:
            return experience
        found = self.scores(self.arch, rollout)
        old = found.log_probs
        self.measure(found.log_probs, found.entropy, experience)
        return Experience.of(
            rollout,
            advantages,
            learned=experience.learned,
            reference=reference,
            old_log_probs=old,
        )

    def score(self, batch: Experience) -> Loss:
        found = self.scores(self.arch, batch, grad=True)
        if batch.old_log_probs is None:
            self.measure(found.log_probs, found.entropy, batch)
        old = found.log_probs.detach() if batch.old_log_probs is None else batch.old_log_probs
        return self.objective.loss(
            found.log_probs, old, batch.reference, batch.advantages, batch.learned
        )
