"""Tasks that calculate with whole numbers, and compare them."""

from __future__ import annotations

from lmlab.data.task.draw import Draw
from lmlab.data.task.task import Item, Task, text


def add(draw: Draw, _: int) -> Item:
    a, b = draw.whole(0, 99), draw.whole(0, 99)
    return text(a + b, a=a, b=b)


def subtract(draw: Draw, _: int) -> Item:
    a = draw.whole(0, 99)
    b = draw.whole(0, a)
    return text(a - b, a=a, b=b)


def multiply(draw: Draw, _: int) -> Item:
    a, b = draw.whole(2, 12), draw.whole(2, 12)
    return text(a * b, a=a, b=b)


def divide(draw: Draw, _: int) -> Item:
    b, result = draw.whole(2, 12), draw.whole(1, 12)
    return text(result, a=b * result, b=b)


def remainder(draw: Draw, _: int) -> Item:
    a, b = draw.whole(10, 60), draw.whole(2, 9)
    return text(a % b, a=a, b=b)


def add_list(draw: Draw, _: int) -> Item:
    numbers = [draw.whole(1, 30) for _ in range(draw.whole(3, 5))]
    return text(sum(numbers), numbers=", ".join(map(str, numbers)))


def double(draw: Draw, _: int) -> Item:
    a = draw.whole(1, 99)
    return text(2 * a, a=a)


def larger(draw: Draw, _: int) -> Item:
    a, b = draw.some(range(1, 1000), 2)
    return text(max(a, b), a=a, b=b)


def smaller(draw: Draw, _: int) -> Item:
    a, b = draw.some(range(1, 1000), 2)
    return text(min(a, b), a=a, b=b)


def is_greater(draw: Draw, _: int) -> Item:
    a, b = draw.some(range(1, 100), 2)
    return text("yes" if a > b else "no", a=a, b=b)


def largest(draw: Draw, _: int) -> Item:
    numbers = draw.some(range(1, 100), draw.whole(3, 6))
    return text(max(numbers), numbers=" ".join(map(str, numbers)))


def even_or_odd(draw: Draw, _: int) -> Item:
    a = draw.whole(0, 999)
    return text("odd" if a % 2 else "even", a=a)


TASKS = (
    Task(
        "add",
        "arithmetic",
        "add: {a} {b}",
        (
            "What is {a} plus {b}?",
            "Add {a} and {b}.",
            "Calculate {a} + {b}.",
            "I have {a} beans and get {b} more. How many beans do I have?",
        ),
        add,
    ),
    Task(
        "subtract",
        "arithmetic",
        "subtract: {a} {b}",
        (
            "What is {a} minus {b}?",
            "Subtract {b} from {a}.",
            "Calculate {a} - {b}.",
            "There were {a} birds and {b} flew away. How many are left?",
        ),
        subtract,
    ),
    Task(
        "multiply",
        "arithmetic",
        "multiply: {a} {b}",
        (
            "What is {a} times {b}?",
            "Multiply {a} by {b}.",
            "Calculate {a} x {b}.",
            "There are {a} boxes with {b} eggs each. How many eggs are there?",
        ),
        multiply,
    ),
    Task(
        "divide",
        "arithmetic",
        "divide: {a} {b}",
        (
            "What is {a} divided by {b}?",
            "Divide {a} by {b}.",
            "{a} coins are shared equally by {b} people. How many does each get?",
        ),
        divide,
    ),
    Task(
        "remainder",
        "arithmetic",
        "remainder: {a} {b}",
        (
            "What is the remainder when {a} is divided by {b}?",
            "Divide {a} by {b} and give only the remainder.",
            "{a} coins are shared equally by {b} people. How many coins are left over?",
        ),
        remainder,
    ),
    Task(
        "add_list",
        "arithmetic",
        "sum: {numbers}",
        (
            "What is the sum of {numbers}?",
            "Add up these numbers: {numbers}",
            "Calculate the total of {numbers}.",
        ),
        add_list,
    ),
    Task(
        "double",
        "arithmetic",
        "double: {a}",
        ("What is twice {a}?", "Double the number {a}.", "What is two times {a}?"),
        double,
    ),
    Task(
        "larger",
        "comparison",
        "larger: {a} {b}",
        (
            "Which number is larger, {a} or {b}?",
            "Write down the bigger one of {a} and {b}.",
            "Of the numbers {a} and {b}, which one is greater?",
        ),
        larger,
    ),
    Task(
        "smaller",
        "comparison",
        "smaller: {a} {b}",
        (
            "Which number is smaller, {a} or {b}?",
            "Write down the lesser one of {a} and {b}.",
            "Of the numbers {a} and {b}, which one is less?",
        ),
        smaller,
    ),
    Task(
        "is_greater",
        "comparison",
        "is greater: {a} {b}",
        (
            "Is {a} greater than {b}? Answer yes or no.",
            "Yes or no: {a} is more than {b}.",
            "Say yes if {a} is larger than {b}, and no if it is not.",
        ),
        is_greater,
    ),
    Task(
        "largest",
        "comparison",
        "largest: {numbers}",
        (
            "Which of these numbers is the largest? {numbers}",
            "Find the greatest number.\n{numbers}",
            "What is the maximum of {numbers}?",
        ),
        largest,
    ),
    Task(
        "even_or_odd",
        "numerals",
        "even or odd: {a}",
        (
            "Is {a} even or odd?",
            "Tell whether the number {a} is even or odd.",
            "Even or odd: {a}?",
        ),
        even_or_odd,
    ),
)
