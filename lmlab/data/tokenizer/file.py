"""The tokenizer `file`: any tokenizer.json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Self

from tokenizers import Tokenizer as Backend

from lmlab.batch import NUM_SENTINELS, Vocab
from lmlab.data.document import Source
from lmlab.data.tokenizer.tokenizer import EOS, MARK_TEXT, BackendTokenizer

EOS_NAMES = (EOS, "<|end_of_text|>", "</s>", "<eos>", "<|eos|>", "<|im_end|>", "[SEP]")
PAD_NAMES = ("<pad>", "[PAD]", "<|pad|>", "<|padding|>")
MASK_NAMES = ("<mask>", "[MASK]", "<|mask|>")
CLS_NAMES = ("[CLS]", "<|cls|>")
SEP_NAMES = ("[SEP]", "<|sep|>")
# What RoBERTa and BART, which have a <mask>, call these two; elsewhere <s> is something else.
ROBERTA = ("<s>", "</s>")


class File(BackendTokenizer):
    """What a tokenizer.json of the package `tokenizers` says, whatever its kind.

    path: the file, or its folder; eos: the token that ends a document, null finds a usual name.
    Differs: templates of the file ([CLS] ... [SEP]) are not applied, and special strings in text
    are text. byte_lengths is None unless the file is a byte-level one. Long documents are encoded in
    pieces of 131072 characters, where a file that adds a space before every text adds one to each.
    """

    def __init__(self, *, path: str, eos: str | None) -> None:
        self.path, self.eos = path, eos

    def prepare(self, source: Source, cache_dir: Path) -> Self:
        backend = self._read()
        ids = backend.get_vocab(with_added_tokens=True)
        names = EOS_NAMES if self.eos is None else (self.eos,)
        eos_text = next((name for name in names if name in ids), None)
        if eos_text is None:
            special = [token.content for token in backend.get_added_tokens_decoder().values()]
            raise ValueError(
                f"tokenizer.eos={self.eos or 'null'}: {self.path} has no token "
                f"{' or '.join(names)}; its special tokens are {', '.join(special) or 'none'}"
            )
        size = 1 + max(ids.values())
        names_of = [PAD_NAMES, MASK_NAMES, CLS_NAMES, SEP_NAMES]
        if "<mask>" in ids:
            names_of[2:] = [(*CLS_NAMES, ROBERTA[0]), (*SEP_NAMES, ROBERTA[1])]
        pad, mask, cls, sep = (next((ids[n] for n in of if n in ids), None) for of in names_of)
        vocab = Vocab(
            size=size,
            eos=ids[eos_text],
            pad=pad,
            mask=mask,
            cls=cls,
            sep=sep,
            turn_start=ids.get(MARK_TEXT["turn_start"]),
            turn_end=ids.get(MARK_TEXT["turn_end"]),
            sentinels=sentinels(ids),
        )
        self._use(backend, vocab, eos_text)
        return self

    def _read(self) -> Backend:
        path = Path(self.path).expanduser()
        path = path / "tokenizer.json" if path.is_dir() else path
        if not path.is_file():
            raise ValueError(f"tokenizer.path={self.path}: there is no file {path}")
        text = path.read_text(encoding="utf-8", errors="replace")
        try:
            if "lmlab" in json.loads(text):
                raise ValueError("it was saved from tokenizer=bytes; use that")
            return Backend.from_str(text)
        except Exception as error:
            raise ValueError(f"tokenizer.path={self.path} is not usable: {error}") from error


def sentinels(ids: dict[str, int]) -> tuple[int, ...]:
    """The 100 names of hidden spans, as T5 or as this package writes them; () where they lack."""
    for name in ("<extra_id_{}>", "<|span_{}|>"):
        found = [ids.get(name.format(number)) for number in range(NUM_SENTINELS)]
        if None not in found:
            return tuple(id_ for id_ in found if id_ is not None)
    return ()
