"""Sizes, compute, time and memory of jobs that are not run: parameters on the meta device.

`python -m lmlab.sweep.estimate JOBS.json` prints a JSON list; the command line itself has no torch.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from lmlab.config.needs import needs_model


def main(path: str) -> int:
    """Read the configurations, print what each takes."""
    found = [safely(config) for config in json.loads(Path(path).read_text())]
    print(json.dumps(found))
    return 0


def safely(config: dict[str, Any]) -> dict[str, Any]:
    """The estimate, or why there is none: a wrong size must not hide the other jobs."""
    try:
        return estimate(config)
    except Exception as error:
        return {"error": str(error).splitlines()[0] if str(error) else type(error).__name__}


def estimate(config: dict[str, Any]) -> dict[str, Any]:
    """params, params_inside, tokens, flops, minutes, memory_bytes and how the peak is known.

    minutes and flops are None where only the data would tell (epochs), flops where only minutes
    end the run; minutes also where the device is not here and hardware.peak_flops is not set;
    memory_bytes where no plan knows the layout. at_most: tokens, flops and minutes are those of full
    rows, and the stage counts what is in them.
    """
    if not needs_model(config):
        return {"params": 0, "params_inside": 0, "tokens": 0, "flops": 0.0, "minutes": 0.0,
                "memory_bytes": 0.0}  # fmt: skip
    import torch

    from lmlab.build import flops_per_sequence, make_arch
    from lmlab.stage.plan import make_plan
    from lmlab.undrawn import NothingDrawn
    from lmlab.vocabulary import vocabulary

    vocab = vocabulary(config)
    with torch.device("meta"), NothingDrawn():
        arch = make_arch(config, vocab.size)
    total = sum(p.numel() for p in arch.parameters())
    inside = total - arch.num_embedding_params()
    seq_len = int(config["data"].get("seq_len", arch.max_seq_len))
    sequences, shares = _sequences(config, seq_len)
    share = sequences // shares
    micro = min(config["batch"]["micro_sequences"], share)
    memory = _memory(config["hardware"], arch, micro, seq_len, -(-share // micro))
    at_most = _counts_tokens(config["stage"]["_target_"])
    found = {"params": total, "params_inside": inside, "memory_bytes": memory, "at_most": at_most}
    if config["budget"].get("epochs") is not None:
        return found | {"tokens": None, "flops": None, "minutes": None}
    flops = flops_per_sequence(arch, _objective(config, vocab, arch.kind), seq_len)
    plan = make_plan(
        budget=config["budget"],
        recipe_tokens=config["arch"]["recipe"]["tokens"],
        sequences=sequences,
        micro_sequences=config["batch"]["micro_sequences"],
        seq_len=seq_len,
        world_size=shares,
        flops_per_token=flops / seq_len,
        num_params=inside,
    )
    return found | _spent(plan, config["hardware"], int(arch.width))


def _sequences(config: dict[str, Any], seq_len: int) -> tuple[int, int]:
    """Sequences of a step, and the shares that they are divided into."""
    from lmlab.processes import num_processes, num_shares
    from lmlab.stage.plan import step_sequences

    num_processes(config["hardware"])  # raises for a mesh that is not made of them
    shares = num_shares(config["hardware"])
    batch = config["batch"]
    sequences = step_sequences(
        batch_tokens=batch["tokens"],
        batch_sequences=batch["sequences"],
        seq_len=seq_len,
        world_size=shares,
    )
    return sequences, shares


def _memory(
    hardware: dict[str, Any], arch: Any, micro: int, seq_len: int, num_micro: int
) -> float | None:
    """Of one process at the peak of a step, as stage=plan counts it; None for a layout it does not know."""
    from lmlab.layout_of import asked_of
    from lmlab.scaling.plan.memory import Layout, on_cpu, total_memory
    from lmlab.shape_of import shape_of
    from lmlab.sweep.speed import accelerator_of

    asked = asked_of(hardware)
    if asked.refusal:
        return None
    accelerator, precision, _ = accelerator_of(hardware)
    layout = asked.layout or Layout(data=asked.num_devices, checkpointing=asked.checkpointing)
    if precision == "fp32":
        layout = replace(layout, precision="fp32")
    if accelerator == "cpu":
        layout = on_cpu(layout, seq_len)
    return total_memory(shape_of(arch), layout, micro * seq_len, seq_len, num_micro)


def _counts_tokens(target: str) -> bool:
    """Whether a stage counts the tokens of its rows, because they are not all full."""
    import hydra

    count = getattr(hydra.utils.get_class(target), "step_tokens", None)
    return count is not None and count.__qualname__ != "Training.step_tokens"


def _spent(plan: Any, hardware: dict[str, Any], width: int) -> dict[str, Any]:
    """hardware: its settings; a machine that has not what they ask for can plan it too."""
    from lmlab.processes import num_processes
    from lmlab.sweep.speed import START_SECONDS, accelerator_of, peak_of, utilisation

    if plan.num_steps is None:
        return {"tokens": None, "flops": None, "minutes": plan.minutes}
    tokens = plan.num_steps * plan.step_tokens
    flops = tokens * plan.flops_per_token
    (peak, how), accelerator = peak_of(hardware), accelerator_of(hardware)[0]
    if peak is None:
        return {"tokens": tokens, "flops": flops, "minutes": plan.minutes, "missing": accelerator}
    used = utilisation(accelerator, width)
    minutes = flops / (peak * num_processes(hardware) * used) / 60.0
    if plan.minutes:
        minutes = min(minutes, plan.minutes)
    about = {"peak": peak, "how": how, "utilisation": used}
    return {"tokens": tokens, "flops": flops, "minutes": minutes + START_SECONDS / 60.0, **about}


def _objective(config: dict[str, Any], vocab: Any, kind: str) -> Any:
    """The objective, for the lengths of what it makes of a window."""
    from lmlab.build import instantiate, supply

    return supply(instantiate(config["objective"]), vocab=vocab, kind=kind, word_starts=None)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
