"""The checker: what it says about single mistakes, and a typo in every key of every option."""

# ruff: noqa: F401, F811  (a fixture is imported by name)
from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from lmlab.check import check, check_composed, check_config_from_checkpoint
from lmlab.config import resolve
from lmlab.config.compose import Composer
from lmlab.config.error import ConfigError
from lmlab.config.place import GROUPS, Places, find_places, options, shipped
from lmlab.config.secrets import literal_secrets
from tests.config.conftest import places
from tests.config.fake import compose, make_tree, write

SHIPPED = find_places(working_dir=Path("/"))


def said(places: Places, *overrides: str) -> list[str]:
    """What the checker prints about these overrides; nothing when all is well."""
    try:
        check_composed(compose(places, *overrides), places)
    except ConfigError as error:
        assert len(error.shown()) <= 8
        return error.shown()
    return []


def test_a_right_configuration_passes_and_writes_nothing(places: Places) -> None:
    before = sorted(Path.cwd().rglob("*"))
    assert said(places) == []
    assert said(places, "arch=bert", "objective=mlm", "seed=3", "budget.tokens=1e6") == []
    assert sorted(Path.cwd().rglob("*")) == before


@pytest.mark.parametrize(
    ("override", "line"),
    [
        ("arch.widht=3", "arch.widht=3: Gpt has no setting 'widht'; did you mean arch.width?"),
        ("+arch.widht=3", "+arch.widht=3: Gpt has no setting 'widht'; did you mean arch.width?"),
        ("++arch.widht=3", "++arch.widht=3: Gpt has no setting 'widht'; did you mean arch.width?"),
        (
            "gaurd.spike=none",
            "gaurd.spike=none: the configuration has no setting 'gaurd'; did you mean guard.spike?",
        ),
        (
            "archh=bert",
            "archh=bert: the configuration has no setting 'archh'; did you mean arch?",
        ),
        (
            "width=3",
            "width=3: the configuration has no setting 'width'; did you mean arch.width?",
        ),
        (
            "data.source.pth=x",
            "data.source.pth=x: Source has no setting 'pth'; did you mean data.source.path?",
        ),
        ("arch.width=wide", "arch.width=wide: must be int"),
        (
            "arch.position=rotery",
            (
                "arch.position=rotery: must be one of learned, rotary; "
                "did you mean arch.position=rotary?"
            ),
        ),
        ("budget.steps=0", "budget.steps=0: must be a number above 0"),
        ("data.seed=3", "data.seed=3: lmlab supplies this itself; leave it out"),
        (
            "guard.rewind_steps=7",
            (
                "guard.rewind_steps=7: has no effect with guard.spike=skip, "
                "only with guard.spike=rewind"
            ),
        ),
        (
            "arch.width=${arch.widht}",
            (
                "arch.width: ${arch.widht} refers to a setting that does not exist; "
                "did you mean ${arch.width}?"
            ),
        ),
        (
            "run.name=${oc.env:NOT_THERE}",
            (
                "run.name: the environment variable NOT_THERE is not set; "
                "run `export NOT_THERE=...` first"
            ),
        ),
        (
            "track.token=canary",
            (
                "track.token=***: a secret must not be written out; "
                "put it in the environment and write ${oc.env:NAME}"
            ),
        ),
        ("~track", "track: choose one of: mlflow"),
        ("seed.x=3", "seed.x=3: must be int"),
    ],
)
def test_single_mistakes(places: Places, override: str, line: str) -> None:
    assert said(places, override) == [line]


def test_a_typo_in_a_file_names_the_file(places: Places) -> None:
    write(places.conf[0] / "arch" / "mine.yaml", "defaults: [gpt_tiny, _self_]\nwidht: 8")
    write(places.experiments[0] / "one.yaml", "guard: {spik: none}")
    assert said(places, "arch=mine") == [
        "conf/arch/mine.yaml: arch.widht=8: Gpt has no setting 'widht'; did you mean arch.width?"
    ]
    assert said(places, "experiment=one") == [
        (
            "experiments/one.yaml: guard.spik=none: Guard has no setting 'spik'; "
            "did you mean guard.spike?"
        )
    ]


def test_many_mistakes_fit_eight_lines(places: Places) -> None:
    shown = said(places, *(f"+arch.wrong{number}=1" for number in range(12)))
    assert len(shown) == 8 and shown[-1].startswith("... and 5 more")


def test_an_experiments_record_is_checked(places: Places) -> None:
    write(
        places.experiments[0] / "one.yaml", "experiment: {question: why, sorce: x, expect: 'a > 1'}"
    )
    shown = said(places, "experiment=one")
    assert "experiments/one.yaml" in shown[0] and "did you mean experiment.source?" in shown[0]
    assert "experiment.cost" in shown[1]


def test_an_option_that_would_be_shadowed_is_refused(places: Places, tmp_path: Path) -> None:
    write(tmp_path / "own" / "arch" / "bert.yaml", "width: 3")
    two = Places((*places.conf, tmp_path / "own"), places.experiments)
    shown = said(two, "arch=bert", "objective=mlm")
    assert "two files of this name" in shown[0]


def test_a_configuration_read_back_passes_the_same_gate(
    places: Places,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FAKE_TOKEN", "canary")
    cfg = compose(places).cfg
    check_config_from_checkpoint(resolve.plain(cfg))
    check_config_from_checkpoint(resolve.without_environment(cfg))
    config = resolve.plain(cfg)
    config["stage"]["_target_"] = "os.system"
    with pytest.raises(ConfigError, match="stage._target_=os.system"):
        check_config_from_checkpoint(config)


# ---- typos


def leaves(node: dict[str, Any], path: str) -> Iterator[str]:
    for key, value in node.items():
        inner = f"{path}.{key}" if path else key
        if isinstance(value, dict):
            yield from leaves(value, inner)
        elif not key.startswith("_"):
            yield inner


def mutants(word: str) -> Iterator[str]:
    """A letter dropped, two swapped, one doubled; where, depends on the word alone."""
    at = zlib.crc32(word.encode()) % len(word)
    yield word[:at] + word[at + 1 :]
    swaps = [i for i in range(len(word) - 1) if word[i] != word[i + 1]]
    if swaps:
        i = swaps[zlib.crc32(word.encode()[::-1]) % len(swaps)]
        yield word[:i] + word[i + 1] + word[i] + word[i + 2 :]
    yield word[: at + 1] + word[at:]


def mutated(tree: dict[str, Any], path: str, word: str, keep: bool) -> dict[str, Any]:
    """A copy of `tree` in which the last key of `path` is also (or instead) called `word`."""
    key, _, rest = path.partition(".")
    if rest:
        return {**tree, key: mutated(tree[key], rest, word, keep)}
    renamed = {word if name == key and not keep else name: value for name, value in tree.items()}
    return {**renamed, word: tree[key]}


def choices_of(where: Places, group: str) -> list[tuple[str, str]]:
    """Every option of a group; for "", what no option brings."""
    return [(group, option) for option in options(where, group)] if group else [("", "")]


def typo_counts(where: Places, choices: list[tuple[str, str]]) -> tuple[int, list[str], list[str]]:
    """How many typos were tried, those that passed, and those with a wrong suggestion."""
    composer = Composer(where)
    tried, passed, wrong = 0, [], []
    for group, option in choices:
        choice = [f"{group}={option}"] if group else []
        tree = resolve.raw(composer.compose(choice).cfg)
        part = {group: tree[group]} if group else {k: v for k, v in tree.items() if k not in GROUPS}
        for path in leaves(part, ""):
            parent, _, leaf = path.rpartition(".")
            node = tree
            for key in parent.split(".") if parent else ():
                node = node[key]
            for word in mutants(leaf):
                if not word or word in node:
                    continue
                typo = f"{parent}.{word}".lstrip(".")
                for typed in ("", f"{typo}=1", f"+{typo}=1"):
                    tried += 1
                    cfg = OmegaConf.create(mutated(tree, path, word, keep=bool(typed)))
                    try:
                        check(cfg, None, [typed] if typed else [], places=where)
                        passed.append(f"{typo} {typed}")
                    except ConfigError as error:
                        line = next((s for s in error.lines if s.startswith(typed or typo)), "")
                        if not line.endswith(f"did you mean {path}?"):
                            wrong.append(f"{typo} ({path}) {typed}: {error.lines}")
    return tried, passed, wrong


def assert_typos_are_caught(where: Places, groups: Sequence[str], at_least: int) -> None:
    choices = [choice for group in groups for choice in choices_of(where, group)]
    tried, passed, wrong = typo_counts(where, choices)
    assert tried >= at_least
    assert len(passed) <= 0.01 * tried, passed
    assert len(wrong) <= 0.05 * tried, wrong


def test_typos_in_a_small_tree(places: Places) -> None:
    assert_typos_are_caught(places, ("", *GROUPS), 400)


@pytest.mark.timeout(1800)
def test_typos_in_every_key_of_every_option() -> None:
    assert_typos_are_caught(SHIPPED, ("", *GROUPS), 1000)


@pytest.mark.parametrize("path", ["arch.width", "data.source.path", "guard.spike", "optim.betas"])
def test_typos_through_the_whole_composition(places: Places, path: str) -> None:
    parent, _, leaf = path.rpartition(".")
    for word in mutants(leaf):
        for prefix in ("", "+", "++"):
            typed = f"{prefix}{parent}.{word}=1"
            (line,) = said(places, typed)
            assert line.startswith(f"{typed}: ") and line.endswith(f"did you mean {path}?")


# ---- every shipped option


NEEDED = {
    ("data", "text"): "data.source.paths=notes.md",
    ("data", "hf"): "data.source.name=notes.jsonl",
    ("data", "instructions"): "data.source.paths=notes.jsonl",
    ("data", "instruction_prompts"): "data.source.paths=notes.jsonl",
    ("data", "classification"): "data.source.paths=notes.csv",
    ("data", "preferences"): "data.source.paths=notes.jsonl",
    ("data", "preference_prompts"): "data.source.paths=notes.jsonl",
    ("reward", "model"): "reward.run=mine",
    ("tokenizer", "file"): "tokenizer.path=tokenizer.json",
}  # what only the user can know


@pytest.mark.parametrize(
    ("group", "option"), [(g, o) for g in (*GROUPS, "experiment") for o in options(SHIPPED, g)]
)
def test_every_shipped_option_is_right(group: str, option: str) -> None:
    """With one of the stages; some options of data and objective are made for one stage only."""
    needed = [NEEDED[group, option]] if (group, option) in NEEDED else []
    others = options(SHIPPED, "stage") if group in ("data", "objective", "reward") else []
    found: list[list[str]] = []
    for stage in [[], *([f"stage={name}"] for name in others)]:
        composed = Composer(SHIPPED).compose([*stage, f"{group}={option}", *needed])
        assert list(literal_secrets(resolve.raw(composed.cfg))) == []
        try:
            check_composed(composed, SHIPPED)
        except ConfigError as error:
            if not all("needs an architecture" in line for line in error.lines):
                found.append(error.lines)
                continue
        return
    raise AssertionError(found)


def test_make_tree_is_like_the_shipped_one(tmp_path: Path) -> None:
    made = make_tree(tmp_path, shipped("conf") / "config.yaml")
    assert all(options(made, group) for group in GROUPS)
