from __future__ import annotations

from lmlab.data.cloze import Cloze
from lmlab.data.source.texts import Texts


def test_there_is_nothing_to_train_on(tmp_path):
    data = Cloze(source=Texts(texts=["a ___"]), seq_len=8, cache_dir=tmp_path)
    data.prepare()
    assert data.num_train_examples == 0 and data.val_examples == ["a ___"]
    assert data.fingerprint == data.source.fingerprint(tmp_path)
