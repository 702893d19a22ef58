"""A small tree of options with a package of the user behind it, for tests of configuration."""

from __future__ import annotations

import textwrap
from pathlib import Path

from lmlab.config.compose import Composed, Composer
from lmlab.config.place import Places

SOURCE = """
from __future__ import annotations
from dataclasses import dataclass
from typing import Any, ClassVar, Literal
raise RuntimeError("the checker must never import this package")

Position = Literal["learned", "rotary"]

class Gpt:
    kind: ClassVar[str] = "decoder"
    only_with: ClassVar[dict[str, dict[str, tuple[str, ...]]]] = {
        "rope_base": {"position": ("rotary",)}
    }
    def __init__(self, *, vocab_size: int, width: int, position: Position,
                 rope_base: float | None, dropout: float) -> None: ...

class Bert(Gpt):
    kind: ClassVar[str] = "encoder"

class Clm:
    fits: ClassVar[tuple[str, ...]] = ("decoder",)
    def __init__(self, *, vocab: Any, z_loss: float) -> None: ...

class Mlm:
    fits: ClassVar[tuple[str, ...]] = ("encoder",)
    def __init__(self, *, vocab: Any, mask_fraction: float) -> None: ...

class Source:
    def __init__(self, *, path: str, patterns: list[str]) -> None: ...

class Corpus:
    def __init__(self, *, tokenizer: Any, window: Any, collate: Any, seed: int,
                 step_sequences: int, world_size: int, rank: int, cache_dir: Any,
                 source: Source, seq_len: int) -> None: ...

class Bpe:
    def __init__(self, *, vocab_size: int) -> None: ...

class AdamW:
    def __init__(self, *, learning_rate: float, betas: list[float], clip_norm: float | None): ...

@dataclass
class Hardware:
    devices: int
    strategy: Literal["auto", "ddp"]

class Mlflow:
    def __init__(self, *, run_dir: Any, project: str, token: str | None) -> None: ...

class Pretrain:
    def __init__(self, *, arch: Any, objective: Any, optim: Any, plan: Any, guard: Any,
                 prompts: list[str]) -> None: ...
"""
OPTIONS = {
    "arch/gpt_tiny": """
        _target_: fakelab.Gpt
        _partial_: true
        width: 32
        position: learned
        rope_base: null
        dropout: 0.0
        recipe: {learning_rate: 1.0e-3, batch_tokens: 512, tokens: 1000}
        """,
    "arch/bert": """
        defaults: [gpt_tiny, _self_]
        _target_: fakelab.Bert
        """,
    "tokenizer/bpe": "{_target_: fakelab.Bpe, vocab_size: 300}",
    "objective/clm": "{_target_: fakelab.Clm, _partial_: true, z_loss: 0.0}",
    "objective/mlm": "{_target_: fakelab.Mlm, _partial_: true, mask_fraction: 0.15}",
    "data/stdlib": """
        _target_: fakelab.Corpus
        _partial_: true
        seq_len: 16
        source: {_target_: fakelab.Source, path: text, patterns: ["*.py"]}
        """,
    "optim/adamw": """
        _target_: fakelab.AdamW
        learning_rate: ${arch.recipe.learning_rate}
        betas: [0.9, 0.95]
        clip_norm: null
        """,
    "hardware/auto": "{_target_: fakelab.Hardware, devices: 1, strategy: auto}",
    "track/mlflow": """
        _target_: fakelab.Mlflow
        _partial_: true
        project: lmlab
        token: ${oc.env:FAKE_TOKEN,null}
        """,
    "reward/length": "{_target_: lmlab.rollout.text_reward.Length, target: 3, unit: words}",
    "launcher/local": "{_target_: lmlab.sweep.local.Local, jobs: 1, share_gpus: false}",
    "stage/pretrain": """
        # @package _global_
        stage: {_target_: fakelab.Pretrain, _partial_: true, prompts: [The]}
        """,
}


def write(file: Path, text: str) -> Path:
    """Write an option file, folders included."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(textwrap.dedent(text).lstrip("\n") + "\n")
    return file


def make_tree(folder: Path, config: Path) -> Places:
    """fakelab/, conf/ (with the shipped config.yaml) and an empty experiments/ in `folder`."""
    write(folder / "fakelab" / "__init__.py", SOURCE)
    for name, text in OPTIONS.items():
        write(folder / "conf" / f"{name}.yaml", text)
    write(folder / "conf" / "config.yaml", config.read_text())
    (folder / "experiments").mkdir()
    return Places((folder / "conf",), (folder / "experiments",))


def compose(places: Places, *overrides: str) -> Composed:
    """Compose, unchecked."""
    return Composer(places).compose(list(overrides))
