"""Chat templates: turns to special tokens and text, written in jinja and run in a sandbox."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import TemplateError
from jinja2.ext import Extension, loopcontrols
from jinja2.nodes import Node
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

from lmlab.data.conversation import Turn
from lmlab.data.tokenizer.tokenizer import BackendTokenizer, Tokenizer

# Every turn framed by special tokens; eos never occurs inside.
CHATML = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
# No marks but line ends, eos after every answer: what T5 and base models read.
PLAIN = (
    "{% for message in messages %}{{ message['content'] }}"
    "{% if message['role'] == 'assistant' %}{{ eos_token }}{% endif %}"
    "{% if message['role'] != 'assistant' %}{{ '\n' }}{% endif %}{% endfor %}"
)
BUILT_IN = {"chatml": CHATML, "plain": PLAIN}
# Characters that Unicode keeps for use inside a program: around the text of a turn while rendering.
MARKS = [chr(code) for code in range(0xFDD0, 0xFDF0)]


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a rendered conversation: text, or one special token.

    turn: the turn whose own words these are; None for what the template adds. answers: whether the
    piece is learned when the loss is on the response only.
    """

    text: str
    token: int | None = None
    turn: int | None = None
    answers: bool = False


class Generation(Extension):
    """`{% generation %} ... {% endgeneration %}`, which some templates put around an answer."""

    tags = {"generation"}

    def parse(self, parser: Parser) -> list[Node]:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


class ChatTemplate:
    """A jinja template over `messages`, with the special tokens that it may write.

    specials: ids by the strings that stand for them in the template's own words; the same strings
    inside a turn are text. settings: further names that the template may use (bos_token ...).
    trusted: the template writes the text of a turn as it is, and a prompt is what stands before an
    answer; neither is checked.
    """

    def __init__(
        self,
        source: str,
        specials: dict[str, int],
        settings: dict[str, Any] | None = None,
        trusted: bool = False,
    ) -> None:
        environment = ImmutableSandboxedEnvironment(
            trim_blocks=True, lstrip_blocks=True, extensions=[Generation, loopcontrols]
        )
        environment.filters["tojson"] = lambda value, indent=None, **_: json.dumps(
            value, ensure_ascii=False, indent=indent
        )
        environment.globals["raise_exception"] = _raise
        environment.globals["strftime_now"] = lambda _: ""  # the same text on every day
        try:
            self.template = environment.from_string(source)
        except TemplateError as error:
            raise ValueError(f"data.template is not a usable jinja template: {error}") from error
        self.source, self.specials, self.trusted = source, specials, trusted
        self.settings = settings or {}
        longest_first = sorted(specials, key=len, reverse=True)
        self.kept: dict[tuple[str, bool], list[Part]] = {}
        self.split = re.compile("|".join(map(re.escape, longest_first)) or "(?!)")

    def parts(self, turns: Sequence[Turn], *, asks: bool = False) -> list[Part]:
        """The pieces of a conversation. asks: the template is to end where an answer begins.

        Raises: ValueError for a template that fails, or that changes the text of a turn so that it
        cannot be told from the template's own words.
        """
        said = "".join(turn.text for turn in turns)
        opens, closes = [mark for mark in MARKS if mark not in said][:2]
        texts = [turn.text for turn in turns]
        marked = self._render(turns, [opens + text + closes for text in texts], asks)
        if not self.trusted:
            whole = self._render(turns, texts, asks)
            if _without(marked, opens, closes) != whole:
                stripped = [opens + text.strip() + closes for text in texts]
                marked = self._render(turns, stripped, asks)
                if _without(marked, opens, closes) != whole:
                    raise ValueError(
                        "data.template changes the text of a turn, so special tokens cannot be told "
                        "from text; set data.template=chatml"
                    )
        return self._parts(marked, opens, closes, [turn.role for turn in turns])

    def _render(self, turns: Sequence[Turn], texts: list[str], asks: bool) -> str:
        messages = [
            {"role": turn.role, "content": text} for turn, text in zip(turns, texts, strict=True)
        ]
        try:
            return self.template.render(
                messages=messages, add_generation_prompt=asks, **self.settings
            )
        except Exception as error:
            roles = ", ".join(turn.role for turn in turns)
            raise ValueError(
                f"data.template cannot write a conversation of {roles}: {error}"
            ) from error

    def _parts(self, marked: str, opens: str, closes: str, roles: list[str]) -> list[Part]:
        """Own words of the template and of the turns; an answer ends with the next special token."""
        own, *others = marked.split(opens)
        parts, number = list(self._own_words(own, False)), -1
        for number, other in enumerate(others):
            text, _, own = other.partition(closes)
            answers = roles[number] == "assistant"
            parts.append(Part(text, turn=number, answers=answers))
            parts += self._own_words(own, answers)
        if number + 1 != len(roles):
            raise ValueError(
                f"data.template writes {number + 1} of {len(roles)} turns; set data.template=chatml"
            )
        return parts

    def _own_words(self, text: str, after_answer: bool) -> list[Part]:
        """The template's own words; what ends an answer is learned up to its first special token."""
        known = self.kept.get((text, after_answer))
        if known is None:
            known = self.kept[text, after_answer] = self._cut(text, after_answer)
        return known

    def _cut(self, text: str, after_answer: bool) -> list[Part]:
        parts, at = [], 0
        for found in self.split.finditer(text):
            between = text[at : found.start()]
            parts.append(Part(between, answers=after_answer))
            parts.append(Part(found[0], self.specials[found[0]], answers=after_answer))
            after_answer, at = False, found.end()
        parts.append(Part(text[at:]))
        return [part for part in parts if part.text]


def _raise(message: str) -> None:
    raise ValueError(message)


def _without(text: str, *marks: str) -> str:
    for mark in marks:
        text = text.replace(mark, "")
    return text


def find_template(wanted: str, tokenizer: Tokenizer) -> ChatTemplate:
    """The template that `data.template` names, with the tokenizer's special tokens.

    wanted: `auto` (the tokenizer's own where it has one, else chatml), `chatml`, `plain`,
    `tokenizer`, or the path of a jinja file. A tokenizer's own stands beside its tokenizer.json, in
    chat_template.jinja or tokenizer_config.json.
    Raises: ValueError for one that is not there.
    """
    specials = special_ids(tokenizer)
    settings: dict[str, Any] = {"eos_token": tokenizer.decode([tokenizer.vocab.eos])}
    if wanted in BUILT_IN:
        return ends_answers(ChatTemplate(BUILT_IN[wanted], specials, settings, trusted=True))
    if wanted in ("auto", "tokenizer"):
        own = own_template(getattr(tokenizer, "path", None))
        if own is not None:
            return ends_answers(ChatTemplate(own[0], specials, settings | own[1]))
        if wanted == "auto":
            return find_template("chatml", tokenizer)
        raise ValueError("data.template=tokenizer: this tokenizer has no template; set chatml")
    path = Path(wanted).expanduser()
    if not path.is_file():
        raise ValueError(
            f"data.template={wanted} is neither auto, chatml, plain, tokenizer nor a file"
        )
    return ends_answers(ChatTemplate(path.read_text(encoding="utf-8"), specials, settings))


def ends_answers(template: ChatTemplate) -> ChatTemplate:
    """The same template. Raises: ValueError where no special token follows an answer."""
    parts = template.parts([Turn("user", "Hello"), Turn("assistant", "Hi")])
    if [part for part in parts if part.answers][-1].token is None:
        raise ValueError(
            "data.template writes no special token after an answer, so a model would never learn to "
            f"stop; this tokenizer's are {', '.join(template.specials) or 'none'}"
        )
    return template


def own_template(path: str | None) -> tuple[str, dict[str, Any]] | None:
    """The template beside a tokenizer.json, and the special tokens that its names stand for."""
    if path is None:
        return None
    folder = Path(path).expanduser()
    folder = folder if folder.is_dir() else folder.parent
    config: dict[str, Any] = {}
    if (folder / "tokenizer_config.json").is_file():
        config = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
    template = config.get("chat_template")
    if isinstance(template, list):  # several by name
        named = {each["name"]: each["template"] for each in template}
        template = named.get("default", next(iter(named.values()), None))
    if (folder / "chat_template.jinja").is_file():
        template = (folder / "chat_template.jinja").read_text(encoding="utf-8")
    if not template:
        return None
    return template, {key: _content(config[key]) for key in config if key.endswith("_token")}


def _content(token: Any) -> str:
    """A special token as tokenizer_config.json writes it: text, or a mapping with `content`."""
    return str(token["content"]) if isinstance(token, dict) else str(token or "")


def special_ids(tokenizer: Tokenizer) -> dict[str, int]:
    """Ids of a tokenizer's special tokens by how they read: its own, and those it was extended by."""
    found = {text: id_ for id_, text in tokenizer.added_text().items()}
    found[tokenizer.decode([tokenizer.vocab.eos])] = tokenizer.vocab.eos
    if isinstance(tokenizer, BackendTokenizer):
        for id_, token in tokenizer._ready().tokenizer.get_added_tokens_decoder().items():
            if token.special:
                found.setdefault(token.content, id_)
    return found
