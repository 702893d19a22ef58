"""GPT-2's rule for words, compared with the one in `tokenizers`."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import pre_tokenizers

from lmlab.data.tokenizer.tokenizer import byte_symbols
from lmlab.data.tokenizer.word_pattern import SURE, UNSURE, WORD, runs

RULE = pre_tokenizers.ByteLevel(add_prefix_space=False)
SYMBOLS = byte_symbols()


def reference(text: str) -> list[str]:
    words = (word for word, _ in RULE.pre_tokenize_str(text))
    return [bytes(SYMBOLS[symbol] for symbol in word).decode() for word in words]


def test_words_numbers_marks_and_spaces():
    assert WORD.findall("I'll  pay 12½%, \n\nnow") == [
        "I",
        "'ll",
        " ",
        " pay",
        " 12½",
        "%,",
        " \n",
        "\n",
        "now",
    ]


def test_every_sure_character_is_of_the_same_class_as_in_tokenizers():
    """Each beside letters, numbers, marks and spaces; spaces keep the neighbours apart."""
    for first, last in SURE:
        for start in range(first, last + 1, 256):
            letters = map(chr, range(start, min(start + 256, last + 1)))
            text = "".join(f"a{c}a 1{c}1 !{c}! {c}{c} a" for c in letters)
            assert WORD.findall(text) == reference(text), hex(start)


@settings(max_examples=300, deadline=None)
@given(st.text(st.sampled_from("ab 1'\nstéи!—\t“\x1c\xa0"), max_size=40))
def test_any_sure_text_is_split_alike(text):
    assert UNSURE.search(text) is None
    assert WORD.findall(text) == reference(text)


@settings(max_examples=300, deadline=None)
@given(st.text(st.sampled_from("ab \n世😀'"), max_size=40))
def test_runs_join_to_the_text_and_split_no_word(text):
    parts = runs(text)
    assert "".join(part for _, part in parts) == text
    assert [word for _, part in parts for word in reference(part)] == reference(text)
    assert all(sure == (UNSURE.search(part) is None) for sure, part in parts)
