"""Chat templates: what is text, what is a special token, what is learned, what is refused."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmlab.data.chat_template import (
    CHATML,
    ChatTemplate,
    Part,
    find_template,
    own_template,
    special_ids,
)
from lmlab.data.conversation import Turn
from lmlab.data.tokenizer.bytes import Bytes
from lmlab.data.tokenizer.file import File
from tests.data.material import marked_bytes
from tests.data.small_tokenizer import LLAMA, SMOL, saved

ASKED = Turn("user", "Hi")
SAID = Turn("assistant", "Yes")
MARKS = {"<|im_start|>": 1, "<|im_end|>": 2}


def test_chatml_by_hand():
    parts = ChatTemplate(CHATML, MARKS).parts([ASKED, SAID])
    assert parts == [
        Part("<|im_start|>", 1),
        Part("user\n"),
        Part("Hi", turn=0),
        Part("<|im_end|>", 2),
        Part("\n"),
        Part("<|im_start|>", 1),
        Part("assistant\n"),
        Part("Yes", turn=1, answers=True),
        Part("<|im_end|>", 2, answers=True),
        Part("\n"),
    ]


def test_a_prompt_ends_where_an_answer_begins():
    parts = ChatTemplate(CHATML, MARKS).parts([ASKED], asks=True)
    assert "".join(part.text for part in parts) == (
        "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"
    )


@given(st.text(max_size=30), st.text(max_size=30))
def test_text_of_a_turn_is_never_a_special_token(before, after):
    turns = [Turn("user", f"{before}<|im_end|>{after}"), Turn("assistant", f"<|im_start|>{before}")]
    parts = ChatTemplate(CHATML, MARKS).parts(turns)
    assert [part.token for part in parts if part.token is not None] == [1, 2, 1, 2]
    assert [part.text for part in parts if part.turn is not None] == [t.text for t in turns]


def test_a_template_that_trims_keeps_text_apart():
    template = ChatTemplate(LLAMA, {"<|start|>": 1, "<|end|>": 2, "<s>": 3}, {"bos_token": "<s>"})
    parts = template.parts([Turn("user", "  Hi <|end|> "), SAID])
    assert [part.text for part in parts if part.turn is not None] == ["Hi <|end|>", "Yes"]
    assert parts[0] == Part("<s>", 3) and parts[-1] == Part("<|end|>", 2, answers=True)


def test_every_answer_of_several_is_learned_with_its_end():
    parts = ChatTemplate(CHATML, MARKS).parts([ASKED, SAID, ASKED, SAID])
    learned = [part.text for part in parts if part.answers]
    assert learned == ["Yes", "<|im_end|>", "Yes", "<|im_end|>"]


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("{% if %}", "not a usable jinja template"),
        ("{{ messages[0]['content'][:1] }}", "changes the text of a turn"),
        ("{{ messages[0]['content'] }}", "writes 1 of 2 turns"),
        ("{{ raise_exception('no system turn') }}", "user, assistant: no system turn"),
        ("{{ ''.__class__.__mro__ }}", "cannot write a conversation"),
        ("{{ messages.append(1) }}", "cannot write a conversation"),
    ],
)
def test_refused(source, words):
    with pytest.raises(ValueError, match=words):
        ChatTemplate(source, MARKS).parts([ASKED, SAID])


def test_a_generation_block_is_only_its_content():
    source = CHATML.replace("{{ '<|im_start|>'", "{% generation %}{{ '<|im_start|>'")
    source = source.replace("+ '\n' }}{% endfor %}", "+ '\n' }}{% endgeneration %}{% endfor %}")
    assert source != CHATML
    plain, block = (ChatTemplate(each, MARKS).parts([ASKED, SAID]) for each in (CHATML, source))
    assert plain == block


def test_named_templates(tmp_path):
    tokenizer = marked_bytes()
    assert special_ids(tokenizer)["<|im_start|>"] == 261
    assert find_template("auto", tokenizer).source == CHATML
    plain = find_template("plain", tokenizer).parts([ASKED, SAID])
    assert "".join(part.text for part in plain) == "Hi\nYes<|endoftext|>"
    (tmp_path / "own.jinja").write_text(CHATML)
    assert find_template(str(tmp_path / "own.jinja"), tokenizer).source == CHATML


@pytest.mark.parametrize(
    ("wanted", "words"),
    [("chatlm", "data.template=chatlm is neither"), ("tokenizer", "has no template")],
)
def test_names_that_are_not_there(wanted, words):
    with pytest.raises(ValueError, match=words):
        find_template(wanted, marked_bytes())


def test_an_answer_must_end_with_a_special_token():
    with pytest.raises(ValueError, match=r"no special token after an answer.*<\|endoftext\|>"):
        find_template("chatml", Bytes())


def test_a_tokenizers_own_template(tmp_path):
    tokenizer = File(path=str(saved(tmp_path, SMOL)), eos=None).prepare(None, tmp_path)
    template = find_template("auto", tokenizer)
    assert template.source == SMOL
    assert template.specials["<|im_end|>"] == tokenizer.vocab.turn_end
    (tmp_path / "chat_template.jinja").write_text(CHATML)
    assert find_template("tokenizer", tokenizer).source == CHATML


def test_several_templates_by_name(tmp_path):
    named = [{"name": "tool", "template": "x"}, {"name": "default", "template": "y"}]
    token = {"content": "<s>", "special": True}
    config = {"chat_template": named, "bos_token": token, "pad_token": None}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(config))
    assert own_template(str(tmp_path)) == ("y", {"bos_token": "<s>", "pad_token": ""})
    assert own_template(None) is None


@pytest.mark.parametrize("source", [SMOL, LLAMA])
def test_the_ids_of_transformers(tmp_path, source):
    transformers = pytest.importorskip("transformers")
    from lmlab.data.conversation import Conversation
    from lmlab.data.encode import Encode

    tokenizer = File(path=str(saved(tmp_path, source)), eos=None).prepare(None, tmp_path)
    theirs = transformers.AutoTokenizer.from_pretrained(str(tmp_path))
    turns = [ASKED, SAID, Turn("user", "What is 2 + 3?\nThink."), Turn("assistant", "It is 5.")]
    messages = [{"role": turn.role, "content": turn.text} for turn in turns]
    encode = Encode(tokenizer, find_template("auto", tokenizer), "response")
    (ours,) = encode([Conversation(tuple(turns))])
    expected = theirs.apply_chat_template(messages, return_dict=False)
    assert ours.tokens.tolist() == expected[: len(ours.tokens)]
    asked = theirs.apply_chat_template(messages[:-1], add_generation_prompt=True, return_dict=False)
    assert ours.prompt.tolist() == asked and ours.continues_prompt
