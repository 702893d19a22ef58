"""PPO for language models: v0, with a KL penalty, and with pretraining gradients mixed in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from lmlab.batch import Loss
from lmlab.rollout.advantage import explained_variance, whiten
from lmlab.rollout.answering import Answers
from lmlab.rollout.credit import Credit
from lmlab.rollout.kl import AdaptiveKL, FixedKL
from lmlab.stage.critic import Critic, make_critic, new_head
from lmlab.stage.experience import Experience, minibatches
from lmlab.stage.policy import Policy
from lmlab.stage.pretraining_mix import PretrainingMix
from lmlab.stage.updates import Term

WITH_KL = ("kl", "ptx")


class PPO(Policy):
    """Proximal policy optimisation with a value model.

    variant: v0 as row S0-28 prints it (A = r - V, the policy's updates, then the value's fit to r);
    kl keeps the policy near the reference (rows S0-32, S3-58); ptx is kl and adds the gradient of
    pretraining text (rows S0-31, S3-58). None anywhere: the variant's own, as conf/stage/ppo.yaml says.
    """

    accepts: ClassVar[dict[str, tuple[str, ...]]] = {
        "arch": ("decoder", "encoder_decoder"),
        "objective": ("ppo",),
        "data": ("prompts",),
    }
    only_with: ClassVar[dict[str, dict[str, tuple[object, ...]]]] = {
        "kl_in": {"variant": ("kl", "ptx")},
        "kl_coefficient": {"variant": ("kl", "ptx")},
        "kl_target": {"variant": ("kl", "ptx")},
        "kl_horizon": {"variant": ("kl", "ptx")},
        "kl_estimator": {"variant": ("kl", "ptx"), "kl_in": ("reward", None)},
        "gae_lambda": {"variant": ("kl", "ptx"), "kl_in": ("reward", None)},
        "discount": {"variant": ("kl", "ptx"), "kl_in": ("reward", None)},
        "value_target": {"variant": ("kl", "ptx")},
        "value_learning_rate": {"shared_trunk": (False,)},
        "value_from": {"shared_trunk": (False,)},
        "ptx_weight": {"variant": ("ptx",)},
        "ptx_schedule": {"variant": ("ptx",)},
        "ptx_sequences": {"variant": ("ptx",)},
        "pretraining": {"variant": ("ptx",)},
    }

    def __init__(
        self,
        *,
        variant: Literal["v0", "kl", "ptx"],
        epochs: int,
        minibatches: int,
        kl_in: Literal["reward", "advantage"] | None,
        kl_coefficient: float | None,
        kl_target: float | None,
        kl_horizon: int | None,
        kl_estimator: Literal["k1", "k2", "k3"] | None,
        gae_lambda: float | None,
        discount: float | None,
        whiten_advantages: bool,
        value_target: Literal["reward", "returns"] | None,
        value_fit: Literal["after", "together"] | None,
        value_weight: float,
        value_learning_rate: float | None,
        value_from: str | None,
        shared_trunk: bool,
        ptx_weight: float | None,
        ptx_schedule: Literal["together", "alternating"] | None,
        ptx_sequences: int | None,
        pretraining: Any,
        build_corpus: Callable[..., Any],
        **shared: Any,
    ) -> None:
        self.epochs, self.minibatches, self.variant = epochs, minibatches, variant
        self.critic: Any = None
        super().__init__(**shared)
        self.whiten_advantages, self.value_weight = whiten_advantages, value_weight
        self.value_learning_rate, self.shared_trunk = value_learning_rate, shared_trunk
        self.value_fit = value_fit or ("after" if variant == "v0" else "together")
        self.value_reduction = "sequence" if variant == "v0" else None
        kl_in = None if variant == "v0" else kl_in or "reward"
        self.credit = Credit(
            kl_in=kl_in,
            value_target=value_target or ("returns" if kl_in == "reward" else "reward"),
            kl_estimator=kl_estimator or "k1",
            gae_lambda=0.95 if gae_lambda is None else gae_lambda,
            discount=1.0 if discount is None else discount,
        )
        self.kl = make_kl(0.05 if kl_coefficient is None else kl_coefficient, kl_target, kl_horizon)
        if shared_trunk:
            self.critic = Critic(None, new_head(self.arch.width))
        else:
            self.critic = make_critic(
                value_from or "auto", self.arch, self.reward, self.tokenizer, shared["open_run"]
            )
        self._check_lengths()
        self.mix: PretrainingMix | None = None
        if variant == "ptx":
            corpus, objective = build_corpus(pretraining, ptx_sequences or 4)
            self.mix = PretrainingMix(
                corpus,
                objective,
                weight=1.0 if ptx_weight is None else ptx_weight,
                schedule=ptx_schedule or "together",
                micro=self.micro_responses,
            )

    # ---- models

    def models(self) -> dict[str, Any]:
        found = super().models()
        if self.critic is not None and self.critic.arch is not None:
            found["stage.value_from"] = self.critic.arch
        return found

    @property
    def trained(self) -> nn.Module:
        """The policy; with a shared trunk also the value head."""
        if not self.shared_trunk:
            return self.arch
        return nn.ModuleDict({"arch": self.arch, "head": self.critic.head})

    def configure_optimizers(self) -> list[torch.optim.Optimizer]:
        found = self.optim.build(self.trained)
        if self.shared_trunk:
            return found
        for optimizer in self.optim.build(self.critic):
            for group in optimizer.param_groups:
                group["peak_lr"] = self.value_learning_rate or group["peak_lr"]
            found.append(optimizer)
        return found

    def clipped_together(self) -> list[list[nn.Parameter]]:
        """The policy's parameters and, of a model of its own, the value's."""
        own = [] if self.shared_trunk else [list(self.critic.parameters())]
        return [*super().clipped_together(), *own]

    # ---- a phase

    def experience(self, answers: Answers, rewards: Tensor) -> Experience:
        rollout = answers.rollout
        reference = self.reference_scores(rollout)
        head = self.critic.head if self.shared_trunk else None
        old = self.scores(self.arch, rollout, value_head=head)
        values = old.values if self.shared_trunk else self.values(rollout)
        plain = Experience.of(rollout, rewards, reference=reference)
        self.measure(old.log_probs, old.entropy, plain)
        log_ratio = (old.log_probs - reference) * rollout.mask
        advantages, targets = self.credit.give(
            rewards, log_ratio, values, rollout.mask, self.kl.coefficient
        )
        self.add("policy/explained_variance", explained_variance(values, targets, rollout.mask))
        self.add("policy/value", values, rollout.mask.sum())
        if self.credit.kl_in is not None:
            self._follow(log_ratio.sum(dim=1))
        if self.whiten_advantages:
            advantages = whiten(advantages, rollout.mask)
        return Experience.of(
            rollout,
            advantages,
            reference=reference,
            old_log_probs=old.log_probs,
            old_values=values,
            targets=targets,
        )

    def _follow(self, kl_nats: Tensor) -> None:
        """Log the KL coefficient and move it by the KL of all answers (R,), in nats."""
        self.add("policy/kl_coefficient", torch.tensor(self.kl.coefficient))
        both = torch.stack((kl_nats.sum(), torch.ones_like(kl_nats).sum()))
        total, count = self._sum_over_ranks(both).tolist()
        self.kl.update(total / count, int(count))

    def values(self, batch: Any, *, grad: bool = False) -> Tensor:
        """What a value model of its own says before every token, (R, T)."""
        head = {"value_head": self.critic.head, "with_log_probs": False}
        return self.scores(self.critic.arch, batch, grad=grad, **head).values

    def updates(self, experience: Experience) -> list[list[Term]]:
        """The policy's and the value's updates, of each minibatch together or one after the other."""
        step, seed = self.trainer.global_step, self.data.seed
        parts = [
            part
            for epoch in range(self.epochs)
            for part in minibatches(experience, self.minibatches, seed, step, epoch)
        ]
        if self.value_fit == "after":
            policy = [[self.term(part, self.score)] for part in parts]
            value = [[self.value_term(part)] for part in parts]
        elif self.shared_trunk:
            policy, value = [[self.term(part, self.score_both)] for part in parts], []
        else:
            policy = [[self.term(part, self.score), self.value_term(part)] for part in parts]
            value = []
        if self.mix is not None:
            policy = self.mix.into(policy, self.arch, step, self.device)
        return policy + value

    def value_term(self, part: Experience) -> Term:
        """The value's loss, of a mean over each answer first where the variant prints it so."""
        count = self.objective.count(part.learned, self.value_reduction)
        return Term(part, self.score_value, count, self.value_weight, self.micro_responses)

    def score(self, batch: Experience) -> Loss:
        """The clipped policy loss on a micro-batch."""
        found = self.scores(self.arch, batch, grad=True)
        return self._policy_loss(found, batch)

    def score_value(self, batch: Experience) -> Loss:
        """The value model's loss on a micro-batch."""
        if self.shared_trunk:
            head = {"value_head": self.critic.head, "with_log_probs": False}
            values = self.scores(self.arch, batch, grad=True, **head).values
        else:
            values = self.values(batch, grad=True)
        return self._value_loss(values, batch)

    def score_both(self, batch: Experience) -> Loss:
        """Both losses from one pass through a shared trunk."""
        found = self.scores(self.arch, batch, grad=True, value_head=self.critic.head)
        policy, value = self._policy_loss(found, batch), self._value_loss(found.values, batch)
        total = policy.total + self.value_weight * value.total
        return Loss(total, policy.count, policy.metrics | value.metrics)

    def _policy_loss(self, found: Any, batch: Experience) -> Loss:
        return self.objective.policy_loss(
            found.log_probs, batch.old_log_probs, batch.advantages, batch.learned, found.entropy
        )

    def _value_loss(self, values: Tensor, batch: Experience) -> Loss:
        assert batch.targets is not None
        loss = self.objective.value_loss(
            values, batch.old_values, batch.targets, batch.learned, self.value_reduction
        )
        error = 0.5 * ((values.detach() - batch.targets) * batch.learned).square().sum()
        return Loss(loss.total, loss.count, loss.metrics | {"value_loss": error})

    # ---- state

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        super().on_save_checkpoint(checkpoint)
        checkpoint["lmlab_stage"]["kl"] = self.kl.state_dict()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        super().on_load_checkpoint(checkpoint)
        self.kl.load_state_dict(checkpoint["lmlab_stage"]["kl"])


def make_kl(coefficient: float, target: float | None, horizon: int | None) -> FixedKL:
    """A fixed coefficient, or one that follows a target. Raises: ValueError for a lone horizon."""
    if target is not None:
        return AdaptiveKL(coefficient=coefficient, target=target, horizon=horizon or 10_000)
    if horizon is not None:
        raise ValueError(f"stage.kl_horizon={horizon} has no effect without stage.kl_target")
    return FixedKL(coefficient=coefficient)
