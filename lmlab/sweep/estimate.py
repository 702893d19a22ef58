"""Sizes, compute, time and memory of jobs that are not run: parameters on the meta device.

`python -m lmlab.sweep.estimate JOBS.json` prints a JSON list; the command line itself has no torch.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from lmlab.config.needs import needs_model

# The fraction of the peak rate that a run is taken to reach.
UTILISATION = {"cpu": 0.4, "gpu": 0.35, "tpu": 0.35}
OPTIMIZER_BYTES = 16  # a parameter: weight, gradient, two moments, in fp32
ACTIVATION_BYTES = 34  # a layer, token and channel; Korthikanti et al. 2022, without attention


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
    end the run; minutes also where the device is not here and hardware.peak_flops is not set.
    """
    if not needs_model(config):
        return {"params": 0, "params_inside": 0, "tokens": 0, "flops": 0.0, "minutes": 0.0,
                "memory_bytes": 0.0}  # fmt: skip
    import torch

    from lmlab.build import flops_per_sequence, make_arch
    from lmlab.processes import num_processes, num_shares
    from lmlab.stage.plan import make_plan, step_sequences
    from lmlab.undrawn import NothingDrawn
    from lmlab.vocabulary import vocabulary

    vocab = vocabulary(config)
    with torch.device("meta"), NothingDrawn():
        arch = make_arch(config, vocab.size)
    total = sum(p.numel() for p in arch.parameters())
    inside = total - arch.num_embedding_params()
    seq_len = int(config["data"].get("seq_len", arch.max_seq_len))
    num_processes(config["hardware"])  # raises for a mesh that is not made of them
    shares = num_shares(config["hardware"])
    sequences = step_sequences(
        batch_tokens=config["batch"]["tokens"],
        batch_sequences=config["batch"]["sequences"],
        seq_len=seq_len,
        world_size=shares,
    )
    found: dict[str, Any] = {"params": total, "params_inside": inside}
    micro = min(config["batch"]["micro_sequences"], sequences // shares)
    kept = ACTIVATION_BYTES * arch.num_layers * arch.width * micro * seq_len
    found["memory_bytes"] = float(total * OPTIMIZER_BYTES + kept)
    if config["budget"].get("epochs") is not None:
        return found | {"tokens": None, "flops": None, "minutes": None}
    plan = make_plan(
        budget=config["budget"],
        recipe_tokens=config["arch"]["recipe"]["tokens"],
        sequences=sequences,
        micro_sequences=config["batch"]["micro_sequences"],
        seq_len=seq_len,
        world_size=shares,
        flops_per_token=flops_per_sequence(arch, _objective(config, vocab, arch.kind), seq_len)
        / seq_len,
        num_params=inside,
    )
    return found | _spent(plan, config["hardware"])


def _spent(plan: Any, hardware: dict[str, Any]) -> dict[str, Any]:
    """hardware: its settings; a machine that has not what they ask for can plan it too."""
    from lmlab.processes import num_processes

    if plan.num_steps is None:
        return {"tokens": None, "flops": None, "minutes": plan.minutes}
    tokens = plan.num_steps * plan.step_tokens
    flops = tokens * plan.flops_per_token
    peak, how, accelerator = _peak(hardware)
    if peak is None:
        return {"tokens": tokens, "flops": flops, "minutes": plan.minutes, "missing": accelerator}
    used = UTILISATION[accelerator]
    minutes = flops / (peak * num_processes(hardware) * used) / 60.0
    if plan.minutes:
        minutes = min(minutes, plan.minutes)
    about = {"peak": peak, "how": how, "utilisation": used}
    return {"tokens": tokens, "flops": flops, "minutes": minutes, **about}


_PEAKS: dict[tuple[str, str], tuple[float, str]] = {}


def _peak(hardware: dict[str, Any]) -> tuple[float | None, str, str]:
    """The peak rate of one device, None where it is not here; how it is known; its kind."""
    import torch

    from lmlab.hardware import cpu_has_bf16
    from lmlab.metric.throughput import peak_flops

    accelerator, here = hardware["accelerator"], torch.cuda.device_count() > 0
    if accelerator == "auto":
        accelerator = "gpu" if here else "cpu"
    if hardware.get("peak_flops") is not None:
        return float(hardware["peak_flops"]), "hardware.peak_flops", accelerator
    if accelerator == "tpu" or (accelerator == "gpu" and not here):
        return None, "", accelerator
    precision = hardware["precision"]
    if precision == "auto":
        precision = "bf16" if here or cpu_has_bf16() else "fp32"
    key = (accelerator, precision)
    if key not in _PEAKS:
        _PEAKS[key] = peak_flops(*key)
    return *_PEAKS[key], accelerator


def _objective(config: dict[str, Any], vocab: Any, kind: str) -> Any:
    """The objective, for the lengths of what it makes of a window."""
    from lmlab.build import instantiate, supply

    return supply(instantiate(config["objective"]), vocab=vocab, kind=kind, word_starts=None)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
