"""The stage that shows what a mesh does: two worked examples, then the chosen architecture."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from lmlab.mesh.interconnect import interconnects
from lmlab.mesh.machines import ring_all_gather
from lmlab.mesh.report import arch_rows, axis_rows, tensor_rows
from lmlab.mesh.walk import attention, matmul, shard_rows, step_rows
from lmlab.scaling.answer import Answer
from lmlab.scaling.markdown import markdown_table
from lmlab.scaling.plan.named import look_up


class MeshExplain:
    """Which part every machine holds, which collectives are where, and what they cost.

    mesh, rules: as `hardware=mesh` has them; interconnect: a name for each axis of the mesh.
    Raises: ValueError for an axis without interconnect, and as lmlab.mesh.check does.
    Source: rows S1-10 to S1-17, with the corrected mapping.
    """

    needs_model: ClassVar[bool] = False

    def __init__(
        self,
        *,
        mesh: dict[str, int],
        rules: dict[str, str | None],
        interconnect: dict[str, str],
        activations: Literal["bf16", "fp32"],
    ) -> None:
        missing = [axis for axis in mesh if axis not in interconnect]
        if missing:
            raise ValueError(
                f"stage.interconnect has no {missing[0]}: set stage.interconnect.{missing[0]}=NVLink_4 "
                "or another name of lmlab/mesh/interconnect.yaml"
            )
        self.mesh, self.rules = mesh, rules
        self.links = {
            axis: look_up(interconnects(), interconnect[axis], f"stage.interconnect.{axis}")
            for axis in mesh
        }
        self.number_bytes = 2 if activations == "bf16" else 4

    def answer(self, subject: Any, arch: Any) -> Answer:
        """subject: sizes of the run (lmlab.scaling.plan.subject); arch: on meta, which is divided."""
        from lmlab.mesh import figure
        from lmlab.mesh.check import check
        from lmlab.mesh.traffic import collectives_of, sent_in_a_step

        check(arch, self.mesh, self.rules)
        tensors = tensor_rows(arch, self.mesh, self.rules)
        copies = self.mesh.get(str(self.rules.get("batch")), 1)
        rows = max(1, min(subject.micro_sequences, int(self._sequences(subject) / copies)))
        num_micro = max(1, round(self._sequences(subject) / copies / rows))
        found = collectives_of(arch, self.mesh, self.rules, subject.lengths, rows)
        sent = sent_in_a_step(
            found, self.mesh, num_micro=num_micro, activation_bytes=self.number_bytes
        )
        by_axis = axis_rows(sent, self.links)
        walks = matmul(), attention()
        tables = {
            "matmul_shards": shard_rows(walks[0], dict.fromkeys("ABC", ("y", "x"))),
            "matmul_steps": step_rows(walks[0]),
            "attention_steps": step_rows(walks[1]),
            "tensors": tensors,
            "collectives": arch_rows(sent, self.links),
            "axes": by_axis,
        }
        mesh = " x ".join(f"{size} {name}" for name, size in self.mesh.items())
        about = (
            f"One step: {num_micro} micro-batch(es) of {rows} x {subject.seq_len} tokens a device, "
            f"{copies} shares of the batch, on {mesh}. Times are bytes by the interconnect's rate, "
            "without the latency of each message, and as if nothing were hidden behind arithmetic."
        )
        return Answer(
            text=_text(tables, subject.name, about, walks),
            metrics=_metrics(sent, self.links),
            figures={
                "matmul": figure.matmul_figure(walks[0]),
                "attention": figure.attention_figure(walks[1]),
                **({"collectives": figure.traffic_figure(sent, self.links)} if sent else {}),
            },
            tables={name: table for name, table in tables.items() if table},
            summary={"mesh": mesh}
            | {row["axis"]: f"{row['sent']} in {row['time']}" for row in by_axis},
        )

    def _sequences(self, subject: Any) -> float:
        return float(subject.batch_tokens) / float(subject.seq_len)


def _metrics(sent: list[Any], links: dict[str, Any]) -> dict[str, float]:
    found: dict[str, float] = {}
    for axis, link in links.items():
        total = sum(one.sent_bytes for one in sent if one.axis == axis)
        found[f"mesh/{axis}_sent_bytes"] = float(total)
        found[f"mesh/{axis}_seconds"] = link.seconds(total)
    return found


def _text(tables: dict[str, Any], name: str, about: str, walks: tuple[Any, Any]) -> str:
    ring = [
        {"after step": str(i)}
        | {f"machine {j}": " ".join(map(str, p)) for j, p in enumerate(have, 1)}
        for i, have in enumerate(ring_all_gather(4))
    ]
    parts = [
        "## A matrix product on 2x4 machines",
        "C = A B with A, B and C all [16_y,16_x]: 16 rows divided along y, 16 columns along x. The "
        'mapping {"m": "y", "p": "x"} says which letters stay divided; n is summed over, so it is '
        "gathered.",
        markdown_table(tables["matmul_shards"]),
        markdown_table(tables["matmul_steps"]),
        f"Largest difference to the plain einsum: {walks[0].error('C'):.1e}.",
        "### An all-gather on four machines\n\nPieces that each has; in a step it passes the newest on.",
        markdown_table(ring),
        "## Attention on 2x4 machines",
        'Mapping {"b": "data", "h": "model"}: sequences along data, heads along model.',
        markdown_table(tables["attention_steps"]),
        f"Largest difference to the plain einsum: {walks[1].error('Y'):.1e}. Numbers of 4 bytes.",
        f"## {name} under the rules",
        markdown_table(tables["tensors"]),
        about,
        markdown_table(tables["collectives"]) or "Nothing is sent.",
        markdown_table(tables["axes"]),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"
