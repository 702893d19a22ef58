"""What holds between an encoder-decoder here and its twin in transformers, as functions."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

from tests.io.hf.parity import FIRST, VOCAB_SIZE, exported, scattered

__all__ = ["VOCAB_SIZE", "exported", "scattered"]


def batch() -> dict[str, Tensor]:
    """Source (3, 11) with padding in the last row, target input and target (3, 7)."""
    torch.manual_seed(2)
    mask = torch.ones(3, 11, dtype=torch.bool)
    mask[2, 6:] = False
    return {
        "source": torch.randint(FIRST, VOCAB_SIZE, (3, 11)),
        "mask": mask,
        "tokens": torch.randint(FIRST, VOCAB_SIZE, (3, 7)),
        "targets": torch.randint(FIRST, VOCAB_SIZE, (3, 7)),
    }


def same_logits(model: Any, twin: Any) -> None:
    """Within 1e-5 in fp32."""
    data = batch()
    with torch.no_grad():
        ours = model.unembed(model(data["source"], data["tokens"], data["mask"]))
        theirs = twin(
            input_ids=data["source"], attention_mask=data["mask"], decoder_input_ids=data["tokens"]
        ).logits
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=0)


def same_loss_and_gradients(model: Any, twin: Any, arch: dict[str, Any], names: ModuleType) -> None:
    """Loss and the gradient of every parameter within 1e-4."""
    data = batch()
    logits = model.unembed(model(data["source"], data["tokens"], data["mask"]))
    loss = nn.functional.cross_entropy(logits.flatten(0, 1), data["targets"].flatten())
    loss.backward()
    theirs = twin(
        input_ids=data["source"],
        attention_mask=data["mask"],
        decoder_input_ids=data["tokens"],
        labels=data["targets"],
    ).loss
    theirs.backward()
    assert abs((loss - theirs).item()) < 1e-4
    ours = names.to_hf(gradients(model), arch)
    found = {name: p.grad for name, p in twin.named_parameters()}
    assert set(found) == {name for name in ours if name != "final_logits_bias"}
    for name, gradient in found.items():
        torch.testing.assert_close(ours[name], gradient, atol=1e-4, rtol=0, msg=name)


def gradients(model: nn.Module) -> dict[str, Tensor]:
    """Of every parameter under each of its names; zeros where nothing trains."""
    parameters = model.named_parameters(remove_duplicate=False)
    return {n: torch.zeros_like(p) if p.grad is None else p.grad for n, p in parameters}


@torch.no_grad()
def same_greedy_tokens(model: Any, twin: Any, start: int, steps: int = 32) -> None:
    """The likeliest token, 32 times over, through both caches; no end token stops it."""
    from transformers import GenerationConfig

    data = batch()
    cache = model.start_decoding(model.encode(data["source"], data["mask"]), data["mask"], steps)
    chosen = [torch.full((3, 1), start)]
    for _ in range(steps):
        logits = model.unembed(model.decode(chosen[-1], cache))
        chosen.append(logits[:, -1].argmax(-1, keepdim=True))
    twin.generation_config = GenerationConfig(
        decoder_start_token_id=start, pad_token_id=0, max_new_tokens=steps
    )
    theirs = twin.generate(data["source"], attention_mask=data["mask"].long(), do_sample=False)
    ours = torch.cat(chosen, 1)
    assert ours.tolist() == theirs.tolist()
    assert len({tuple(row) for row in ours.tolist()}) == 3  # not the same answer to everything


def same_tensors(ours: dict[str, Tensor], theirs: dict[str, Tensor]) -> None:
    """The same names and bits."""
    assert set(ours) == set(theirs)
    for name, tensor in ours.items():
        assert torch.equal(tensor, theirs[name]), name
