"""Every shipped option of conversations, comparisons and prompts is built from its YAML and read."""

from __future__ import annotations

import json

import hydra
import pytest

from lmlab.batch import PromptBatch, RankedBatch, TokenBatch
from lmlab.config import resolve
from lmlab.config.compose import Composer
from lmlab.config.place import find_places
from tests.data.material import loading

SUPPLIED = ("tokenizer", "seed", "step_sequences", "world_size", "rank", "cache_dir")


@pytest.mark.parametrize(
    ("option", "batch_type"),
    [
        ("tasks", TokenBatch),
        ("flan_2022", TokenBatch),
        ("instructions", TokenBatch),
        ("task_preferences", RankedBatch),
        ("preferences", RankedBatch),
        ("prompts", PromptBatch),
        ("instruction_prompts", PromptBatch),
        ("preference_prompts", PromptBatch),
    ],
)
def test_an_option_as_shipped(tmp_path, option, batch_type):
    rows = [
        {"prompt": f"q{n}", "completion": "a", "chosen": "a", "rejected": "b"} for n in range(99)
    ]
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    places = find_places()
    needed = (
        []
        if option in ("tasks", "flan_2022", "task_preferences", "prompts")
        else [f"data.source.paths={path}"]
    )
    few = ["data.source.num_train=50"] if option == "task_preferences" else []
    composed = Composer(places).compose([f"data={option}", *needed, *few])
    make = hydra.utils.instantiate(resolve.plain(composed.cfg)["data"], _convert_="all")
    supplied = {name: loading(tmp_path)[name] for name in SUPPLIED}
    kind = {} if "prompts" in option else {"kind": "decoder"}
    data = make(**supplied, **kind)
    data.prepare()
    assert isinstance(data.train_batches()[0], batch_type)
    assert isinstance(data.validation_batches()[0], batch_type)
    assert next(iter(data.source.pieces())).text and len(data.fingerprint) == 64


def test_flan_2022_has_the_rates_of_its_tasks(tmp_path):
    composed = Composer(find_places()).compose(["data=flan_2022"])
    make = hydra.utils.instantiate(resolve.plain(composed.cfg)["data"], _convert_="all")
    shares = make.keywords["source"].shares
    tasks = {name: round(share * 1836) for name, share in shares.items()}
    assert tasks == {"muffin": 80, "t0_sf": 193, "cot": 9, "natural_instructions": 1554}
