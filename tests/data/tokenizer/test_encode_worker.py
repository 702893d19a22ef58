"""The worker's side of the pipes."""

from __future__ import annotations

import pickle
import subprocess
import sys

from lmlab.data.tokenizer.bpe import Bpe
from tests.conftest import ROOT
from tests.data.conftest import numbered


def test_it_answers_lists_of_texts_until_its_input_ends(tmp_path):
    bpe = Bpe(size=300, sample_mb=1).prepare(numbered(500, 30), tmp_path)
    requests = [(bpe._json, True), ["abc", ""], ["d"]]
    done = subprocess.run(
        [sys.executable, "-m", "lmlab.data.tokenizer.encode_worker"],
        input=b"".join(pickle.dumps(request) for request in requests),
        stdout=subprocess.PIPE,
        cwd=ROOT,
        check=True,
    )
    first, rest = pickle.loads(done.stdout), done.stdout
    assert [ids.tolist() for ids in first] == [
        ids.tolist() for ids in bpe.encode_batch(["abc", ""])
    ]
    assert rest.count(b"numpy") >= 1


def test_it_imports_no_torch():
    code = "import sys, lmlab.data.tokenizer.encode_worker; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout == "False\n"
