"""The job at the end of a sweep: it begins when all others have finished, and reads them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from lmlab.check import check_composed
from lmlab.config import resolve
from lmlab.config.compose import Composer
from lmlab.job import hash_of
from lmlab.sweep.grid import Row
from lmlab.sweep.plan import Planned, prepare

ALL = "all"  # @all stands for the sweep's folder


def last_job(composer: Composer, own: list[str], row: Row, jobs: Sequence[Planned]) -> Planned:
    """The job of experiment.sweep.last; it needs all of `jobs`. Raises: ConfigError as composing."""
    overrides = list(row.values())
    composed = composer.compose([*own, *overrides])
    check_composed(composed, composer.places)
    prepare(composed.cfg, keep_name=False)
    needs = {f"{ALL}_{number}": job.hash for number, job in enumerate(jobs, 1)}
    before = hashlib.sha256(json.dumps(sorted(needs.values())).encode()).hexdigest()[:12]
    text = json.dumps(resolve.plain(composed.cfg)).replace(f"@{ALL}", f"@{before}")
    name = next(iter(overrides), "last")
    return Planned(overrides, name, composed, hash_of(json.loads(text)), "last", needs)
