"""Which architecture stands for which model."""

from __future__ import annotations

import pytest

from lmlab.io.hf.family import CLASSES, family, name_of_model, of_settings
from tests.io.hf.test_gpt2 import ARCH


def test_every_family_offers_the_same_functions():
    for name in CLASSES:
        module = family(name)
        for function in ("arch_config", "hf_config", "from_hf", "to_hf"):
            assert callable(getattr(module, function))
        assert all(name_of_model(kind) == name for kind in module.MODEL_TYPES)


def test_by_settings():
    node = {"_target_": CLASSES["gpt2"], "_partial_": True, "recipe": {}} | ARCH
    assert of_settings(node) == (family("gpt2"), ARCH)
    rotary = node | {"norm": "rms", "position": "rotary", "feed_forward": "swiglu", "bias": False}
    module, settings = of_settings(rotary)
    assert module is family("llama") and settings["norm_eps"] == 1e-5


def test_others_are_named():
    with pytest.raises(ValueError, match="model_type=mamba is not one of bart, bert, gpt2"):
        name_of_model("mamba")
    with pytest.raises(ValueError, match="transformers has no such model"):
        of_settings({"_target_": "lmlab.arch.transformer.Transformer"})
