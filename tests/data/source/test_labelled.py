from __future__ import annotations

from lmlab.data.source.labelled import in_order, is_number, say_classes
from lmlab.data.table.labelled import Labelled


def test_labels_in_order():
    assert in_order(["b", "a", "b"]) == ["a", "b"]
    assert in_order(["10", "9", "-1", "0.5"]) == ["-1", "0.5", "9", "10"]
    assert is_number("1e-3") and not is_number("one")


def test_few_classes_are_counted_and_many_summed_up():
    examples = [Labelled(("t",), "ab"[n % 3 == 0]) for n in range(9)]
    assert say_classes(examples, ["a", "b"]) == "2 classes in training: a 6, b 3"
    many = [Labelled(("t",), str(n // 2)) for n in range(19)]
    assert say_classes(many, [str(n) for n in range(10)]) == (
        "10 classes in training, from 1 (9) to 2 (0) examples"
    )
