"""The vocabulary of a run by its settings alone: nothing is trained or read for a plan."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lmlab.batch import SPECIALS, Vocab
from lmlab.config.definition import literal

BYTES, GPT2 = 257, 50257  # tokens of these two


def vocabulary(config: Mapping[str, Any]) -> Vocab:
    """With the special tokens that its data, objective or stage wish for.

    GPT-2's size where only the tokenizer's file would tell.
    """
    node = config["tokenizer"]
    size = int(node.get("size") or (BYTES if node["_target_"].endswith(".Bytes") else GPT2))
    groups = ("data", "objective", "stage")
    wishes = [literal(config[group]["_target_"], "specials") or "none" for group in groups]
    return Vocab(size=size, eos=size - 1).with_specials(max(wishes, key=SPECIALS.index))  # type: ignore[arg-type]
