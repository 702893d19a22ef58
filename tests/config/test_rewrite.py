"""Twenty mistakes of users, each answered in few lines that name what was typed."""

from __future__ import annotations

import pytest

from lmlab.config.compose import Composer
from lmlab.config.error import ConfigError
from lmlab.config.place import Places
from tests.config.fake import write


def lines(places: Places, *overrides: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        Composer(places).compose(list(overrides))
    return caught.value.shown()


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("arch=gpt_tin", ["arch=gpt_tin", "arch=gpt_tiny", "bert"]),
        ("objective=cml", ["objective=cml", "objective=clm"]),
        ("arch=nothing_like_it", ["arch=nothing_like_it", "bert, gpt_tiny"]),
        ("experiment=none_such", ["experiment=none_such"]),
        ("arch=gpt_tiny[", ["arch=gpt_tiny[", "cannot be read"]),
        ("arch.width={", ["arch.width={", "cannot be read"]),
        ("resum", ["resum", "lmlab resume"]),
        ("widht", ["widht", "key=value"]),
        ("arch=gpt_tiny,bert", ["arch=gpt_tiny,bert", "lmlab -m"]),
        ("arch.width=range(1,3)", ["arch.width=range(1,3)", "-m"]),
        ("+arch.width=3", ["+arch.width=3", "write arch.width=3"]),
        ("~arch.wdth", ["arch.wdth", "delete"]),
        ("arch=3", ["arch=3", "bert, gpt_tiny"]),
        ("arch@other=bert", ["arch@other=bert"]),
        ("hydra.sweeper.foo=1", ["hydra.sweeper.foo=1"]),
    ],
)
def test_mistakes_on_the_command_line(places: Places, override: str, words: list[str]) -> None:
    shown = lines(places, override)
    assert len(shown) <= 8
    for word in words:
        assert word in "\n".join(shown)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: [1", ["conf/arch/bad.yaml:", "YAML"]),
        ("a: 1\na: 2", ["conf/arch/bad.yaml:2", "duplicate"]),
        ("a: 1\n\tb: 2", ["conf/arch/bad.yaml:2"]),
        ("defaults: [gpt_tinny, _self_]", ["arch=gpt_tinny", "conf/arch/bad.yaml", "gpt_tiny"]),
    ],
)
def test_mistakes_in_a_file(places: Places, text: str, words: list[str]) -> None:
    write(places.conf[0] / "arch" / "bad.yaml", text)
    shown = lines(places, "arch=bad")
    for word in words:
        assert word in "\n".join(shown)


def test_wrong_group_in_an_experiment(places: Places) -> None:
    write(places.experiments[0] / "one.yaml", "defaults:\n  - override /archh: bert\n")
    shown = "\n".join(lines(places, "experiment=one"))
    assert "experiments/one.yaml" in shown and "archh" in shown and "did you mean arch?" in shown


def test_secrets_are_not_shown(places: Places) -> None:
    assert "canary" not in "\n".join(lines(places, "track@other={token: canary}"))
    assert "canary" not in "\n".join(lines(places, "track.token=canary["))
