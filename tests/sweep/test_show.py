from __future__ import annotations

import io
import json

import pytest
from rich.console import Console

from lmlab.config.compose import Composer
from lmlab.sweep.folder import opened
from lmlab.sweep.plan import make_plan
from lmlab.sweep.show import LiveTable, Plain, figures, table


@pytest.fixture
def folder(places):
    """Two jobs: one runs, one failed."""
    with opened(make_plan(Composer(places), ["seed=1,2"])) as made:
        for entry, state in zip(made.entries, ("running", "failed"), strict=True):
            entry.folder, entry.state = entry.name, state
            made.run_folder(entry).mkdir(parents=True)
        made.entries[1].code = 3
        note = {
            "step": 5,
            "part": 0.5,
            "loss_nats": 2.5,
            "tokens_per_second": 1234.0,
            "seconds_left": 75.0,
        }
        (made.run_folder(made.entries[0]) / "progress.json").write_text(json.dumps(note))
        task = made.task(made.entries[1])
        task.write()
        task.output.write_text("first\n[last] line\n")
        yield made


def test_the_live_table_says_state_loss_speed_and_time_left(folder):
    out = io.StringIO()
    show = LiveTable(folder, Console(file=out, force_terminal=True, width=100))
    show.ended(folder.entries[1], again=False)
    show.close()
    for words in ("running 50%", "2.500", "1,234", "1m15s", "failed (3)", "[last] line"):
        assert words in out.getvalue()


def test_plain_lines_elsewhere(folder, capsys):
    show = Plain(folder)
    show.started(folder.entries[0])
    show.ended(folder.entries[1], again=True)
    show.every_seconds = show._next = 0.0
    show.tick()
    shown = capsys.readouterr()
    assert shown.out.splitlines() == [
        "job 1/2: seed=1 -> runs/seed=1",
        "job 1/2: step 5, loss 2.500, 1,234 tokens/s, 1m15s left",
    ]
    assert shown.err.splitlines()[0] == "job 2/2 failed (3); it is tried again: seed=2"
    assert "  [last] line" in shown.err


def test_the_last_table_names_the_failed(folder):
    assert table(folder).splitlines()[-1] == "failed: job 2 (seed=2)"
    assert figures({}) == ["", "", ""]
