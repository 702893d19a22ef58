"""What tests of conversations share: real data where there is some, small sources, a tokenizer."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from lmlab.data.source.instruction_files import InstructionFiles
from lmlab.data.source.preference_files import PreferenceFiles
from lmlab.data.source.task_preferences import TaskPreferences
from lmlab.data.source.tasks import GeneratedTasks
from lmlab.data.tokenizer.bytes import Bytes

ROOT = Path(__file__).resolve().parents[2]


def shared(name: str) -> Path:
    """A file or folder of the project's real data; the test is skipped where there is none."""
    path = Path(os.environ.get("LMLAB_DATA", ROOT.parent / "shared" / "data")) / name
    if not path.exists():
        pytest.skip(f"needs the project's data {path}; set LMLAB_DATA to their folder")
    return path


def marked_bytes() -> Bytes:
    """Bytes with pad 257, mask, cls, sep, turn_start 261, turn_end 262."""
    tokenizer = Bytes()
    tokenizer.extend(tokenizer.vocab.with_specials("marks"))
    return tokenizer


def make_tasks(**changes: Any) -> GeneratedTasks:
    keys: dict[str, Any] = {
        "form": "instruction",
        "tasks": None,
        "categories": None,
        "held_out_tasks": ["sort_down"],
        "held_out_categories": ["dates"],
        "num_tasks": None,
        "weights": {},
        "max_depth": 2,
        "answer_noise": 0.0,
        "num_documents": 20000,
        "num_validation": 80,
        "seed": 0,
    }
    return GeneratedTasks(**(keys | changes))


def make_files(paths: Any, **changes: Any) -> InstructionFiles:
    keys: dict[str, Any] = {
        "paths": paths if isinstance(paths, list) else str(paths),
        "columns": {},
        "validation_paths": None,
        "train_tasks": None,
        "validation_tasks": None,
        "validation_fraction": 0.0,
        "max_per_task": None,
        "max_validation": None,
        "num_demonstrations": 0,
        "split": "train",
    }
    return InstructionFiles(**(keys | changes))


def make_preferences(paths: Any, **changes: Any) -> PreferenceFiles:
    keys: dict[str, Any] = {
        "paths": paths if isinstance(paths, list) else str(paths),
        "columns": {},
        "validation_paths": None,
        "held_out_labellers": [],
        "validation_fraction": 0.0,
        "max_validation": None,
        "split": "train",
    }
    return PreferenceFiles(**(keys | changes))


def make_task_preferences(**changes: Any) -> TaskPreferences:
    keys: dict[str, Any] = {
        "questions": make_tasks(),
        "num_train": 200,
        "num_responses": 3,
        "label_noise": 0.0,
        "num_labellers": 4,
        "held_out_labellers": 1,
        "drawn_by": None,
        "seed": 0,
    }
    return TaskPreferences(**(keys | changes))


def loading(cache_dir: Path, **changes: Any) -> dict[str, Any]:
    """What a run supplies to a data module, and the settings of all of them."""
    keys: dict[str, Any] = {
        "seq_len": 256,
        "template": "chatml",
        "num_workers": 0,
        "validation_sequences": 8,
        "tokenizer": marked_bytes(),
        "seed": 7,
        "step_sequences": 8,
        "world_size": 1,
        "rank": 0,
        "cache_dir": cache_dir,
    }
    return keys | changes
