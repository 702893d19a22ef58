"""DPO: pairs, log-probabilities of completions, the first loss, and that it learns."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import lightning as L
import pytest
import torch

from lmlab.arch.layer.lora import add_lora, without_lora
from lmlab.batch import RankedBatch
from lmlab.objective.dpo import DPO
from lmlab.optim import AdamW
from lmlab.stage.dpo import DirectPreference, pairs_of, summed
from lmlab.stage.plan import Plan
from tests.stage.test_guard import guard as make_guard
from tests.stage.tiny_policy import Digits, Endless, fit, tiny_gpt
from tests.test_optim import KEYS


def ranked(ranks: list[list[int]], digits: list[list[int]]) -> RankedBatch:
    """Completions of one digit and eos after a prompt of eos and a digit; -1: no completion."""
    real = torch.tensor(digits) >= 0
    shape = real.shape
    tokens = torch.full((*shape, 4), 10)
    tokens[..., 0], tokens[..., 1], tokens[..., 3] = 11, 3, 11
    tokens[..., 2] = torch.tensor(digits).clamp(min=0)
    mask = torch.tensor([False, False, True, True]) & real[..., None]
    lengths = 4 * real
    zeros = torch.zeros(shape[0], dtype=torch.int64)
    return RankedBatch(tokens, lengths, mask, torch.tensor(ranks), zeros.float(), zeros, zeros)


class Preferred(L.LightningDataModule):
    """Even digits are preferred to odd ones."""

    def __init__(self) -> None:
        super().__init__()
        turn = SimpleNamespace(text="3")
        about = SimpleNamespace(prompt=(turn,), responses=("2", "1"))
        tokens = (torch.tensor([11, 3, 2, 11]).numpy(),)
        self.val_examples = [SimpleNamespace(tokens=tokens, prompt_length=2, comparison=about)] * 3

    def batch(self, step: int) -> RankedBatch:
        draws = torch.Generator().manual_seed(step)
        even = 2 * torch.randint(5, (8, 1), generator=draws)
        odd = 1 + 2 * torch.randint(5, (8, 1), generator=draws)
        return ranked([[0, 1]] * 8, torch.cat((even, odd), dim=1).tolist())

    def batches(self) -> Any:
        return (self.batch(step) for step in range(10**6))

    def train_dataloader(self) -> Any:
        return Endless(self)  # type: ignore[arg-type]

    def val_dataloader(self) -> Any:
        return torch.utils.data.DataLoader([self.batch(10**6)], batch_size=None)  # type: ignore[arg-type]


def make_dpo(num_steps: int = 4, micro: int = 8, **changes: Any) -> DirectPreference:
    objective = DPO(beta=0.5, label_smoothing=0.0, reference_free=False, kind_of_loss="sigmoid")
    keys = {
        "arch": tiny_gpt(),
        "objective": objective,
        "optim": AdamW(**KEYS),  # type: ignore[arg-type]
        "plan": Plan(num_steps, None, 4, 8, micro, 1.0),
        "guard": make_guard(),
        "tokenizer": Digits(),
        "data": Preferred(),
        "open_run": None,
        "add_lora": add_lora,
        "without_lora": without_lora,
        "reference": None,
        "lora_rank": None,
        "lora_alpha": None,
        "lora_targets": None,
        "num_validations": 1,
        "num_generated": 2,
        "max_new_tokens": 3,
        "log_every_steps": 1,
    }
    return DirectPreference(**(keys | changes))


def test_all_pairs_of_a_prompt_count_but_ties_and_missing_answers():
    batch = ranked([[0, 1, 1], [0, 1, 3]], [[2, 1, 3], [4, 5, -1]])
    assert [each.tolist() for each in pairs_of(batch)] == [[0, 0, 1], [0, 0, 0], [1, 2, 1]]


def test_a_completion_is_worth_the_sum_over_its_tokens():
    arch, batch = tiny_gpt(), ranked([[0, 1]], [[2, -1]])
    found = summed(arch, batch)
    log_probs = arch.unembed(arch(batch.tokens[0, :1]))[0].detach().log_softmax(dim=-1)
    assert float(found[0, 0]) == pytest.approx(float(log_probs[1, 2] + log_probs[2, 11]), abs=1e-5)
    assert float(found[0, 1]) == 0


@pytest.mark.parametrize("micro", [8, 3])
def test_it_starts_at_ln_2_and_learns_who_was_preferred(micro):
    stage = make_dpo(30, micro=micro)
    losses: list[float] = []
    plain = stage._record
    stage._record = lambda loss, *more: losses.append(loss) or plain(loss, *more)
    fit(stage, 30)
    assert losses[0] == pytest.approx(math.log(2), abs=1e-5)
    assert losses[-1] < 0.5 * losses[0] and stage.latest["policy/accuracy"] == 1


def test_validation_scores_comparisons_and_answers_prompts():
    stage = make_dpo()
    fit(stage, 4, limit_val_batches=1.0, val_check_interval=4, check_val_every_n_epoch=None)
    found = stage.val_metrics
    assert found["val/accuracy"] > 0.9 and found["val/kl_nats"] > 0 and found["val/generated"] == 2
    assert stage.samples[0]["prompt"] == "3" and stage.samples[0]["chosen"] == "2"


def test_with_adapters_the_reference_is_the_policy_without_them():
    stage = fit(make_dpo(lora_rank=2, lora_targets=["query", "up", "down"]), 4)
    assert stage.reference.model is None and stage.latest["policy/margin"] > 0


def test_prompts_of_a_prefix_model_are_seen_whole():
    batch = ranked([[0, 1]], [[2, 4]])
    causal, whole = tiny_gpt(num_layers=2), tiny_gpt(num_layers=2)
    whole.prefix_attention = True
    before = torch.tensor([[True, True, False, False]])
    hidden = whole(batch.tokens[0], None, None, before.expand(2, -1))[:, 1:3]
    log_probs = whole.unembed(hidden).log_softmax(dim=-1)
    wanted = [float(log_probs[k, 0, t] + log_probs[k, 1, 11]) for k, t in ((0, 2), (1, 4))]
    assert summed(whole, batch)[0].tolist() == pytest.approx(wanted, abs=1e-5)
    assert not torch.allclose(summed(whole, batch), summed(causal, batch), atol=1e-5)


def test_without_a_reference_none_is_copied_or_run():
    free = DPO(beta=0.5, label_smoothing=0.0, reference_free=True, kind_of_loss="sigmoid")
    stage = make_dpo(objective=free)
    assert stage.reference is None
    assert all(name.startswith("arch.") for name in stage.state_dict())
    fit(stage, 4, limit_val_batches=1.0, val_check_interval=4, check_val_every_n_epoch=None)
    assert stage.val_metrics["val/generated"] == 2 and "val/kl_nats" not in stage.val_metrics
    policy = summed(stage.arch, stage.data.batch(0))
    loss = stage.score(stage.data.batch(0))
    margin = 0.5 * (policy[:, 0] - policy[:, 1])
    assert float(loss.metrics["margin"]) == pytest.approx(float(margin.sum()), abs=1e-4)
    with pytest.raises(
        ValueError, match="stage.reference=x has no effect with objective.reference_f"
    ):
        make_dpo(objective=free, reference="x")
