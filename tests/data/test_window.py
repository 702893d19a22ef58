"""Windows over a token stream."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmlab.batch import Window
from lmlab.data.window import ceil_div, cut, empty, num_windows

STREAM = np.arange(10, 20, dtype=np.uint16)


def test_windows_of_five_every_four():
    window = Window(length=5, stride=4)
    assert num_windows(len(STREAM), window) == 3
    examples = [cut(STREAM, window, index, fill=99) for index in range(3)]
    assert [example.tokens.tolist() for example in examples] == [
        [10, 11, 12, 13, 14],
        [14, 15, 16, 17, 18],
        [18, 19, 99, 99, 99],
    ]
    assert [example.num_real for example in examples] == [5, 5, 2]


def test_a_stream_that_ends_with_a_window_needs_no_padding():
    assert num_windows(9, Window(5, 4)) == 2
    assert num_windows(1, Window(5, 4)) == 0


def test_windows_with_gaps_are_refused():
    with pytest.raises(ValueError, match="stride <= length"):
        num_windows(10, Window(length=4, stride=5))


def test_an_empty_example_has_no_real_token():
    example = empty(Window(3, 3), 7, np.dtype(np.uint16))
    assert (example.tokens.tolist(), example.num_real) == ([7, 7, 7], 0)
    assert ceil_div(7, 3) == 3


@settings(max_examples=500, deadline=None)
@given(st.data())
def test_no_token_is_lost_or_doubled(data):
    length = data.draw(st.integers(1, 20), "length")
    window = Window(length, data.draw(st.integers(1, length), "stride"))
    shared = window.length - window.stride
    stream = np.array(data.draw(st.lists(st.integers(0, 9), max_size=90), "stream"), np.uint16)
    number = num_windows(len(stream), window)
    examples = [cut(stream, window, index, 0) for index in range(number)]
    new = [e.tokens[shared if i else 0 : e.num_real].tolist() for i, e in enumerate(examples)]
    assert all(len(example.tokens) == length for example in examples)
    assert all(new)
    expected = stream.tolist() if len(stream) > shared else []
    assert [token for part in new for token in part] == expected
