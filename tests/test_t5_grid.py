"""experiment=t5_grid beside the table that it repeats, row S4-22: ten scores, parameters, arithmetic."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tests.conftest import ROOT
from tests.objective.slide import composed

RECORD = yaml.safe_load((ROOT / "experiments" / "t5_grid.yaml").read_text())["experiment"]
JOBS: list[dict[str, Any]] = RECORD["sweep"]["jobs"]
# GLUE, then P and M: parameters and arithmetic as multiples of a decoder's.
TABLE = {
    "Encoder-decoder, denoising": (83.28, 2, 1),
    "Enc-dec shared, denoising": (82.81, 1, 1),
    "Enc-dec half depth, denoising": (80.88, 1, 0.5),
    "Language model, denoising": (74.70, 1, 1),
    "Prefix LM, denoising": (81.82, 1, 1),
    "Encoder-decoder, LM": (79.56, 2, 1),
    "Enc-dec shared, LM": (79.60, 1, 1),
    "Enc-dec half depth, LM": (78.67, 1, 0.5),
    "Language model, LM": (73.78, 1, 1),
    "Prefix LM, LM": (79.68, 1, 1),
}


def test_the_scores_are_those_of_the_table():
    found = {job["published"]["row"]: job["published"]["score"] for job in JOBS}
    assert found == {row: score for row, (score, _, _) in TABLE.items()}


def test_arithmetic_is_that_of_the_column_m():
    (all_rows,) = [
        float(text.partition("=")[2])
        for text in RECORD["stages"][0]["overrides"]
        if text.startswith("budget.flops=")
    ]
    for job in JOBS:
        own = float(job.get("pretrain@budget.flops", all_rows))
        assert own / all_rows == TABLE[job["published"]["row"]][2], job


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job["published"]["row"])
def test_parameters_are_those_of_the_column_p_but_for_cross_attention(job):
    changes = {key.removeprefix("arch."): job[key] for key in job if key.startswith("arch.")}
    arch = composed(job["arch"], vocab_size=100, **changes)
    params = dict(arch.named_parameters())
    blocks = sum(
        each.numel()
        for name, each in params.items()
        if "block" in name and "cross_attention" not in name
    )
    decoder = composed("t5_grid_decoder", vocab_size=100)
    one = sum(each.numel() for name, each in decoder.named_parameters() if "block" in name)
    assert blocks / one == pytest.approx(TABLE[job["published"]["row"]][1], rel=0.02)
