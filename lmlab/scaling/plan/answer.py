"""A whole plan: parameters, arithmetic, memory, traffic, days and dollars of a training run."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from lmlab.scaling.markdown import markdown_table
from lmlab.scaling.plan.accelerator import Accelerator, Number, accelerator
from lmlab.scaling.plan.candidate import USABLE, candidate_layouts
from lmlab.scaling.plan.communication import bytes_sent
from lmlab.scaling.plan.cost import Cost, chinchilla_tokens, cost, tokens_by_law
from lmlab.scaling.plan.flops import Checkpointing, forward_flops, sequence_flops, trained
from lmlab.scaling.plan.memory import Layout, Precision, memory_by_part
from lmlab.scaling.plan.shape import Shape, num_params, params_by_part


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run will take.

    params: by part; flops: forward operations a token by component; tokens: trained on;
    chinchilla_tokens, law_tokens: what this size deserves, by 20 a parameter and by the published
    L(N, D); cost: of the run; memory: rows, a layout each, in GiB a device; traffic: rows, GB a device
    sends in one optimizer step, and the seconds that takes.
    """

    params: dict[str, int]
    flops: dict[str, float]
    tokens: float
    chinchilla_tokens: float
    law_tokens: float
    cost: Cost
    memory: list[dict[str, Any]]
    traffic: list[dict[str, Any]]
    device: Accelerator
    num_devices: int
    utilisation: float

    @property
    def num_params(self) -> int:
        return sum(self.params.values())

    def text(self) -> str:
        """Markdown: a summary, then a table each of parameters, arithmetic, memory and traffic."""
        usd = "price unknown" if self.cost.usd is None else f"${self.cost.usd:,.0f}"
        lines = [
            f"**{self.num_params:,} parameters, {self.tokens:.3g} tokens, {self.cost.flops:.3g} "
            f"FLOPs: {self.cost.days:.3g} days on {self.num_devices} {self.device.name} at "
            f"{self.utilisation:.0%} of peak, {self.cost.device_hours:,.0f} device hours, {usd}.**",
            f"Chinchilla's optimum for this size: {self.chinchilla_tokens:.3g} tokens by 20 a "
            f"parameter, {self.law_tokens:.3g} by its L(N, D).",
            f"A token takes {sum(self.flops.values()):.3g} FLOPs forward and twice that backward.",
            markdown_table(
                [
                    {
                        "part": part,
                        "parameters": f"{number:,}",
                        "share": _share(number, self.params),
                    }
                    for part, number in self.params.items()
                    if number
                ]
            ),
            markdown_table(
                [
                    {"component": part, "FLOPs a token, forward": f"{number:.3g}"}
                    | {"share": _share(number, self.flops)}
                    for part, number in self.flops.items()
                ]
            ),
            "Memory of one device at the peak of a step (GiB):",
            markdown_table([_narrow(row) for row in self.memory]),
            markdown_table(self.traffic) if self.traffic else "One device sends nothing.",
        ]
        return "\n\n".join(lines) + "\n"


def plan(
    shape: Shape,
    *,
    device: str = "H100",
    num_devices: int = 1,
    tokens: float | None = None,
    seq_len: int = 2048,
    micro_sequences: int = 1,
    batch_tokens: float | None = None,
    utilisation: float = 0.4,
    precision: Precision = "bf16_mixed",
    checkpointing: Checkpointing = "none",
    number: Number = "bf16",
    scored: float = 1.0,
    lengths: tuple[int, int, float] | None = None,
    price_usd_hour: float | None = None,
    layouts: list[tuple[str, Layout]] | None = None,
) -> Plan:
    """Plan a training run without building anything; milliseconds for any size.

    tokens: None for Chinchilla's 20 a parameter; utilisation: the fraction of peak for useful
    arithmetic, 0..1 (0.2 to 0.5 is usual: GPT-3 0.21, PaLM 0.46); checkpointing: blocks adds a
    forward pass; batch_tokens: of one optimizer step, None for one micro-batch a device; lengths:
    source, target and scored tokens of a sequence, in place of scored; layouts: named, None for all
    that fit the number of devices.

        gpt3 = Shape(num_layers=96, width=12288, num_heads=96, ff_width=49152, vocab_size=50257,
                     max_seq_len=2048)
        print(plan(gpt3, device="A100", num_devices=1024, tokens=300e9, utilisation=0.45).text())

    Raises: ValueError for an unknown device, a rate it does not have, or a utilisation outside 0..1.
    """
    machine, size = accelerator(device), num_params(shape)
    wanted = chinchilla_tokens(size) if tokens is None else float(tokens)
    forward = forward_flops(shape, seq_len, scored=scored)
    if lengths is not None:
        forward = {k: v / seq_len for k, v in sequence_flops(shape, *lengths).items()}
    flops = wanted * trained(forward, checkpointing)
    rows = candidate_layouts(num_devices, precision) if layouts is None else layouts
    rows = [(name, replace(layout, precision=precision)) for name, layout in rows]
    passes = [one_pass(micro_sequences, seq_len, batch_tokens, layout.data) for _, layout in rows]
    return Plan(
        params=params_by_part(shape),
        flops=forward,
        tokens=wanted,
        chinchilla_tokens=chinchilla_tokens(size),
        law_tokens=tokens_by_law(size),
        cost=cost(flops, machine, num_devices, utilisation, number, price_usd_hour),
        memory=[
            _memory_row(*row, shape, *each, seq_len, machine)
            for row, each in zip(rows, passes, strict=True)
        ],
        traffic=[
            _traffic_row(*row, shape, *each, machine)
            for row, each in zip(rows, passes, strict=True)
            if row[1].num_devices > 1
        ],
        device=machine,
        num_devices=num_devices,
        utilisation=utilisation,
    )


def one_pass(
    micro_sequences: int, seq_len: int, batch_tokens: float | None, copies: int
) -> tuple[int, int]:
    """Tokens of a micro-batch on one data copy, and how many of them make a step.

    As a run splits its share of the batch: at most micro_sequences; batch_tokens None: one of those.
    """
    if batch_tokens is None:
        return micro_sequences * seq_len, 1
    share = max(1, round(batch_tokens / seq_len / copies))
    micro = min(micro_sequences, share)
    return micro * seq_len, -(-share // micro)


def _memory_row(
    name: str,
    layout: Layout,
    shape: Shape,
    micro: int,
    num_micro: int,
    seq_len: int,
    machine: Accelerator,
) -> dict[str, Any]:
    parts = memory_by_part(shape, layout, micro, seq_len, num_micro)
    total = sum(parts.values())
    row: dict[str, Any] = {"layout": name}
    row |= {f"{part} (GiB)": _number(value / 2**30) for part, value in parts.items()}
    fits = "yes" if total <= USABLE * machine.memory_bytes else "no"
    return row | {
        "total (GiB)": _number(total / 2**30),
        f"fits {machine.memory_gib:.0f} GiB": fits,
    }


def _traffic_row(
    name: str, layout: Layout, shape: Shape, micro: int, num_micro: int, machine: Accelerator
) -> dict[str, Any]:
    sent = bytes_sent(shape, layout, micro, num_micro)
    total = sum(sent.values())
    row: dict[str, Any] = {"layout": name, "micro-batches a step": num_micro}
    row |= {"sent a step (GB)": _number(total / 1e9)}
    row |= {"seconds, neighbours": f"{total / machine.interconnect_gbs / 1e9:.3g}"}
    return row | {"seconds, network": f"{total / machine.network_gbs / 1e9:.3g}"}


def _narrow(row: dict[str, Any]) -> dict[str, Any]:
    """The row with short names, for a terminal."""
    return {key.removesuffix(" (GiB)"): value
            for key, value in row.items()}  # fmt: skip


def _number(value: float) -> str:
    """Three digits: 0.682, 14.5, 1,400."""
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def _share(number: float, parts: dict[str, Any]) -> str:
    return f"{number / sum(parts.values()):.1%}"
