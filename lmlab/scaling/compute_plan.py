"""The stage that says what a run would take, before anything is built."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar, Literal

from lmlab.scaling.answer import Answer
from lmlab.scaling.markdown import markdown_table
from lmlab.scaling.plan.accelerator import accelerator
from lmlab.scaling.plan.answer import Plan, plan
from lmlab.scaling.plan.candidate import USABLE, candidate_layouts, smallest_layout
from lmlab.scaling.plan.communication import bytes_sent
from lmlab.scaling.plan.flops import trained
from lmlab.scaling.plan.layout import OF_HARDWARE, chosen_layout
from lmlab.scaling.plan.memory import Layout, memory_by_part
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
        device: str,
        num_devices: int | None,
        strategy: Literal["none", "ddp", "zero1", "zero2", "zero3"] | None,
        tensor: int,
        checkpointing: Literal["none", "blocks"],
        precision: Literal["fp32", "bf16_mixed", "bf16_master", "bf16"],
        arithmetic: Literal["bf16", "fp8", "fp32"],
        utilisation: float,
        price_usd_hour: float | None,
        compare_with: str | None,
        compare_devices: int,
        save_gbs: float,
    ) -> None:
        for name, value in (("num_devices", num_devices), ("compare_devices", compare_devices)):
            if value is not None and value < 1:
                raise ValueError(f"stage.{name}={value} must be 1 or more")
        if tensor < 1 or save_gbs <= 0 or not 0 < utilisation <= 1:
            raise ValueError(
                f"stage.tensor={tensor} must be 1 or more, stage.save_gbs={save_gbs} above 0, and "
                f"stage.utilisation={utilisation} above 0 and at most 1"
            )
        self.device, self.num_devices, self.strategy, self.tensor = (
            accelerator(device),
            num_devices,
            strategy,
            tensor,
        )
        self.checkpointing, self.precision, self.arithmetic = checkpointing, precision, arithmetic
        self.utilisation, self.price_usd_hour = utilisation, price_usd_hour
        self.compare_with, self.compare_devices = compare_with, compare_devices
        self.save_gbs = save_gbs
        self.device.peak(arithmetic)

    def answer(self, subject: Subject, other: Callable[[str], Subject]) -> Answer:
        """The plan of a run; other: the same run with another option of `arch`, by its name."""
        number = self.num_devices or subject.num_devices
        name, layout = self._layout(subject, number)
        others = candidate_layouts(number)
        if name not in [other for other, _ in others]:
            others = [(name, layout), *others]
        found = self._plan(subject, number, others, layout)
        fit = self._fit(subject, number, name, layout)
        parts = [f"## {subject.name}", found.text(), f"**{fit}**"]
        if subject.batch_tokens < layout.data * subject.seq_len:
            parts.append(
                f"Warning: batch.tokens={subject.batch_tokens:g} is less than one sequence for each "
                f"of {layout.data} copies of the model."
            )
        if self.compare_with is not None:
            parts.append(self._changes(subject, number, other(self.compare_with)))
        tables = {"memory": found.memory, "traffic": found.traffic}
        return Answer(
            text="\n\n".join(part.strip() for part in parts) + "\n",
            metrics=self._metrics(subject, found, layout),
            tables={key: table for key, table in tables.items() if table},
            figures={"memory": self._figure(found, name)},
            summary=_summary(found, fit),
        )

    def _layout(self, subject: Subject, number: int) -> tuple[str, Layout]:
        """As asked for, by this stage or by hardware; else the least divided that fits."""
        strategy = self.strategy or OF_HARDWARE.get(subject.strategy)
        if strategy is None and self.tensor > 1:
            strategy = "zero3" if number > self.tensor else "none"
        if strategy is None and number > 1:
            for name, layout in candidate_layouts(number):
                layout = replace(layout, precision=self.precision)
                if self._bytes(subject, layout) <= self._room:
                    return name, layout
            strategy = "zero3"
        return chosen_layout(
            strategy or "none", number, self.tensor, self.precision, self.checkpointing
        )

    @property
    def _room(self) -> float:
        return USABLE * self.device.memory_bytes

    def _bytes(self, subject: Subject, layout: Layout) -> float:
        micro = subject.micro_sequences * subject.seq_len
        return sum(memory_by_part(subject.shape, layout, micro, subject.seq_len).values())

    def _plan(
        self, subject: Subject, number: int, layouts: list[tuple[str, Layout]], chosen: Layout
    ) -> Plan:
        made = plan(
            subject.shape,
            device=self.device.name,
            num_devices=number,
            tokens=subject.tokens,
            seq_len=subject.seq_len,
            micro_sequences=subject.micro_sequences,
            batch_tokens=subject.batch_tokens,
            utilisation=self.utilisation,
            precision=self.precision,
            checkpointing=chosen.checkpointing,
            number=self.arithmetic,
            lengths=subject.lengths,
            price_usd_hour=self.price_usd_hour,
            layouts=layouts,
        )
        return replace(made, params=subject.params)

    def _fit(self, subject: Subject, number: int, name: str, layout: Layout) -> str:
        """One sentence: whether the layout fits, and what would."""
        total = self._bytes(subject, layout)
        room = f"{self.device.memory_gib:.0f} GiB of {self.device.name}"
        said = f"{name} on {number}: {total / 2**30:.3g} GiB a device"
        if total <= self._room:
            return f"{said}, fits the {room}."
        least = smallest_layout(subject.shape, self.device, number, subject.seq_len)
        return f"{said}, does not fit the {room}. The least divided that fits: {least}."

    def _changes(self, subject: Subject, number: int, other: Subject) -> str:
        sizes = [(subject, number), (other, self.compare_devices)]
        (small, few), (large, many) = sorted(sizes, key=lambda pair: num_params(pair[0].shape))
        changes = what_changes(
            small.shape,
            large.shape,
            self.device,
            small_devices=few,
            large_devices=many,
            small_recipe=small.recipe,
            large_recipe=large.recipe,
            seq_len=subject.seq_len,
            save_gbs=self.save_gbs,
        )
        names = [f"{s.name} on {n} {self.device.name}" for s, n in ((small, few), (large, many))]
        rows = [
            {"setting": c.setting, names[0]: c.small, names[1]: c.large, "why": c.why}
            for c in changes
        ]
        return f"### What changes from {small.name} to {large.name}\n\n{markdown_table(rows)}"

    def _metrics(self, subject: Subject, found: Plan, layout: Layout) -> dict[str, float]:
        micro = subject.micro_sequences * subject.seq_len
        steps = max(1, round(subject.batch_tokens / micro / layout.data))
        sent = sum(bytes_sent(subject.shape, layout, micro, steps).values())
        numbers = {
            "plan/params": float(found.num_params),
            "plan/flops_per_token": trained(found.flops),
            "plan/tokens": found.tokens,
            "plan/chinchilla_tokens": found.chinchilla_tokens,
            "plan/flops": found.cost.flops,
            "plan/days": found.cost.days,
            "plan/device_hours": found.cost.device_hours,
            "plan/memory_bytes": self._bytes(subject, layout),
            "plan/sent_bytes": float(sent),
        }
        return numbers | ({} if found.cost.usd is None else {"plan/cost_usd": found.cost.usd})

    def _figure(self, found: Plan, name: str) -> Any:
        from lmlab.scaling.figure.memory import memory_figure

        return memory_figure(found.memory, self.device, name)


def _summary(found: Plan, fit: str) -> dict[str, str]:
    usd = "price unknown" if found.cost.usd is None else f"${found.cost.usd:,.0f}"
    return {
        "model": f"{found.num_params:,} parameters, {trained(found.flops):.3g} FLOPs a token",
        "budget": f"{found.tokens:.3g} tokens, {found.cost.flops:.3g} FLOPs",
        "cost": f"{found.cost.days:.3g} days on {found.num_devices} {found.device.name} at "
        f"{found.utilisation:.0%} of peak, {usd}",
        "memory": fit,
    }
