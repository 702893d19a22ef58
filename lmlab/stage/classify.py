"""Discriminative fine-tuning: a pretrained architecture learns to tell labels of texts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torchmetrics import SumMetric

from lmlab.batch import LabelBatch, Loss
from lmlab.metric.classification import ChoiceMetrics, ClassMetrics, NumberMetrics
from lmlab.rollout.token_scores import token_scores
from lmlab.stage.classify_check import check_labels, check_settings
from lmlab.stage.freeze import freeze_unread
from lmlab.stage.guard import Guard
from lmlab.stage.label_words import LabelWords
from lmlab.stage.passes import in_order, passes
from lmlab.stage.plan import Plan
from lmlab.stage.read_out import LinearHead, hidden_states, vectors
from lmlab.stage.training import Training, head_of

SHOWN = 12  # mistakes that are kept to be read
DROPOUT = 0.1  # of the head, as GPT-1 and BERT have it
MOST_CLASSES = 12  # with a metric of their own


class Classify(Training):
    """A linear head on the last token of a decoder, or on the first of an encoder (rows S3-23, S4-07).

    An encoder-decoder has no head: it writes the label's words, and of all labels the likeliest is
    taken. Pairs in both orders add their vectors; choices get a score each and share a softmax.
    aux_lm_weight: lambda of L3 = L2 + lambda L1, decoders only; lora_rank: only adapters of this rank
    and the head train.
    Differs: L1 is the mean over a text's tokens, as in GPT-1's released code, not the slide's sum.
    Raises: ValueError for settings that do nothing here, and for labels that the objective cannot use.
    """

    # Kinds of architecture beside which a head trains.
    trains_head: ClassVar[tuple[str, ...]] = ("decoder", "encoder")
    accepts: ClassVar[dict[str, tuple[str, ...]]] = {
        "arch": ("decoder", "encoder", "encoder_decoder"),
        "objective": ("classification",),
        "data": ("classification",),
    }
    from_random: ClassVar[str] = "init_from=RUN or init_from=hf:FOLDER starts from pretrained ones"

    def __init__(
        self,
        *,
        arch: Any,
        objective: Any,
        optim: Any,
        plan: Plan,
        guard: Guard,
        data: Any,
        add_lora: Callable[[nn.Module, int, float, list[str]], int],
        dropout: float | None,
        aux_lm_weight: float,
        lora_rank: int | None,
        lora_alpha: float | None,
        lora_targets: list[str] | None,
        num_validations: int,
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
        self.objective, self.data, self.aux_lm_weight = objective, data, aux_lm_weight
        check_labels(data, objective, arch.kind)
        check_settings(arch.kind, dropout, aux_lm_weight, lora_rank, (lora_alpha, lora_targets))
        if lora_rank is not None:
            alpha = 2.0 * lora_rank if lora_alpha is None else lora_alpha
            add_lora(arch, lora_rank, alpha, lora_targets or ["query", "value"])
        if arch.kind == "encoder_decoder":
            self.words = LabelWords(data.label_tokens, data.vocab.pad)
        else:
            single = data.is_choice or objective.is_numeric
            number = 1 if single else len(data.labels)
            self.head = LinearHead(arch.width, number, DROPOUT if dropout is None else dropout)
        if objective.is_numeric:
            nn.init.constant_(self.head.linear.bias, data.mean_value)
        self.val_loss, self.val_count = (
            SumMetric(nan_strategy="ignore").set_dtype(torch.float64) for _ in range(2)
        )
        self.judge = judge_of(data, objective)
        self.tables: dict[str, list[dict[str, Any]]] = {}
        self._mistakes: list[dict[str, str]] = []
        example = data.collate(list(data.train_examples[:1]), None)
        freeze_unread(self, lambda: self.score(example).total)

    @property
    def trained(self) -> nn.Module:
        """The architecture and the head."""
        return self

    # ---- loss

    def score(self, batch: LabelBatch) -> Loss:
        """The loss of one micro-batch: its sum over examples."""
        if self.arch.kind == "encoder_decoder":
            nll = -self.words.log_probs(self.arch, batch)
            return Loss(nll.sum(), self.count(batch), {"nll": nll.detach().sum()})
        scores, auxiliary = self._head_scores(batch)
        loss = self.objective.loss(scores, batch)
        if auxiliary is None:
            return loss
        metrics = loss.metrics | {"auxiliary": auxiliary.detach()}
        return Loss(loss.total + self.aux_lm_weight * auxiliary, loss.count, metrics)

    def count(self, batch: LabelBatch) -> Tensor:
        """Examples."""
        return torch.tensor(len(batch.label), device=batch.label.device)

    def step_tokens(self, batch: LabelBatch) -> int:
        """Real tokens of this share, times the number of shares."""
        return int(batch.lengths.sum()) * self.data.world_size

    def scores(self, batch: LabelBatch) -> Tensor:
        """(B, C): of every class, of every choice (-inf: there is none), or the number told."""
        if self.arch.kind == "encoder_decoder":
            return self.words.scores(self.arch, batch)
        return self._head_scores(batch)[0]

    def _head_scores(self, batch: LabelBatch) -> tuple[Tensor, Tensor | None]:
        """Scores, and the auxiliary loss, the sum over examples, where there is one."""
        row, column = (batch.lengths > 0).nonzero(as_tuple=True)
        tokens, lengths = batch.tokens[row, column], batch.lengths[row, column]
        segments = batch.segments[row, column]
        number = self.num_passes(batch.lengths, len(batch.label))
        made = passes(lengths, tokens.shape[1], number)
        parts: list[Tensor] = []
        sums = torch.zeros(len(batch.label), device=row.device).index_add(0, row, lengths - 1.0)
        of_example = sums[row]  # tokens that each row's example has to tell
        auxiliary = torch.zeros((), device=tokens.device) if self.aux_lm_weight else None
        for rows, width in made:
            part, long = tokens[rows, :width], lengths[rows]
            hidden = hidden_states(self.arch, part, long, segments[rows, :width])
            parts.append(vectors(self.arch, hidden, long))
            if auxiliary is not None:
                auxiliary = auxiliary + self._auxiliary(hidden, part, long, of_example[rows])
        found = in_order(parts, made)
        if self.data.is_choice:
            page = torch.full(batch.lengths.shape, -torch.inf, device=found.device)
            return page.index_put((row, column), self.head(found).squeeze(1)), auxiliary
        summed = torch.zeros(len(batch.label), found.shape[1], device=found.device)
        return self.head(summed.index_add(0, row, found.to(summed.dtype))), auxiliary

    def _auxiliary(
        self, hidden: Tensor, tokens: Tensor, lengths: Tensor, of_example: Tensor
    ) -> Tensor:
        """L1: of each example the mean -log P(next token) over its tokens, summed, in nats.

        of_example (N,) float: the tokens that each row's example has, over all of its rows.
        """
        index = torch.arange(1, tokens.shape[1], device=tokens.device)
        mask = index < lengths[:, None]
        found, _ = token_scores(hidden[:, :-1][mask], head_of(self.arch), tokens[:, 1:][mask])
        return -(found / of_example[:, None].expand_as(mask)[mask]).sum()

    # ---- validation

    def validation_step(self, batch: LabelBatch, batch_idx: int) -> None:
        for micro, counts in self.validation_parts(batch):
            scores = self.scores(micro)
            if not counts:
                continue
            self.val_loss.update(self._scored(scores, micro)["nll"].double())
            self.val_count.update(self.count(micro).double())
            self.judge.update(scores, micro)
            if not self.objective.is_numeric:
                self._keep_mistakes(scores, micro)

    def _scored(self, scores: Tensor, batch: LabelBatch) -> dict[str, Tensor]:
        """Plain sums; of words the likelihood of the right ones, not shared with other classes."""
        if self.arch.kind == "encoder_decoder":
            return {"nll": -scores.gather(1, batch.label[:, None]).sum()}
        return self.objective.loss(scores, batch).metrics

    def _keep_mistakes(self, scores: Tensor, batch: LabelBatch) -> None:
        wrong = (scores.argmax(dim=1) != batch.label).nonzero().flatten().tolist()
        for place in wrong[: SHOWN - len(self._mistakes)]:
            example = self.data.example(int(batch.index[place]))
            shares = scores[place].float().softmax(dim=0)
            said = int(shares.argmax())
            answers = example.labelled.choices or self.data.labels
            told = (
                f"  [said {answers[said]} ({float(shares[said]):.2f}), is {answers[example.label]}]"
            )
            text = " | ".join(example.labelled.texts)
            self._mistakes.append({"prompt": text, "continuation": told})

    def on_validation_epoch_start(self) -> None:
        self._mistakes = []

    def on_validation_epoch_end(self) -> None:
        loss, count = float(self.val_loss.compute()), float(self.val_count.compute())
        self.val_loss.reset()
        self.val_count.reset()
        name = "val/squared_error" if self.objective.is_numeric else "val/label_nats"
        figures = {f"val/{key}": value for key, value in self.judge.compute().items()}
        if self.judge.rows:
            self.tables = {"classes": self.judge.rows}
        self.samples = self._mistakes
        self.validated({name: loss / max(1.0, count)} | figures | recalls(self.judge.rows))


def judge_of(data: Any, objective: Any) -> ClassMetrics | ChoiceMetrics | NumberMetrics:
    """The figures that say how well these labels are told."""
    if objective.is_numeric:
        return NumberMetrics()
    return ChoiceMetrics() if data.is_choice else ClassMetrics(data.labels)


def recalls(rows: list[dict[str, Any]]) -> dict[str, float]:
    """The share of each class that was told right, where the classes are few."""
    few = rows if len(rows) <= MOST_CLASSES else []
    return {f"val/recall/{row['class']}": row["right"] / max(1, row["examples"]) for row in few}
