"""A run laid out on devices: what a step holds, and whether it fits."""

from __future__ import annotations

from dataclasses import dataclass, replace

from lmlab.scaling.plan.accelerator import Accelerator, Number
from lmlab.scaling.plan.answer import one_pass
from lmlab.scaling.plan.candidate import USABLE, candidate_layouts, smallest_layout
from lmlab.scaling.plan.layout import layout_name
from lmlab.scaling.plan.memory import Layout, total_memory
from lmlab.scaling.plan.subject import Subject


@dataclass(frozen=True, slots=True)
class Planned:
    """A subject on `number` devices of a kind, in a layout; arithmetic: whose peak rate counts."""

    subject: Subject
    device: Accelerator
    number: int
    layout: Layout
    arithmetic: Number

    @property
    def name(self) -> str:
        return layout_name(self.layout)

    @property
    def one_pass(self) -> tuple[int, int]:
        """Tokens of a micro-batch on one data copy, and how many of them make a step."""
        run = self.subject
        return one_pass(run.micro_sequences, run.seq_len, run.batch_tokens, self.layout.data)

    @property
    def bytes(self) -> float:
        """Of one device at the peak of a step."""
        tokens, number = self.one_pass
        return total_memory(self.subject.shape, self.layout, tokens, self.subject.seq_len, number)

    @property
    def fits(self) -> bool:
        return self.bytes <= USABLE * self.device.memory_bytes

    def fit(self) -> str:
        """One sentence: whether the layout fits, and what would."""
        room = f"{self.device.memory_gib:.0f} GiB of {self.device.name}"
        said = f"{self.name} on {self.number}: {self.bytes / 2**30:.3g} GiB a device"
        if self.fits:
            return f"{said}, fits the {room}."
        run, precision = self.subject, self.layout.precision
        least = smallest_layout(run.shape, self.device, self.number, run.seq_len, precision)
        return (
            f"{said}, does not fit the {room}. The least divided that fits with "
            f"batch.micro_sequences=1: {least}."
        )


def least_divided(subject: Subject, device: Accelerator, number: int, like: Layout) -> Layout:
    """The least divided layout that fits, with the run's micro-batch or else with one sequence.

    The most divided where none fits; like: whose precision and checkpointing it has.
    """
    layouts = [
        layout for _, layout in candidate_layouts(number, like.precision, like.checkpointing)
    ]
    for run in (subject, replace(subject, micro_sequences=1)):
        for layout in layouts:
            if Planned(run, device, number, layout, "bf16").fits:
                return layout
    return layouts[-1]
