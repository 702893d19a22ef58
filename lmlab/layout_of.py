"""A `hardware` node as the layout of a plan: how a model would lie on its devices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lmlab.processes import num_processes
from lmlab.scaling.plan.flops import Checkpointing
from lmlab.scaling.plan.memory import Layout
from lmlab.scaling.plan.subject import Asked

COMPUTED = ("heads", "mlp", "vocab")  # axes that a mesh computes in parts


def asked_of(node: Mapping[str, Any]) -> Asked:
    """What a run with this hardware would be on; `layout` has the precision that bf16 means there."""
    number = int(node["devices"]) * int(node["nodes"])
    layout, refusal = None, ""
    try:
        layout = layout_of(node, num_processes(node))
    except ValueError as error:
        refusal = str(error)
    return Asked(
        num_devices=number,
        layout=layout,
        refusal=refusal,
        accelerator=str(node.get("accelerator", "auto")),
        precision=str(node.get("precision", "auto")),
        checkpointing=_checkpointing(node),
        note=_note(node, number),
    )


def layout_of(node: Mapping[str, Any], number: int) -> Layout | None:
    """None for several processes without a strategy. Raises: ValueError for what no plan knows."""
    strategy, checkpointing = str(node.get("strategy", "auto")), _checkpointing(node)
    if strategy == "auto":
        return Layout(checkpointing=checkpointing) if number == 1 else None
    if strategy == "ddp":
        return Layout(data=number, checkpointing=checkpointing)
    if strategy == "xla":
        return Layout(data=number, precision="bf16", checkpointing=checkpointing)
    if strategy in ("fsdp", "fsdp2"):
        return _sharded(node, number)
    if strategy == "deepspeed":
        return Layout(
            zero=node["zero_stage"],
            data=number,
            precision="bf16_master",
            checkpointing=checkpointing,
            offload="optimizer" if node["offload_optimizer"] else "none",
        )
    if strategy == "mesh":
        return _meshed(node, number)
    raise ValueError(
        f"hardware.strategy={strategy} cannot be planned; set stage.strategy to none, ddp or zero1 to "
        "zero3, or use hardware=ddp, fsdp2, fsdp, deepspeed or mesh"
    )


def _sharded(node: Mapping[str, Any], number: int) -> Layout:
    replicas = int(node["replicas"])
    if replicas < 1 or number % replicas:
        raise ValueError(
            f"hardware.replicas={replicas} must divide the {number} processes "
            "(hardware.devices x hardware.nodes)"
        )
    return Layout(
        zero=3,
        data=number,
        replicas=replicas,
        checkpointing=_checkpointing(node),
        gathered_bytes=2 if node["gather_dtype"] == "bf16" else 4,
        keeps_blocks=not node["reshard_after_forward"],
        keeps_gradients=node["reduce_every"] == "step",
        offload="all" if node["cpu_offload"] else "none",
    )


def _meshed(node: Mapping[str, Any], number: int) -> Layout:
    """Tensor parallel on the one axis of heads, mlp and vocab; ZeRO 3 where weights lie on batch's."""
    mesh, rules = node["mesh"], node["rules"]
    batch, embed = rules.get("batch"), rules.get("embed")
    targets = {rules.get(axis) for axis in COMPUTED}
    said = ", ".join(
        f"{axis}: {rules.get(axis) or 'null'}" for axis in ("batch", *COMPUTED, "embed")
    )
    if len(targets) > 1 or embed not in (None, batch):
        raise ValueError(
            f"hardware.rules={{{said}}} cannot be planned: a plan knows heads, mlp and vocab on one "
            "axis (or all null), and embed on batch's axis or null; or set stage.strategy and "
            "stage.tensor"
        )
    target = targets.pop()
    tensor = 1 if target in (None, batch) else mesh[target]
    data = 1 if batch is None else mesh[batch]
    if data * tensor != number:
        idle = [axis for axis, size in mesh.items() if size > 1 and axis not in (batch, target)]
        raise ValueError(
            f"hardware.mesh.{idle[0]}={mesh[idle[0]]} cannot be planned: of hardware.rules={{{said}}} "
            "none lays batch or heads on it, so its devices would all do the same; give it a rule or "
            f"~hardware.mesh.{idle[0]}"
        )
    stored = batch is not None and batch in (target, embed)
    return Layout(
        zero=3 if stored else 0,
        data=data,
        tensor=tensor,
        checkpointing=_checkpointing(node),
        buckets=False,
        gathered_bytes=4,
    )


def _checkpointing(node: Mapping[str, Any]) -> Checkpointing:
    return "blocks" if node.get("activation_checkpointing") == "blocks" else "none"


def _note(node: Mapping[str, Any], number: int) -> str:
    """What a run would say that a plan does not mind."""
    strategy = node.get("strategy", "auto")
    if number > 1 and strategy == "auto":
        return (
            f"To train on {number} devices a run also wants a strategy, such as hardware=fsdp2 or "
            "hardware=ddp."
        )
    if number > 1 and strategy == "xla":
        return "This is planned only: a run on several TPU cores is refused (docs/hardware.md)."
    return ""
