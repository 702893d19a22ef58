"""What a run came from: found again, or not needed, when it resumes."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
import yaml

from lmlab import worker
from lmlab.ancestors import Ancestors, ancestors_of, attention_of, keep, pinned, sees_prompts
from lmlab.batch import Vocab
from lmlab.check import check_composed
from lmlab.config import run_folder
from lmlab.config.compose import Composer
from lmlab.config.place import find_places
from lmlab.job import read
from lmlab.stage.ppo import PPO
from lmlab.stage.rm import RewardModel
from tests.finished_run import finished_run, random_arch
from tests.io import kill
from tests.io.tiny import saved
from tests.stage.posttraining import make_run
from tests.stage.test_policy_resume import DRAWN, SMALL

SHAPE = ["arch.num_layers=1", "arch.width=16", "arch.num_heads=2", "arch.max_seq_len=192"]


@pytest.fixture(autouse=True)
def _cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("LMLAB_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


def reward_run(root: Path, stamp: str, seed: int) -> Path:
    """A run of stage=rm with random weights and head, begun at `stamp`."""
    made = finished_run(root, "stage=rm", *SHAPE, specials="marks")
    folder = made.rename(root / f"{stamp}-rm-{seed}")
    arch = random_arch(folder, Vocab(size=257, eos=256).with_specials("marks"), seed)
    state = {f"arch.{name}": tensor for name, tensor in arch.state_dict().items()}
    torch.manual_seed(seed)
    state |= {
        "reward_head.linear.weight": torch.randn(1, 16),
        "reward_head.linear.bias": torch.zeros(1),
    }
    shutil.rmtree(folder / "checkpoints")
    saved(folder / "checkpoints", 1, state_dict=state)
    (folder / "checkpoints" / "last").write_text("step-00000001\n")
    return folder


def composed_run(root: Path, *overrides: str) -> Path:
    composer = Composer(find_places())
    composed = composer.compose([*overrides, f"run.root={root}"])
    check_composed(composed, composer.places)
    return run_folder.create(composed.cfg, composed.choices, composed.overrides)


def test_a_run_that_resumes_means_the_same_runs_and_needs_no_others(tmp_path):
    start = finished_run(tmp_path, "stage=sft", *SHAPE, specials="marks")
    other = finished_run(tmp_path, "stage=sft", *SHAPE, "arch.width=32", specials="marks")
    judge = reward_run(tmp_path, "20260101-000000", 1)
    names = [f"init_from={start.name}", f"stage.reference={other.name}"]
    names += [f"stage.value_from={start.name}", "reward.run=latest:stage=rm"]
    small = [item for item in SMALL if not item.startswith("arch.dropout")]
    drawn = [item for item in DRAWN if not item.startswith("reward")]
    settings = [*small, *drawn, "stage=ppo", "reward=model", "stage.num_samples=2"]
    whole = composed_run(tmp_path, *settings, *names, "budget.steps=4", "checkpoint.every_steps=2")
    assert worker.run(str(whole / "config.yaml")) == 0
    written = yaml.safe_load((whole / "config.yaml").read_text())["config"]
    assert Path(written["reward"]["run"]).resolve() == judge.resolve()
    stopped = tmp_path / "stopped"
    shutil.copytree(whole, stopped)
    shutil.rmtree(stopped / "checkpoints" / "step-00000004")
    (stopped / "checkpoints" / "last").write_text("step-00000002\n")
    reward_run(tmp_path, "20990101-000000", 2)
    shutil.rmtree(start)
    shutil.rmtree(other)
    assert worker.run(str(stopped / "config.yaml"), resume=True) == 0
    assert kill.difference(kill.essence(whole), kill.essence(stopped)) is None
    found, again = ancestors_of(whole), ancestors_of(stopped)
    assert found == again and set(found.runs) == {start.name, other.name}
    assert found.lineage.startswith(f"{start.name}/step-00000001")


def test_only_what_says_latest_is_pinned_and_only_where_a_run_is_named(tmp_path):
    start = finished_run(tmp_path, "stage=pretrain", *SHAPE)
    folder = composed_run(
        tmp_path, "stage=generate", *SHAPE, "tokenizer=bytes", "init_from=latest:stage=pretrain",
        "stage.prompts=['latest: news']",
    )  # fmt: skip
    before = (folder / "config.yaml").read_text()
    job = pinned(read(folder / "config.yaml"), write=False)
    assert Path(job.config["init_from"]) == start and (folder / "config.yaml").read_text() == before
    assert job.config["stage"]["prompts"] == ["latest: news"]
    assert pinned(job, write=True) is job
    pinned(read(folder / "config.yaml"), write=True)
    assert read(folder / "config.yaml").config == job.config


def test_prompts_are_read_as_the_origin_learned_them(tmp_path):
    whole = finished_run(tmp_path, "stage=sft", "data.prefix_attention=true", specials="marks")
    plain = finished_run(tmp_path, "stage=sft", specials="marks")
    assert attention_of(whole) and not attention_of(plain) and not attention_of(tmp_path)
    assert attention_of(whole / "checkpoints" / "step-00000001")

    def config(origin: str | None) -> dict:
        return {"data": {}, "objective": {}, "init_from": origin, "run": {"root": str(tmp_path)}}

    assert sees_prompts(config(whole.name), "decoder", PPO)
    assert not sees_prompts(config(whole.name), "decoder", RewardModel)  # it trains without
    assert not sees_prompts(config(whole.name), "encoder_decoder", PPO)
    assert not sees_prompts(config(plain.name), "decoder", PPO)
    assert not sees_prompts(config(None), "decoder", PPO)
    assert not sees_prompts(config("hf:x/y"), "decoder", PPO)
    own = config(plain.name) | {"data": {"prefix_attention": True}}
    assert sees_prompts(own, "decoder", PPO)
    keep(Ancestors("x", True), plain)
    assert attention_of(plain)  # as a run of stage=ppo that took it over


def test_stages_and_their_references_read_prompts_as_init_from_learned_them(tmp_path):
    small = ["tokenizer=bytes", *SHAPE]
    whole = finished_run(
        tmp_path, "stage=sft", "data.prefix_attention=true", *small, specials="marks"
    )
    begin = [f"init_from={whole.name}", *SHAPE, "budget.steps=1"]
    drawn = ["data.source.num_validation=8"]
    for stage in (["ppo", *drawn], ["dpo", "data.source.num_train=40", "budget.epochs=null"]):
        run = make_run(tmp_path, *begin, f"stage={stage[0]}", *stage[1:])
        assert run.stage.arch.prefix_attention is True
        assert run.stage.reference.model.prefix_attention is True
    generate = make_run(tmp_path, *begin, "stage=generate", *drawn)
    assert generate.stage.arch.prefix_attention is True
    judge = make_run(tmp_path, *begin, "stage=rm", "data.source.num_train=40")
    assert judge.stage.arch.prefix_attention is False


@pytest.mark.parametrize(("objective", "whole"), [("prefix_lm", True), ("clm", False)])
def test_samples_of_pretraining_are_drawn_as_it_trains(tmp_path, objective, whole):
    text = ["data=grammar", "data.source.num_documents=200", "budget.steps=1"]
    run = make_run(tmp_path, *SHAPE, "stage=pretrain", f"objective={objective}", *text)
    assert run.stage.arch.prefix_attention is whole
