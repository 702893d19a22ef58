"""Which architecture stands for which of transformers' models."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from types import ModuleType
from typing import Any

# {module here: the architecture it names the weights of}.
CLASSES = {
    "gpt2": "lmlab.arch.gpt.GPT",
    "llama": "lmlab.arch.llama.Llama",
    "bert": "lmlab.arch.bert.BERT",
    "t5": "lmlab.arch.t5.T5",
    "bart": "lmlab.arch.bart.BART",
}
# An option of each to begin with.
OPTION = {"gpt2": "gpt2_small", "llama": "llama", "bert": "bert", "t5": "t5", "bart": "bart"}


def family(name: str) -> ModuleType:
    """The module that names its weights."""
    return import_module(f"lmlab.io.hf.{name}")


def name_of_model(model_type: str) -> str:
    """The family of a config.json's model_type. Raises: ValueError for one that is not here."""
    known = {kind: name for name in CLASSES for kind in family(name).MODEL_TYPES}
    if model_type not in known:
        raise ValueError(
            f"config.json: model_type={model_type} is not one of {', '.join(sorted(known))}"
        )
    return known[model_type]


def of_settings(settings: Mapping[str, Any]) -> tuple[ModuleType, dict[str, Any]]:
    """The family that an architecture's settings are written as, and the settings in its keywords.

    A GPT made of Llama's parts becomes a Llama. Raises: ValueError for one that has no counterpart.
    """
    names = {target: name for name, target in CLASSES.items()}
    name, keywords = names.get(settings["_target_"]), plain(settings)
    if name is None:
        raise ValueError(
            f"arch={settings['_target_']}: transformers has no such model; it has those of "
            f"{', '.join(names)}"
        )
    if name == "gpt2":
        as_llama = family("llama").of_gpt(keywords)
        if as_llama is not None:
            return family("llama"), as_llama
    return family(name), keywords


def plain(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The constructor's keywords in the configuration of an architecture."""
    return {k: v for k, v in settings.items() if not k.startswith("_") and k != "recipe"}
