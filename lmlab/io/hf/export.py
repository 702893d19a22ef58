"""The files of a folder that transformers loads: weights, config.json, tokenizer, generation."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors.torch import save_file
from torch import Tensor

from lmlab.batch import Vocab

# {name in transformers: field of Vocab} of the tokens that have a role there.
ROLES = {
    "bos_token": "eos",
    "eos_token": "eos",
    "pad_token": "pad",
    "mask_token": "mask",
    "cls_token": "cls",
    "sep_token": "sep",
}


def token_ids(vocab: Vocab, kind: str) -> dict[str, int | None]:
    """What config.json says of special tokens; kind: decoder, encoder or encoder_decoder."""
    found = {"bos_token_id": vocab.eos, "eos_token_id": vocab.eos, "pad_token_id": vocab.pad}
    if kind == "encoder_decoder":
        found["decoder_start_token_id"] = vocab.pad
    return found


def generation_config(vocab: Vocab, kind: str, *, chats: bool) -> dict[str, Any]:
    """When generation stops: at the end of a text, and in a chat at the end of a turn."""
    stops = [vocab.eos]
    if chats and vocab.turn_end is not None:
        stops.append(vocab.turn_end)
    pad = vocab.eos if vocab.pad is None else vocab.pad
    found = token_ids(vocab, kind) | {"pad_token_id": pad}
    return found | {"eos_token_id": stops if len(stops) > 1 else stops[0]}


def tokenizer_files(
    backend: Mapping[str, Any], texts: Mapping[int, str], vocab: Vocab, max_seq_len: int
) -> dict[str, dict[str, Any]]:
    """{file name: contents} that AutoTokenizer reads.

    backend: a tokenizer.json; texts: how special tokens read, by id. Every special token is marked
    as one; a limit or padding that the file had for its own use is left out.
    """
    roles = {}
    for role, field in ROLES.items():
        id_ = getattr(vocab, field)
        if id_ is not None and id_ in texts:
            roles[role] = texts[id_]
    others = [text for text in texts.values() if text not in roles.values()]
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": max_seq_len,
        "clean_up_tokenization_spaces": False,
        **roles,
    }
    if others:
        settings["additional_special_tokens"] = others
    special = roles | ({"additional_special_tokens": others} if others else {})
    return {
        "tokenizer.json": dict(backend) | {"truncation": None, "padding": None},
        "tokenizer_config.json": settings,
        "special_tokens_map.json": special,
    }


def write_files(
    folder: Path, weights: Mapping[str, Tensor], files: Mapping[str, dict[str, Any]]
) -> None:
    """model.safetensors and the JSON files, into a folder that exists."""
    kept = {name: weight.detach().cpu().contiguous() for name, weight in weights.items()}
    path = folder / "model.safetensors"
    save_file(kept, path, metadata={"format": "pt"})
    path.chmod(folder.stat().st_mode & 0o666)  # save_file leaves it to its owner alone
    for name, contents in files.items():
        text = json.dumps(contents, indent=2, ensure_ascii=False) + "\n"
        (folder / name).write_text(text, encoding="utf-8")
