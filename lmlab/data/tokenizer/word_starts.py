"""Which tokens begin a word, for objectives that hide whole words."""

from __future__ import annotations

import json

import numpy as np

from lmlab.data.tokenizer.bytes import Bytes
from lmlab.data.tokenizer.tokenizer import BackendTokenizer, Tokenizer, byte_symbols

STARTS, ENDS = 1, 2


def word_starts(tokenizer: Tokenizer) -> np.ndarray | None:
    """(V,) uint8: bit STARTS, a word begins at this token; bit ENDS, one begins at the token after it.

    A word is a run of letters and digits (and bytes above 127) with the space before it; every mark
    of punctuation is a word. None for a tokenizer whose tokens do not tell.
    """
    texts = token_texts(tokenizer)
    if texts is None:
        return None
    table = np.zeros(tokenizer.vocab.size, np.uint8)
    for index, text in texts.items():
        if text and index < len(table):
            table[index] = STARTS * begins_word(text[0]) | ENDS * ends_word(text[-1])
    return table


def begins_word(character: str) -> bool:
    """Space or punctuation: not part of the word before it."""
    return not (character.isalnum() or character > "\x7f")


def ends_word(character: str) -> bool:
    """Punctuation or the end of a line: not part of the word after it. A space is."""
    return begins_word(character) and character != " "


def token_texts(tokenizer: Tokenizer) -> dict[int, str] | None:
    """The text of each token by id, a space in front where one is meant; bytes as characters."""
    if isinstance(tokenizer, Bytes):
        return {byte: chr(byte) for byte in range(256)}
    if not isinstance(tokenizer, BackendTokenizer):
        return None
    backend = tokenizer._ready().tokenizer
    settings = json.loads(backend.to_str())
    tokens = {index: token for token, index in backend.get_vocab(with_added_tokens=True).items()}
    kind = (settings.get("decoder") or {}).get("type")
    if kind == "ByteLevel":
        symbols = byte_symbols()
        return {
            index: "".join(chr(symbols.get(character, 255)) for character in token)
            for index, token in tokens.items()
        }
    prefix = settings["model"].get("continuing_subword_prefix")
    if settings["model"]["type"] == "WordPiece" and prefix:
        return {
            index: token.removeprefix(prefix) if token.startswith(prefix) else f" {token}"
            for index, token in tokens.items()
        }
    if any(token.startswith("▁") for token in tokens.values()):
        return {index: token.replace("▁", " ") for index, token in tokens.items()}
    return None
