from __future__ import annotations

import pytest

from lmlab.io.checkpoint import CheckpointError
from lmlab.io.opened import run_folder


def test_a_checkpoint_stands_for_its_run(tmp_path):
    (tmp_path / "checkpoints" / "step-00000002").mkdir(parents=True)
    (tmp_path / "config.yaml").write_text("")
    assert run_folder(tmp_path / "checkpoints" / "step-00000002") == tmp_path
    assert run_folder(tmp_path) == tmp_path


def test_another_folder_is_refused(tmp_path):
    with pytest.raises(CheckpointError, match="not a run's folder"):
        run_folder(tmp_path)
