"""Files of whole tasks: Natural Instructions, BIG-bench, Instruction Induction, seeds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lmlab.data.format.collection import (
    CANARY,
    big_bench,
    induction,
    is_collection,
    is_seed_task,
    natural_instructions,
    of_collection,
    self_instruct,
    task_name,
)
from lmlab.data.format.rows import find_tables, read_json
from tests.data.material import shared

TASK = {
    "Definition": ["Name the capital."],
    "Categories": ["Misc."],
    "Positive Examples": [{"input": "Italy", "output": "Rome", "explanation": "..."}],
    "Instances": [{"id": "1", "input": "Peru", "output": ["Lima", "lima"]}],
}


def test_natural_instructions_by_hand():
    (made,) = natural_instructions(TASK, "capital", 0, "x")
    assert made.prompt[0].text == "Definition: Name the capital.\n\nInput: Peru\nOutput:"
    assert made.response == "Lima" and made.references == ("Lima", "lima")
    assert (made.task, made.category) == ("capital", "Misc.")


def test_demonstrations_stand_before_the_input():
    (made,) = natural_instructions(TASK, "capital", 2, "x")
    assert made.prompt[0].text == (
        "Definition: Name the capital.\n\nPositive Example 1 -\nInput: Italy\nOutput: Rome\n\n"
        "Now complete the following example -\n\nInput: Peru\nOutput:"
    )


def test_big_bench_by_hand():
    held = {
        "task_prefix": "Which?\n",
        "examples": [
            {"input": "a or b", "target_scores": {"a": 0, "b": 1}},
            {"input": "c", "target": "d"},
            {"input": "e", "target": ["f", "g"]},
        ],
    }
    scored, plain, several = big_bench(held, "which", "x")
    assert scored.prompt[0].text == "Which?\na or b\nchoice: a\nchoice: b"
    assert scored.response == "b" and plain.prompt[0].text == "Which?\nc"
    assert several.accepted == ("f", "g")
    (bare,) = big_bench(
        {**held, "append_choices_to_input": False, "examples": held["examples"][:1]}, "x", "x"
    )
    assert bare.prompt[0].text == "Which?\na or b"


def test_instruction_induction_takes_a_written_instruction(tmp_path):
    folder = tmp_path / "raw" / "induce"
    folder.mkdir(parents=True)
    (tmp_path / "annotations").mkdir()
    (tmp_path / "annotations" / "sum.json").write_text('{"annotations": ["Add.", "Sum up."]}')
    examples = {str(n): {"input": f"{n} 1", "output": str(n + 1)} for n in (1, 2)}
    first, second = induction(folder / "sum.json", {"examples": examples})
    assert first.prompt[0].text == "Add.\n\n1 1" and first.response == "2"
    assert second.prompt[0].text == "Sum up.\n\n2 1"


def test_a_seed_task_by_hand():
    row = {
        "name": "units",
        "instruction": "Convert.",
        "instances": [{"input": "3 ft", "output": "36 in"}, {"input": "", "output": "x"}],
        "is_classification": False,
    }
    assert is_seed_task(row) and not is_seed_task({"instruction": "x"})
    first, second = self_instruct(row, "x")
    assert first.prompt[0].text == "Convert.\n\n3 ft" and first.category == "generation"
    assert second.prompt[0].text == "Convert."


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("x/task12_a.json", "task12_a"),
        ("x/sum.json.gz", "sum"),
        ("x/snarks/task.json.gz", "snarks"),
        ("x/gsm8k/train.jsonl.gz", "gsm8k"),
        ("x/scitail1.1_b.json", "scitail1.1_b"),
    ],
)
def test_names_of_tasks(path, name):
    assert task_name(Path(path)) == name


@pytest.mark.parametrize(
    ("folder", "num_tasks", "number"),
    [
        ("instruct/natural-instructions/tasks", 31, 34109),
        ("instruct/instruction-induction/raw/execute", 12, 1200),
        ("fewshot/bigbench", 9, 5029),
        ("fewshot/bbh", 3, 750),
    ],
)
def test_real_files(folder, num_tasks, number):
    tables = find_tables([str(shared(folder))], "x")
    held = [read_json(path) for path in tables]
    assert len(tables) == num_tasks and all(map(is_collection, held))
    pairs = zip(tables, held, strict=True)
    made = [each for path, one in pairs for each in of_collection(path, one, 0)]
    assert len(made) == number and len({each.task for each in made}) == num_tasks
    assert all(each.prompt[0].text.strip() and each.accepted for each in made)
    assert all((CANARY in one) == folder.startswith("fewshot") for one in held)


def test_real_seed_tasks():
    lines = shared("instruct/self-instruct/seed_tasks.jsonl").read_text().splitlines()
    made = [each for line in lines for each in self_instruct(json.loads(line), "x")]
    assert len(made) == 175 and made[0].task == "breakfast_suggestion"


@pytest.mark.parametrize(
    ("held", "words"),
    [
        (
            {"Instances": [{"id": "1", "input": "a"}]},
            "t.json, Instances 1 has no output; .* id, input",
        ),
        ({"Instances": [{"output": "a"}]}, "t.json, Instances 1 has no input"),
        (
            {"Instances": [], "Positive Examples": [{"input": "a"}]},
            "t.json, Positive Examples 1 has no output",
        ),
        (
            {"examples": [{"input": "a", "target": "b"}, {"target": "b"}]},
            "t.json, examples 2 has no in",
        ),
        ({"examples": ["a"]}, "t.json, examples 1 is not an object but str"),
        ({"examples": {"7": {"input": "a"}}}, "t.json, examples 7 has no output"),
    ],
)
def test_a_bad_example_is_named(held, words):
    with pytest.raises(ValueError, match=words):
        list(of_collection(Path("t.json"), held, 1))


def test_a_bad_seed_task_is_named():
    with pytest.raises(ValueError, match="x line 3, instances 1 has no output; its keys are input"):
        list(self_instruct({"instruction": "a", "instances": [{"input": "b"}]}, "x line 3"))
