"""The vocabulary of a run by its settings: nothing is trained or fetched for a plan."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from lmlab.batch import SPECIALS, Vocab
from lmlab.config.definition import literal

BYTES, GPT2 = 257, 50257  # tokens of these two


def vocabulary(config: Mapping[str, Any]) -> Vocab:
    """With the special tokens that its data, objective or stage wish for.

    That of the folder of published weights which a run starts from, if its tokenizer is here; GPT-2's
    size where only a file that is not here would tell.
    """
    node = config["tokenizer"]
    published = str(config.get("init_from") or "").partition("hf:")[2]
    size = _size_in(published) or node.get("size") or _size_in(node.get("path"))
    size = int(size or (BYTES if node["_target_"].endswith(".Bytes") else GPT2))
    groups = ("data", "objective", "stage")
    wishes = [literal(config[group]["_target_"], "specials") or "none" for group in groups]
    return Vocab(size=size, eos=size - 1).with_specials(max(wishes, key=SPECIALS.index))  # type: ignore[arg-type]


def _size_in(place: str | None) -> int | None:
    """Tokens of a tokenizer.json, or of the one in a folder; None where none can be read."""
    if not place:
        return None
    try:
        path = Path(place).expanduser()
        file = path / "tokenizer.json" if path.is_dir() else path
        return int(Tokenizer.from_file(str(file)).get_vocab_size()) if file.is_file() else None
    except Exception:  # the library has no narrower one; the run will say what the file lacks
        return None
