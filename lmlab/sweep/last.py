"""The job at the end of a sweep: it begins when all others have finished, and reads them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from lmlab.check import check_composed
from lmlab.config import resolve
from lmlab.config.compose import Composer
from lmlab.job import hash_of
from lmlab.sweep.grid import Axes, Row
from lmlab.sweep.plan import Planned, prepare

ALL = "all"  # @all stands for the sweep's folder


def last_job(
    composer: Composer, own: list[str], row: Row, typed: Axes, jobs: Sequence[Planned]
) -> Planned:
    """The job of experiment.sweep.last; it needs all of `jobs`.

    typed: the command line's, single values of which hold here too, but for settings of the stage
    of the others. Raises: ConfigError as composing.
    """
    single = {key: values[0] for key, values in typed.items() if len(values) == 1}
    kept = {key: text for key, text in single.items() if key in row or key.split(".")[0] != "stage"}
    overrides = list({**row, **kept}.values())
    composed = composer.compose([*own, *overrides])
    check_composed(composed, composer.places)
    prepare(composed.cfg, keep_name=False)
    needs = {f"{ALL}_{number}": job.hash for number, job in enumerate(jobs, 1)}
    before = hashlib.sha256(json.dumps(sorted(needs.values())).encode()).hexdigest()[:12]
    text = json.dumps(resolve.plain(composed.cfg)).replace(f"@{ALL}", f"@{before}")
    name = next(iter(overrides), "last")
    return Planned(overrides, name, composed, hash_of(json.loads(text)), "last", needs)
