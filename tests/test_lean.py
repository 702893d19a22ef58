from __future__ import annotations

import subprocess
import sys

ONCE = """
import sys
from lmlab.lean import without_unused
with without_unused():
    import lmlab.train
print(sorted({"transformers", "matplotlib"} & set(sys.modules)))
import matplotlib
from lightning_utilities.core.imports import RequirementCache
print(bool(RequirementCache("matplotlib")))
"""


def test_training_starts_without_plots_and_tokenizers_that_it_does_not_use():
    done = subprocess.run([sys.executable, "-c", ONCE], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["[]", "True"]
