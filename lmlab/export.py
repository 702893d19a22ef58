"""`lmlab export RUN`: the weights and the tokenizer of a run as a folder that transformers loads."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lmlab.config.error import ConfigError

if TYPE_CHECKING:
    from lmlab.data.tokenizer.tokenizer import Tokenizer

FORMATS = ("hf",)


@dataclass(frozen=True, slots=True)
class Exported:
    """Where a run was written to, and as what."""

    folder: Path
    model: str  # as transformers calls it
    notes: tuple[str, ...] = ()  # what is not the same there


def export(run: str, to: str | None, root: Path = Path("runs")) -> Exported:
    """Write a run, given by its folder, name or MLflow id, to the folder `to`, or <run>/hf.

    Raises: ConfigError for a run or folder that will not do; ValueError for an architecture that
    transformers does not have, naming the setting.
    """
    from lmlab.durable import publish, temporary
    from lmlab.io.weights import load_weights
    from lmlab.resume import find_run

    folder = find_run(run, root)
    target = (folder / "hf").absolute() if to is None else _free(Path(to).expanduser())
    weights = load_weights(folder)
    fresh = temporary(target)
    try:
        fresh.mkdir(parents=True)
        model = write(folder, weights, fresh)
        publish(fresh, target)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return Exported(target, model, notes_of(folder))


def notes_of(run: Path) -> tuple[str, ...]:
    """What the published format cannot say of a run's model."""
    from lmlab.ancestors import attention_of
    from lmlab.job import read

    arch = read(run / "config.yaml").config["arch"]
    if kind_of(arch) != "decoder" or not attention_of(run):
        return ()
    return (
        "note: this model learned with prompts whose tokens all see one another (prefix_attention); "
        "the published format has no such mask, so other programs read prompts from left to right "
        "and get other answers",
    )


def _free(target: Path) -> Path:
    """Raises: ConfigError for what is there already, unless it is an empty folder."""
    if target.exists() and not (target.is_dir() and not any(target.iterdir())):
        raise ConfigError([f"--to {target}: this exists already; give a new folder"])
    return target.absolute()


def write(run: Path, weights: dict[str, Any], folder: Path) -> str:
    """All files of one run into `folder`; returns the name of the model that transformers makes."""
    from lmlab.io.hf import export as files
    from lmlab.io.hf.bert import counted_from_zero
    from lmlab.io.hf.family import of_settings
    from lmlab.job import read

    config = read(run / "config.yaml").config
    names, arch = of_settings(config["arch"])
    num_tokens = len(weights["token_embedding.weight"])
    tokenizer = tokenizer_of(run, num_tokens)
    vocab, kind = tokenizer.vocab, kind_of(config["arch"])
    if arch.get("position_offset") not in (None, 0, (vocab.pad or 0) + 1):
        weights, arch = counted_from_zero(weights, arch)  # its padding id decides RoBERTa's offset
    model = names.hf_config(arch, num_tokens) | files.token_ids(vocab, kind) | {"dtype": "float32"}
    chat = chat_template(config, tokenizer)
    texts = {vocab.eos: tokenizer.decode([vocab.eos])} | special_texts(tokenizer)
    found = {"config.json": model}
    found |= files.tokenizer_files(backend_of(tokenizer), texts, vocab, arch["max_seq_len"])
    if chat is not None:
        found["tokenizer_config.json"]["chat_template"] = chat
    if kind != "encoder":
        chats = chat is not None
        found["generation_config.json"] = files.generation_config(vocab, kind, chats=chats)
    files.write_files(folder, names.to_hf(weights, arch), found)
    return str(model["architectures"][0])


def kind_of(settings: dict[str, Any]) -> str:
    """decoder, encoder or encoder_decoder, by the class of an architecture."""
    from importlib import import_module

    module, _, name = settings["_target_"].rpartition(".")
    return str(getattr(import_module(module), name).kind)


def tokenizer_of(run: Path, num_tokens: int) -> Tokenizer:
    """The tokenizer that a run kept, extended to as many tokens as its weights have.

    Raises: ConfigError for a run without one.
    """
    from lmlab.data.tokenizer.bytes import Bytes
    from lmlab.data.tokenizer.inherit import FOLDER, RECORD, Kept

    path = run / FOLDER / RECORD
    if not path.is_file():
        raise ConfigError([f"{run}: has no tokenizer/ of its own; train it with this version"])
    record = json.loads(path.read_text(encoding="utf-8"))
    made: Any = Bytes() if record["kind"] == "bytes" else Kept(run / FOLDER, record)
    tokenizer: Tokenizer = made.prepare(None, Path())
    for wish in ("none", "marks", "sentinels"):
        vocab = tokenizer.vocab.with_specials(wish)  # type: ignore[arg-type]
        if vocab.size == num_tokens:
            return tokenizer.extend(vocab)
    raise ConfigError(
        [f"{run}: its tokenizer has {tokenizer.vocab.size} tokens, its weights {num_tokens}"]
    )


def special_texts(tokenizer: Tokenizer) -> dict[int, str]:
    """How the special tokens read, by id, whoever added them."""
    vocab = tokenizer.vocab
    ids = [vocab.pad, vocab.mask, vocab.cls, vocab.sep, vocab.turn_start, vocab.turn_end]
    return {id_: tokenizer.decode([id_]) for id_ in (*ids, *vocab.sentinels) if id_ is not None}


def backend_of(tokenizer: Tokenizer) -> dict[str, Any]:
    """Its tokenizer.json, with the special tokens marked as such; bytes become a BPE without merges."""
    import tempfile

    from lmlab.data.tokenizer.bytes import Bytes

    if isinstance(tokenizer, Bytes):
        return json.loads(_bytes_as_bpe(tokenizer))
    with tempfile.TemporaryDirectory() as folder:
        tokenizer.save(Path(folder))
        return json.loads(Path(folder, "tokenizer.json").read_text(encoding="utf-8"))


def _bytes_as_bpe(tokenizer: Tokenizer) -> str:
    from tokenizers import AddedToken, models

    from lmlab.data.tokenizer.bpe import byte_level
    from lmlab.data.tokenizer.tokenizer import byte_symbols

    backend = byte_level(models.BPE(vocab=byte_symbols(), merges=[]))
    special = {tokenizer.vocab.eos: tokenizer.decode([tokenizer.vocab.eos])}
    for _, text in sorted((special | tokenizer.added_text()).items()):
        backend.add_special_tokens([AddedToken(text, special=True, normalized=False)])
    return backend.to_str()


def chat_template(config: dict[str, Any], tokenizer: Tokenizer) -> str | None:
    """The template that the run's conversations were written by, None where it read none."""
    wanted = config["data"].get("template")
    if wanted is None:
        return None
    from lmlab.data.chat_template import find_template

    return find_template(wanted, tokenizer).source
