"""The tokenizer of an earlier run: weights only mean something with the ids they were trained on."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Self

from tokenizers import Tokenizer as Backend

from lmlab.batch import Vocab
from lmlab.data.document import Source
from lmlab.data.tokenizer.bpe import Bpe
from lmlab.data.tokenizer.bytes import Bytes
from lmlab.data.tokenizer.file import File
from lmlab.data.tokenizer.tokenizer import EOS, BackendTokenizer, Tokenizer
from lmlab.durable import replace_text

FOLDER, RECORD = "tokenizer", "lmlab.json"
# What a tokenizer of one's own may have beside it: how its model was taught to chat.
OF_TEMPLATES = ("chat_template.jinja", "tokenizer_config.json")


class Kept(BackendTokenizer):
    """A tokenizer that `keep` wrote: the same ids and the same fingerprint."""

    def __init__(self, folder: Path, record: dict[str, Any]) -> None:
        self.folder, self.record = folder, record
        self.path = str(folder)  # beside which its chat template is, where it has one

    def prepare(self, source: Source, cache_dir: Path) -> Self:
        vocab = self.record["vocab"]
        vocab = Vocab(**(vocab | {"sentinels": tuple(vocab["sentinels"])}))
        backend = Backend.from_file(str(self.folder / "tokenizer.json"))
        self._use(backend, vocab, self.record["eos_text"])
        self.fingerprint = self.record["fingerprint"]
        return self


def keep(tokenizer: Tokenizer, run: Path) -> None:
    """Write a prepared tokenizer into a run's folder, with what it was before it was extended.

    Once a run: its record comes last and whole, so a kill in between leaves none, and a resumed run
    does not touch what is there.
    """
    folder = run / FOLDER
    if (folder / RECORD).is_file():
        return
    tokenizer.save(folder)
    path = Path(getattr(tokenizer, "path", None) or folder).expanduser()
    for name in OF_TEMPLATES:
        file = (path if path.is_dir() else path.parent) / name
        if file.is_file() and file.parent.resolve() != folder.resolve():
            shutil.copyfile(file, folder / name)
    size = tokenizer.base_size or tokenizer.vocab.size
    values = asdict(tokenizer.vocab)
    given = {k: v for k, v in values.items() if isinstance(v, int) and k != "size" and v < size}
    sentinels = tuple(i for i in tokenizer.vocab.sentinels if i < size)
    record = {
        "kind": "bytes" if isinstance(tokenizer, Bytes) else "tokenizers",
        "vocab": asdict(replace(Vocab(size=size, eos=0), sentinels=sentinels, **given)),
        "fingerprint": tokenizer.fingerprint,
        "eos_text": getattr(tokenizer, "_eos_text", EOS),
    }
    replace_text(folder / RECORD, json.dumps(record, indent=1))


def inherited(tokenizer: Tokenizer, places: Iterable[Path]) -> Tokenizer:
    """Instead of a `bpe` that would be trained anew: the first tokenizer kept in one of `places`.

    places: run folders, checkpoint folders or folders of published weights. Raises: ValueError when
    another tokenizer was chosen than the one a place holds.
    """
    for place in places:
        found = _find(place)
        if found is None:
            continue
        if isinstance(tokenizer, Bpe):
            return found
        _check_same(tokenizer, found, place)
    return tokenizer


def _find(place: Path) -> Tokenizer | None:
    for folder in (place / FOLDER, place.parent.parent / FOLDER):
        if (folder / RECORD).is_file():
            record = json.loads((folder / RECORD).read_text())
            return Bytes() if record["kind"] == "bytes" else Kept(folder, record)
    if (place / "tokenizer.json").is_file():
        return File(path=str(place), eos=None)
    return None


def _check_same(tokenizer: Tokenizer, found: Tokenizer, place: Path) -> None:
    if isinstance(tokenizer, Bytes) != isinstance(found, Bytes):
        name = "bytes" if isinstance(found, Bytes) else "the one kept there (leave tokenizer out)"
        raise ValueError(
            f"tokenizer={type(tokenizer).__name__.lower()}: the weights of {place} were trained with "
            f"another tokenizer, {name}"
        )
