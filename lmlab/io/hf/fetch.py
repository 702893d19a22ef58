"""A folder of published weights: one that is here, or one from the Hugging Face hub."""

from __future__ import annotations

import re
from pathlib import Path

from lmlab.io.checkpoint import CheckpointError
from lmlab.io.hf.gguf import unpacked

HUB = "hf:"
# A name on the hub: OWNER/NAME, or NAME for some of the oldest.
HUB_ID = re.compile(r"[\w-][\w.-]*(/[\w-][\w.-]*)?")
# Never weights that are pickles, and no code.
WANTED = ["*.safetensors", "*.safetensors.index.json", "*.json", "vocab.txt", "merges.txt"]


def fetch(init_from: str) -> Path:
    """The folder that hf:FOLDER or hf:NAME-ON-THE-HUB stands for, downloaded or unpacked if need be.

    Raises: CheckpointError when it is neither here nor to be had, saying what would do.
    """
    name = init_from.removeprefix(HUB)
    folder = Path(name).expanduser()
    if folder.is_dir():
        return unpacked(folder)
    if not HUB_ID.fullmatch(name):
        raise CheckpointError(
            f"init_from={init_from}: there is no folder {folder}, and that is no name on the hub "
            "(OWNER/NAME)"
        )
    try:
        from huggingface_hub import snapshot_download
    except ImportError:
        raise CheckpointError(
            f"init_from={init_from}: there is no folder {folder}; to fetch it from the hub, "
            "pip install huggingface_hub, or download it yourself and give its folder"
        ) from None
    try:
        return Path(snapshot_download(name, allow_patterns=WANTED))
    except Exception as error:
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        raise CheckpointError(
            f"init_from={init_from}: there is no folder {folder}, and the hub did not give it "
            f"({reason}); without network, download it elsewhere and give its folder"
        ) from error
