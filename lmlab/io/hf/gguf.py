"""A GGUF file, as llama.cpp reads it, made into a folder of safetensors once."""

from __future__ import annotations

import hashlib
import json
from functools import partial
from pathlib import Path
from typing import Any

from safetensors.torch import save_file

from lmlab.io.checkpoint import CheckpointError
from lmlab.once import cache_dir, made_once


def unpacked(folder: Path) -> Path:
    """The folder itself, or where its only GGUF file was unpacked: $LMLAB_CACHE or ~/.cache/lmlab.

    transformers and gguf (the extra `weights`) read the file, whose quantised numbers become fp32.
    Raises: CheckpointError without these packages, and for several such files.
    """
    files = sorted(folder.glob("*.gguf"))
    if not files or (folder / "config.json").is_file():
        return folder
    if len(files) > 1:
        names = ", ".join(path.name for path in files)
        raise CheckpointError(
            f"init_from=hf:{folder}: there are several GGUF files ({names}); leave one of them there"
        )
    about = files[0].stat()
    known = hashlib.sha256(f"{files[0].resolve()} {about.st_size} {about.st_mtime_ns}".encode())
    place = cache_dir() / "gguf" / known.hexdigest()[:16]
    made_once(place, f"unpacking {files[0].name}", _is_whole, partial(_unpack, files[0]))
    return place


def _is_whole(folder: Path) -> bool:
    return (folder / "tokenizer.json").is_file()


def _unpack(file: Path, folder: Path) -> None:
    try:
        import gguf  # noqa: F401  (transformers asks for it)
        import torch
        import transformers
    except ImportError as error:
        raise CheckpointError(
            f"init_from=hf:{file.parent}: reading {file.name} needs {error.name}; "
            "pip install 'lmlab[weights]'"
        ) from None
    keywords: dict[str, Any] = {"gguf_file": file.name}
    model = transformers.AutoModelForCausalLM.from_pretrained(
        file.parent, dtype=torch.float32, **keywords
    )
    tied = {"lm_head.weight"} if model.config.tie_word_embeddings else set()
    weights = {name: w.contiguous() for name, w in model.state_dict().items() if name not in tied}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    config = model.config.to_dict()
    config.pop("quantization_config", None)
    (folder / "config.json").write_text(json.dumps(config, default=str))
    transformers.AutoTokenizer.from_pretrained(file.parent, **keywords).save_pretrained(folder)
