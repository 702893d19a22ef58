from __future__ import annotations

import pytest

from lmlab.data.source.texts import Texts


def test_no_tokenizer_can_be_trained_on_a_few_texts(tmp_path):
    with pytest.raises(ValueError, match="set init_from=RUN"):
        Texts(texts=["a"]).pieces()
    with pytest.raises(ValueError, match="names no text"):
        Texts(texts=[])


def test_other_texts_have_another_fingerprint(tmp_path):
    one, other = Texts(texts=["a", "b"]), Texts(texts=["ab"])
    assert one.fingerprint(tmp_path) != other.fingerprint(tmp_path)
