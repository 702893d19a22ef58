"""Files that hold a whole task: Natural Instructions, self-instruct seeds, BIG-bench."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lmlab.data.conversation import Conversation, single
from lmlab.data.format.rows import Row, read_json

# BIG-bench asks that its files are never trained on, and says so in this key.
CANARY = "canary"
# File names that say nothing about a task.
SIDES = ("task", "train", "test", "validation", "valid", "dev", "data")


def task_name(path: Path) -> str:
    """`sum` for sum.json and sum.json.gz; the folder's name for task.json, train.jsonl and the like."""
    name = path.name.removesuffix(".gz").rpartition(".")[0] or path.name
    return path.parent.name if name.lower() in SIDES else name


def is_collection(held: Any) -> bool:
    """Whether a json file's content is one task with its examples."""
    return isinstance(held, Mapping) and ("Instances" in held or "examples" in held)


def of_collection(path: Path, held: Row, num_demonstrations: int) -> Iterator[Conversation]:
    """The examples of one task's file."""
    if "Instances" in held:
        yield from natural_instructions(held, task_name(path), num_demonstrations, str(path))
    elif isinstance(held["examples"], Mapping):
        yield from induction(path, held)
    else:
        yield from big_bench(held, task_name(path), str(path))


def value_of(row: Any, key: str, where: str) -> Any:
    """The value of a key that an example must have. Raises: ValueError naming where it is missing."""
    if not isinstance(row, Mapping):
        raise ValueError(f"{where} is not an object but {type(row).__name__}")
    if key not in row:
        raise ValueError(f"{where} has no {key}; its keys are {', '.join(map(str, row))}")
    return row[key]


def natural_instructions(
    held: Row, task: str, num_demonstrations: int, where: str
) -> Iterator[Conversation]:
    """Natural Instructions v2: the definition, some of its positive examples, then the input.

    An instance has one or several accepted outputs; the first is trained on. where: the file.
    Raises: ValueError for an instance without input or output.
    Source: row S1-29; Tk-Instruct's prompt ("Now complete the following example").
    """
    definition = _joined(held.get("Definition", "")).strip()
    shown = ""
    for number, each in enumerate(held.get("Positive Examples", [])[:num_demonstrations], 1):
        here = f"{where}, Positive Examples {number}"
        pair = value_of(each, "input", here), value_of(each, "output", here)
        shown += f"\n\nPositive Example {number} -\nInput: {pair[0]}\nOutput: {pair[1]}"
    lead = "\n\nNow complete the following example -" if shown else ""
    category = _joined(held.get("Categories", ""))
    for number, instance in enumerate(held["Instances"], 1):
        here = f"{where}, Instances {number}"
        outputs, given = value_of(instance, "output", here), value_of(instance, "input", here)
        outputs = list(map(str, outputs)) if isinstance(outputs, list) else [str(outputs)]
        prompt = f"Definition: {definition}{shown}{lead}\n\nInput: {given}\nOutput:"
        yield single(
            prompt,
            outputs[0] if outputs else "",
            task=task,
            category=category,
            references=tuple(dict.fromkeys(outputs)),
        )


def big_bench(held: Row, task: str, where: str) -> Iterator[Conversation]:
    """BIG-bench: task_prefix and input; the target, or the best of target_scores as an option.

    where: the file. Raises: ValueError for an example without input.
    """
    before = str(held.get("task_prefix", "")) + str(held.get("example_input_prefix", "")).lstrip()
    for number, example in enumerate(held["examples"], 1):
        prompt = f"{before}{value_of(example, 'input', f'{where}, examples {number}')}"
        scores = example.get("target_scores")
        if scores and held.get("append_choices_to_input", True):
            prompt += "\n" + "\n".join(f"choice: {choice}" for choice in scores)
        if scores:
            best = max(scores.values())
            targets = [choice for choice, score in scores.items() if score == best]
        else:
            target = example.get("target", example.get("output", ""))
            targets = [target] if isinstance(target, str) else [str(each) for each in target]
        yield single(
            prompt,
            targets[0] if targets else "",
            task=task,
            category="BIG-bench",
            references=tuple(targets),
        )


def induction(path: Path, held: Row) -> Iterator[Conversation]:
    """Instruction Induction: examples by number; the instruction is in ../../annotations."""
    notes = path.parents[2] / "annotations" / path.name if len(path.parents) > 2 else path
    said = read_json(notes)["annotations"] if notes != path and notes.is_file() else []
    for number, (name, example) in enumerate(held["examples"].items()):
        asked = f"{said[number % len(said)]}\n\n" if said else ""
        here = f"{path}, examples {name}"
        output = str(value_of(example, "output", here))
        yield single(
            f"{asked}{value_of(example, 'input', here)}",
            output,
            task=task_name(path),
            category="instruction induction",
            references=(output,),
        )


def is_seed_task(row: Row) -> bool:
    """Whether a row is one of self-instruct's."""
    return "instruction" in row and isinstance(row.get("instances"), list)


def self_instruct(row: Row, where: str) -> Iterator[Conversation]:
    """A seed task of self-instruct: its instruction with each instance's input, if it has one.

    Raises: ValueError for an instance without output.
    """
    kind = "classification" if row.get("is_classification") else "generation"
    for number, instance in enumerate(row["instances"], 1):
        output = str(value_of(instance, "output", f"{where}, instances {number}"))
        given = str(instance.get("input", ""))
        prompt = f"{row['instruction']}\n\n{given}" if given.strip() else str(row["instruction"])
        name = str(row.get("name", row.get("id", "")))
        yield single(prompt, output, task=name, category=kind)


def _joined(text: Any) -> str:
    return " ".join(map(str, text)) if isinstance(text, list) else str(text)
