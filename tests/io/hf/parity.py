"""What holds between an architecture of one stack and its twin in transformers, as functions."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

VOCAB_SIZE = 53
FIRST = 3  # tokens below are marks, which transformers' embeddings treat apart


def scattered(model: nn.Module, by: float = 0.17) -> Any:
    """The model with every parameter moved, so that no two norms or biases are alike."""
    torch.manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * by)
    return model.eval()


def exported(model: nn.Module, arch: dict[str, Any], names: ModuleType, folder: Path) -> Path:
    """A folder as transformers reads it."""
    weights = names.to_hf(model.state_dict(), arch)
    config = names.hf_config(arch, VOCAB_SIZE)
    (folder / "config.json").write_text(json.dumps(config))
    kept = {name: weight.clone() for name, weight in weights.items()}
    save_file(kept, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def tokens_and_targets() -> tuple[Tensor, Tensor]:
    """Two of (3, 11)."""
    torch.manual_seed(2)
    return torch.randint(FIRST, VOCAB_SIZE, (3, 11)), torch.randint(FIRST, VOCAB_SIZE, (3, 11))


def same_logits(model: Any, twin: Any) -> None:
    """Within 1e-5 in fp32."""
    tokens, _ = tokens_and_targets()
    with torch.no_grad():
        ours, theirs = model.unembed(model(tokens)), logits_of(twin(tokens))
    assert ours.std() > 0.1
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=0)


def logits_of(output: Any) -> Tensor:
    """Of a causal or masked language model, or of one with BERT's two heads."""
    return output.logits if "logits" in output else output.prediction_logits


def same_loss_and_gradients(model: Any, twin: Any, arch: dict[str, Any], names: ModuleType) -> None:
    """Loss and the gradient of every parameter that has one, within 1e-4."""
    tokens, targets = tokens_and_targets()
    model.zero_grad(), twin.zero_grad()
    losses = [
        nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten())
        for logits in (model.unembed(model(tokens)), logits_of(twin(tokens)))
    ]
    for loss in losses:
        loss.backward()
    assert abs((losses[0] - losses[1]).item()) < 1e-4
    ours = names.to_hf(gradients(model), arch)
    found = {name: p.grad for name, p in twin.named_parameters()}
    assert set(found) == set(ours)
    for name, gradient in found.items():
        gradient = torch.zeros_like(ours[name]) if gradient is None else gradient
        torch.testing.assert_close(ours[name], gradient, atol=1e-4, rtol=0, msg=name)


def gradients(model: nn.Module) -> dict[str, Tensor]:
    """Of every parameter under each of its names; zeros where there is none."""
    parameters = model.named_parameters(remove_duplicate=False)
    return {n: torch.zeros_like(p) if p.grad is None else p.grad for n, p in parameters}


@torch.no_grad()
def same_greedy_tokens(model: Any, twin: Any, steps: int = 32) -> None:
    """The likeliest token, 32 times over, through both caches; no end token stops it."""
    from transformers import GenerationConfig

    tokens, _ = tokens_and_targets()
    cache = model.new_cache(3, tokens.shape[1] + steps)
    chosen = [tokens]
    for _ in range(steps):
        logits = model.unembed(model(chosen[-1], cache=cache))
        chosen.append(logits[:, -1].argmax(-1, keepdim=True))
    twin.generation_config = GenerationConfig(pad_token_id=0, max_new_tokens=steps)
    theirs = twin.generate(tokens, attention_mask=torch.ones_like(tokens), do_sample=False)
    ours = torch.cat(chosen, 1)
    assert ours.tolist() == theirs.tolist()
    assert len({tuple(row[-steps:]) for row in ours.tolist()}) == 3  # not one answer to everything


def same_tensors(ours: dict[str, Tensor], theirs: dict[str, Tensor]) -> None:
    """The same names and bits."""
    assert set(ours) == set(theirs)
    for name, tensor in ours.items():
        assert torch.equal(tensor, theirs[name]), name
