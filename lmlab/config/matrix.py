"""Which stage takes which architecture and objective, read from what the classes say."""

from __future__ import annotations

from typing import Any

from lmlab.config.catalog import targets
from lmlab.config.definition import literal
from lmlab.config.fit import FITS, TOKENS
from lmlab.config.place import Places

KINDS = ("decoder", "encoder", "encoder_decoder")


def constants(places: Places, group: str, name: str) -> dict[str, Any]:
    """A class literal by option, None where the class has none."""
    return {option: literal(target, name) for option, target in targets(places, group).items()}


def fitting(places: Places) -> dict[str, dict[str, list[str]]]:
    """Objectives by stage and kind of architecture; stages that take no objective are left out."""
    accepts = constants(places, "stage", "accepts")
    kinds_of = constants(places, "stage", "objective_kinds")
    families = constants(places, "objective", "family")
    result: dict[str, dict[str, list[str]]] = {}
    for stage, wishes in accepts.items():
        if not isinstance(wishes, dict) or "objective" not in wishes:
            continue
        wanted, literal_name = wishes["objective"], kinds_of[stage] or FITS
        fits = constants(places, "objective", literal_name)
        others = KINDS if literal_name == FITS else ()
        names = [name for name in fits if (families[name] or TOKENS) in wanted]
        kinds = [kind for kind in KINDS if kind in wishes.get("arch", KINDS)]
        rows = {kind: [name for name in names if kind in (fits[name] or others)] for kind in kinds}
        result[stage] = {kind: row for kind, row in rows.items() if row}
    return result


def architectures(places: Places) -> dict[str, list[str]]:
    """Options of `arch` by kind."""
    kinds = constants(places, "arch", "kind")
    return {kind: [name for name, found in kinds.items() if found == kind] for kind in KINDS}


def as_text(places: Places, width: int) -> str:
    """The matrix for a terminal: a stage, the kinds it takes, the objectives of each."""
    from textwrap import fill

    lines = []
    for stage, rows in fitting(places).items():
        for number, (kind, objectives) in enumerate(rows.items()):
            start = f"  {stage if number == 0 else '':<10}{kind:<16} "
            lines.append(
                fill(
                    ", ".join(objectives),
                    width=width,
                    initial_indent=start,
                    subsequent_indent=" " * len(start),
                    break_on_hyphens=False,
                )
            )
    return "\n".join(lines) + "\n"
