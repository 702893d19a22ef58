"""Where option files are: the project's own, and those of the user's working directory."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent
GROUPS = (
    "arch",
    "objective",
    "stage",
    "data",
    "reward",
    "tokenizer",
    "hardware",
    "optim",
    "track",
    "launcher",
)


@dataclass(frozen=True, slots=True)
class Places:
    """Folders with config groups, and folders with experiments; the first of each is lmlab's."""

    conf: tuple[Path, ...]
    experiments: tuple[Path, ...]


def shipped(name: str) -> Path:
    """`name` in the installed package, else at the top of the checkout. Absolute."""
    inside = PACKAGE / name
    return inside if inside.is_dir() else PACKAGE.parent / name


def find_places(config_dir: str | None = None, working_dir: Path | None = None) -> Places:
    """All folders, lmlab's first; `config_dir` is what --config-dir says."""
    here = (working_dir or Path.cwd()).resolve()
    conf, experiments = [shipped("conf")], [shipped("experiments")]
    if config_dir is not None:
        conf.append(Path(config_dir).resolve())
    if any((here / "conf" / group).is_dir() for group in GROUPS):
        conf.append(here / "conf")
    experiments.append(here / "experiments")
    unique = tuple(dict.fromkeys(conf))
    return Places(unique, tuple(path for path in dict.fromkeys(experiments) if path.is_dir()))


def groups(places: Places) -> list[str]:
    """Names of the config groups, those of the design first."""
    found = {
        folder.name
        for root in places.conf
        for folder in root.iterdir()
        if folder.is_dir() and folder.name != "hydra" and any(folder.glob("*.yaml"))
    }
    return [name for name in GROUPS if name in found] + sorted(found - set(GROUPS))


def options(places: Places, group: str) -> list[str]:
    """Names of the options of a group, or of the experiments."""
    if group == "experiment":
        folders: list[Path] = list(places.experiments)
    else:
        folders = [root / group for root in places.conf]
    return sorted({file.stem for folder in folders for file in folder.glob("*.yaml")})
