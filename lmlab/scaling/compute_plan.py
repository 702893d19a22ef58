"""The stage that says what a run would take, before anything is built."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar, Literal

from lmlab.scaling.answer import Answer
from lmlab.scaling.markdown import markdown_table
from lmlab.scaling.plan.accelerator import Accelerator, accelerator
from lmlab.scaling.plan.answer import Plan, plan
from lmlab.scaling.plan.candidate import candidate_layouts
from lmlab.scaling.plan.communication import bytes_sent
from lmlab.scaling.plan.device import arithmetic_of, check_device, default_device, in_precision
from lmlab.scaling.plan.flops import trained
from lmlab.scaling.plan.layout import chosen_layout, resized
from lmlab.scaling.plan.memory import Layout
from lmlab.scaling.plan.planned import Planned, least_divided
from lmlab.scaling.plan.shape import num_params
from lmlab.scaling.plan.subject import Subject
from lmlab.scaling.plan.what_changes import what_changes


class ComputePlan:
    """Parameters, arithmetic, memory, traffic, days and dollars of a run; no data, no training.

    Raises: ValueError for settings that cannot be, naming each. Source: rows S1-08, S1-22.
    """

    needs_model: ClassVar[bool] = False

    def __init__(
        self,
        *,
        device: str | None,
        num_devices: int | None,
        strategy: Literal["none", "ddp", "zero1", "zero2", "zero3"] | None,
        tensor: int | None,
        checkpointing: Literal["none", "blocks"] | None,
        precision: Literal["fp32", "bf16_mixed", "bf16_master", "bf16"] | None,
        arithmetic: Literal["bf16", "fp8", "fp32"] | None,
        utilisation: float,
        price_usd_hour: float | None,
        compare_with: str | None,
        compare_devices: int,
        save_gbs: float,
    ) -> None:
        for name, value in (("num_devices", num_devices), ("compare_devices", compare_devices)):
            if value is not None and value < 1:
                raise ValueError(f"stage.{name}={value} must be 1 or more")
        if (tensor is not None and tensor < 1) or save_gbs <= 0 or not 0 < utilisation <= 1:
            raise ValueError(
                f"stage.tensor={tensor} must be 1 or more, stage.save_gbs={save_gbs} above 0, and "
                f"stage.utilisation={utilisation} above 0 and at most 1"
            )
        self.device = None if device is None else accelerator(device)
        self.num_devices, self.strategy, self.tensor = num_devices, strategy, tensor
        self.checkpointing, self.precision, self.arithmetic = checkpointing, precision, arithmetic
        self.utilisation, self.price_usd_hour = utilisation, price_usd_hour
        self.compare_with, self.compare_devices = compare_with, compare_devices
        self.save_gbs = save_gbs
        if self.device is not None and arithmetic is not None:
            self.device.peak(arithmetic)

    def answer(self, subject: Subject, other: Callable[[str], Subject]) -> Answer:
        """The plan of a run; other: the same run with another option of `arch`, by its name."""
        planned = self._planned(subject)
        others = candidate_layouts(planned.number, planned.layout.precision)
        if planned.layout not in [layout for _, layout in others]:
            others = [(planned.name, planned.layout), *others]
        found = self._plan(planned, others)
        fit = planned.fit()
        parts = [f"## {subject.name}", found.text(), f"**{fit}**", subject.hardware.note]
        if subject.batch_tokens < planned.layout.data * subject.seq_len:
            parts.append(
                f"Warning: batch.tokens={subject.batch_tokens:g} is less than one sequence for each "
                f"of {planned.layout.data} copies of the model."
            )
        if self.compare_with is not None:
            parts.append(self._changes(planned, other(self.compare_with)))
        tables = {"memory": found.memory, "traffic": found.traffic}
        return Answer(
            text="\n\n".join(part.strip() for part in parts if part) + "\n",
            metrics=_metrics(planned, found),
            tables={key: table for key, table in tables.items() if table},
            figures={"memory": _figure(planned, found)},
            summary=_summary(found, fit),
        )

    def _planned(self, subject: Subject) -> Planned:
        asked = subject.hardware
        device = self.device or default_device(asked)
        check_device(device, asked)
        arithmetic = self.arithmetic or arithmetic_of(asked, device, self.precision)
        device.peak(arithmetic)
        number = self.num_devices or asked.num_devices
        layout = self._layout(subject, device, number)
        return Planned(subject, device, number, layout, arithmetic)

    def _layout(self, subject: Subject, device: Accelerator, number: int) -> Layout:
        """As asked for, by this stage or by hardware; else the least divided that fits."""
        asked = subject.hardware
        if asked.refusal and self.strategy is None:
            raise ValueError(asked.refusal)
        found = asked.layout or Layout(checkpointing=asked.checkpointing)
        found = in_precision(found, asked, device, self.precision)
        found = replace(found, checkpointing=self.checkpointing or found.checkpointing)
        tensor = self.tensor or found.tensor
        if self.strategy is not None:
            return chosen_layout(self.strategy, number, tensor, found)
        if asked.layout is not None and (asked.num_devices > 1 or number == 1):
            return resized(found, number, tensor)
        if tensor > 1:
            return chosen_layout("none" if number == tensor else "zero3", number, tensor, found)
        return least_divided(subject, device, number, found)

    def _plan(self, planned: Planned, layouts: list[tuple[str, Layout]]) -> Plan:
        subject = planned.subject
        made = plan(
            subject.shape,
            device=planned.device.name,
            num_devices=planned.number,
            tokens=subject.tokens,
            seq_len=subject.seq_len,
            micro_sequences=subject.micro_sequences,
            batch_tokens=subject.batch_tokens,
            utilisation=self.utilisation,
            precision=planned.layout.precision,
            checkpointing=planned.layout.checkpointing,
            number=planned.arithmetic,
            lengths=subject.lengths,
            price_usd_hour=self.price_usd_hour,
            layouts=layouts,
        )
        return replace(made, params=subject.params)

    def _changes(self, planned: Planned, other: Subject) -> str:
        subject, device = planned.subject, planned.device
        sizes = [(subject, planned.number), (other, self.compare_devices)]
        (small, few), (large, many) = sorted(sizes, key=lambda pair: num_params(pair[0].shape))
        changes = what_changes(
            small.shape,
            large.shape,
            device,
            small_devices=few,
            large_devices=many,
            small_recipe=small.recipe,
            large_recipe=large.recipe,
            seq_len=subject.seq_len,
            save_gbs=self.save_gbs,
        )
        names = [f"{s.name} on {n} {device.name}" for s, n in ((small, few), (large, many))]
        rows = [
            {"setting": c.setting, names[0]: c.small, names[1]: c.large, "why": c.why}
            for c in changes
        ]
        return f"### What changes from {small.name} to {large.name}\n\n{markdown_table(rows)}"


def _metrics(planned: Planned, found: Plan) -> dict[str, float]:
    sent = bytes_sent(planned.subject.shape, planned.layout, *planned.one_pass)
    numbers = {
        "plan/params": float(found.num_params),
        "plan/flops_per_token": trained(found.flops),
        "plan/tokens": found.tokens,
        "plan/chinchilla_tokens": found.chinchilla_tokens,
        "plan/flops": found.cost.flops,
        "plan/days": found.cost.days,
        "plan/device_hours": found.cost.device_hours,
        "plan/memory_bytes": planned.bytes,
        "plan/sent_bytes": float(sum(sent.values())),
    }
    return numbers | ({} if found.cost.usd is None else {"plan/cost_usd": found.cost.usd})


def _figure(planned: Planned, found: Plan) -> Any:
    from lmlab.scaling.figure.memory import memory_figure

    return memory_figure(found.memory, planned.device, planned.name)


def _summary(found: Plan, fit: str) -> dict[str, str]:
    usd = "price unknown" if found.cost.usd is None else f"${found.cost.usd:,.0f}"
    return {
        "model": f"{found.num_params:,} parameters, {trained(found.flops):.3g} FLOPs a token",
        "budget": f"{found.tokens:.3g} tokens, {found.cost.flops:.3g} FLOPs",
        "cost": f"{found.cost.days:.3g} days on {found.num_devices} {found.device.name} at "
        f"{found.utilisation:.0%} of peak, {usd}",
        "memory": fit,
    }
