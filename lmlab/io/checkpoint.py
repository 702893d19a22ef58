"""A checkpoint: a folder that is there whole or not at all, and that proves its contents.

Beside its files it holds manifest.json: the SHA-256 of each, the step, the versions that wrote it.
A run's checkpoints are `<run>/checkpoints/step-00000500/...`; the file `last` names the newest.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from lmlab.durable import discard, publish, replace_text, sha256, sync, temporary

MANIFEST = "manifest.json"
POINTER = "last"
_NAME = re.compile(r"step-(\d{8,})")

log = logging.getLogger(__name__)

Writer = Callable[[Path], None]


class CheckpointError(ValueError):
    """A checkpoint could not be written, or what is there cannot be trusted."""


def folder_name(step: int) -> str:
    """The name of the checkpoint of an optimizer step; names sort as steps do."""
    return f"step-{step:08d}"


def write(
    folder: Path,
    files: Mapping[str, Writer],
    *,
    step: int,
    versions: Mapping[str, str],
    num_bytes: int | None = None,
    shares: Writer | None = None,
) -> None:
    """Write every file by its function into a new folder that appears under its name at once.

    Whatever fails, nothing is left behind and checkpoints that exist stay as they are.
    num_bytes: about how much it will be, for the message; shares: writes more files into the folder
    it is given, together with other processes.
    Raises: CheckpointError naming the path and the needed and free bytes.
    """
    fresh = temporary(folder)
    try:
        fresh.mkdir(parents=True)
        for name, writer in files.items():
            writer(fresh / name)
            sync(fresh / name)
        if shares is not None:
            shares(fresh)
        names = sorted(path.name for path in fresh.iterdir())
        body = {"step": step, "versions": dict(versions), "files": _digests(fresh, names)}
        (fresh / MANIFEST).write_text(_sealed(body), encoding="utf-8")
        sync(fresh / MANIFEST)
        sync(fresh)
        publish(fresh, folder)
    except CheckpointError:
        raise
    except Exception as error:
        raise CheckpointError(_cannot_write(folder, num_bytes, error)) from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _digests(folder: Path, names: list[str]) -> dict[str, dict[str, Any]]:
    paths = [folder / name for name in names]
    return {p.name: {"bytes": p.stat().st_size, "sha256": sha256(p)} for p in paths}


def _sealed(body: dict[str, Any]) -> str:
    """The text of a manifest: its body and the SHA-256 of that body."""
    inner = json.dumps(body, sort_keys=True)
    seal = hashlib.sha256(inner.encode()).hexdigest()
    return json.dumps({"sha256": seal, "manifest": body}, indent=1, sort_keys=True) + "\n"


def _cannot_write(folder: Path, num_bytes: int | None, error: Exception) -> str:
    needed = "" if num_bytes is None else f"needs about {num_bytes:,} bytes, "
    try:
        parent = next(path for path in folder.absolute().parents if path.exists())
        free = f"{shutil.disk_usage(parent).free:,} bytes are free"
    except OSError:
        free = "free space unknown"
    return (
        f"cannot write checkpoint {folder}: {error} ({needed}{free}); earlier checkpoints are "
        "unchanged. Free space, or set run.root to another disk"
    )


def verify(folder: Path) -> dict[str, Any]:
    """The manifest of a checkpoint whose every byte is as it was written.

    Raises: CheckpointError saying which file is missing, cut short or changed.
    """
    try:
        manifest = _manifest(folder)
        for name, expected in manifest["files"].items():
            _verify_file(folder / name, expected)
    except OSError as error:
        raise CheckpointError(f"{folder}: cannot be read: {error}") from error
    return manifest


def _manifest(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    if not path.is_file():
        raise CheckpointError(f"{folder}: no {MANIFEST}, so this is no complete checkpoint")
    raw = path.read_bytes()
    try:
        body = json.loads(raw)["manifest"]
        same = _sealed(body).encode() == raw
    except (ValueError, KeyError, TypeError):
        same = False
    if not same or any(Path(name).name != name for name in body["files"]):
        raise CheckpointError(f"{folder}: {MANIFEST} is damaged")
    return dict(body)


def _verify_file(path: Path, expected: dict[str, Any]) -> None:
    if not path.is_file():
        raise CheckpointError(f"{path.parent}: {path.name} is missing")
    size = path.stat().st_size
    if size != expected["bytes"]:
        raise CheckpointError(
            f"{path.parent}: {path.name} has {size:,} bytes instead of {expected['bytes']:,}"
        )
    if sha256(path) != expected["sha256"]:
        raise CheckpointError(f"{path.parent}: the contents of {path.name} have changed")


def all_of(folder: Path) -> list[Path]:
    """Every checkpoint in a checkpoints folder, damaged or not, the newest first."""
    if not folder.is_dir():
        return []
    found = [path for path in folder.iterdir() if _NAME.fullmatch(path.name) and path.is_dir()]
    return sorted((path for path in found if not path.is_symlink()), key=step_of, reverse=True)


def step_of(folder: Path) -> int:
    """The optimizer step in a checkpoint's name. Raises: CheckpointError for another name."""
    match = _NAME.fullmatch(folder.name)
    if match is None:
        raise CheckpointError(f"{folder} is not named like a checkpoint, step-00000500")
    return int(match[1])


def survey(folder: Path, at_most_step: int | None = None) -> tuple[Path | None, dict[Path, str]]:
    """The newest good checkpoint of a checkpoints folder, and the newer ones with their damage."""
    damaged: dict[Path, str] = {}
    for candidate in all_of(folder):
        if at_most_step is not None and step_of(candidate) > at_most_step:
            continue
        try:
            verify(candidate)
        except CheckpointError as error:
            damaged[candidate] = str(error)
        else:
            return candidate, damaged
    return None, damaged


def find_good(
    run_dir: Path, *, at_most_step: int | None = None, remove_later: bool = False
) -> Path | None:
    """The newest checkpoint of a run that verifies; damaged ones are reported and passed over.

    at_most_step: look no later than this; then None means to begin at the start.
    remove_later: delete the checkpoints after the one found: their history is given up.
    Raises: CheckpointError when there is no good one (and at_most_step is not given).
    """
    folder = run_dir / "checkpoints"
    good, damaged = survey(folder, at_most_step)
    for reason in damaged.values():
        log.warning("checkpoint passed over: %s", reason)
    if damaged and good is not None:
        log.warning("going back to the checkpoint before: %s", good)
    if good is None and at_most_step is None:
        raise CheckpointError(_none_good(folder, damaged))
    if remove_later:
        _remove_after(folder, good)
    return good


def _none_good(folder: Path, damaged: dict[Path, str]) -> str:
    if not damaged:
        return f"{folder} has no checkpoint yet; start the run again from its beginning"
    reasons = "\n".join(f"  {reason}" for reason in list(damaged.values())[:5])
    return f"no checkpoint in {folder} is undamaged:\n{reasons}\nstart the run again"


def _remove_after(folder: Path, good: Path | None) -> None:
    if good is not None:
        replace_text(folder / POINTER, good.name + "\n")
    elif folder.is_dir():
        (folder / POINTER).unlink(missing_ok=True)
    for candidate in all_of(folder):
        if good is None or step_of(candidate) > step_of(good):
            discard(candidate)


def point_to(folder: Path) -> None:
    """Make the file `last` name this checkpoint."""
    replace_text(folder.parent / POINTER, folder.name + "\n")


def retain(folder: Path, keep: int) -> None:
    """Delete all but the newest `keep` checkpoints in one checkpoints folder.

    The newest must be whole: call it after `write`, which leaves only whole ones.
    """
    if keep < 1:
        raise ValueError(f"checkpoint.keep={keep} would delete every checkpoint; use 1 or more")
    for candidate in reversed(all_of(folder)[keep:]):
        discard(candidate)
