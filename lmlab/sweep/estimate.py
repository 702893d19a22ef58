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
UTILISATION = {"cpu": 0.4, "gpu": 0.35}
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
    end the run.
    """
    if not needs_model(config):
        return {"params": 0, "params_inside": 0, "tokens": 0, "flops": 0.0, "minutes": 0.0,
                "memory_bytes": 0.0}  # fmt: skip
    import torch

    from lmlab.build import flops_per_sequence, instantiate, make_arch
    from lmlab.stage.plan import make_plan, step_sequences

    vocab = vocabulary(config)
    with torch.device("meta"):
        arch = make_arch(config, vocab.size)
    total = sum(p.numel() for p in arch.parameters())
    inside = total - arch.num_embedding_params()
    seq_len = int(config["data"].get("seq_len", arch.max_seq_len))
    hardware = instantiate(config["hardware"])
    sequences = step_sequences(
        batch_tokens=config["batch"]["tokens"],
        batch_sequences=config["batch"]["sequences"],
        seq_len=seq_len,
        world_size=hardware.world_size,
    )
    found: dict[str, Any] = {"params": total, "params_inside": inside}
    micro = min(config["batch"]["micro_sequences"], sequences // hardware.world_size)
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
        world_size=hardware.world_size,
        flops_per_token=flops_per_sequence(arch, _objective(config, vocab, arch.kind), seq_len)
        / seq_len,
        num_params=inside,
    )
    return found | _spent(plan, hardware)


def _spent(plan: Any, hardware: Any) -> dict[str, Any]:
    from lmlab.metric.throughput import peak_flops

    if plan.num_steps is None:
        return {"tokens": None, "flops": None, "minutes": plan.minutes}
    tokens = plan.num_steps * plan.step_tokens
    flops = tokens * plan.flops_per_token
    peak, how = hardware.peak_flops, "hardware.peak_flops"
    if peak is None:
        peak, how = _PEAKS.setdefault(
            (hardware.accelerator, hardware.precision),
            peak_flops(hardware.accelerator, hardware.precision),
        )
    used = UTILISATION[hardware.accelerator]
    minutes = flops / (peak * hardware.world_size * used) / 60.0
    if plan.minutes:
        minutes = min(minutes, plan.minutes)
    about = {"peak": peak, "how": how, "utilisation": used}
    return {"tokens": tokens, "flops": flops, "minutes": minutes, **about}


_PEAKS: dict[tuple[str, str], tuple[float, str]] = {}


def vocabulary(config: dict[str, Any]) -> Any:
    """The vocabulary by the tokenizer's settings: nothing is trained or read for an estimate.

    GPT-2's size where only the tokenizer's file would tell.
    """
    from lmlab.batch import Vocab
    from lmlab.build import instantiate, wished_specials

    node = config["tokenizer"]
    size = int(node.get("size") or (257 if node["_target_"].endswith(".Bytes") else 50257))
    makers = {group: instantiate(config[group]) for group in ("data", "objective", "stage")}
    return Vocab(size=size, eos=size - 1).with_specials(wished_specials(makers))


def _objective(config: dict[str, Any], vocab: Any, kind: str) -> Any:
    """The objective, for the lengths of what it makes of a window."""
    from lmlab.build import instantiate, supply

    return supply(instantiate(config["objective"]), vocab=vocab, kind=kind, word_starts=None)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
