"""What people see when something goes wrong: few lines, no traceback, the right exit code."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable
from pathlib import Path

from lmlab.config.error import MAX_LINES, ConfigError
from lmlab.config.origin import readable
from lmlab.config.place import PACKAGE
from lmlab.config.secrets import redact

WRONG_CONFIG, FAILED = 2, 1


def guarded(function: Callable[[], int], debug: bool, folder: Path | None = None) -> int:
    """The exit code of `function`; an exception is reported on stderr instead of raised.

    ConfigError and ValueErrors that lmlab raises are the user's to mend: exit code 2. Anything
    else is exit code 1, with the traceback in the run folder's log. debug: show the traceback.
    """
    try:
        return function()
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        raise
    except Exception as error:
        return report(error, debug=debug, folder=folder)


def report(error: Exception, *, debug: bool | None = None, folder: Path | None = None) -> int:
    """Print `error` for people and return the exit code.

    debug: None looks for `debug: true` in the run folder's config.yaml.
    """
    if debug is None:
        debug = folder is not None and _asks_for_traceback(folder / "config.yaml")
    error = unwrapped(error)
    trace = redact("".join(traceback.format_exception(error)))
    if debug:
        print(trace, file=sys.stderr, end="")
    elif isinstance(error, ConfigError):
        _print(error.shown())
    elif is_users(error):
        _print(redact(str(error)).splitlines()[:MAX_LINES])
    else:
        _print(_unexpected(error, trace, folder))
    return WRONG_CONFIG if isinstance(error, ConfigError) or is_users(error) else FAILED


def unwrapped(error: Exception) -> Exception:
    """What a constructor said, which Hydra's wrapper hides."""
    if type(error).__name__ == "InstantiationException" and isinstance(error.__cause__, Exception):
        return error.__cause__
    return error


def _asks_for_traceback(config: Path) -> bool:
    text = config.read_text(encoding="utf-8") if config.is_file() else ""
    return "\n  debug: true\n" in text


def is_users(error: Exception) -> bool:
    """Whether it is a ValueError that lmlab's own code raised: a message meant for the user."""
    if not isinstance(error, ValueError):
        return False
    frames = traceback.extract_tb(error.__traceback__)
    return bool(frames) and Path(frames[-1].filename).resolve().is_relative_to(PACKAGE)


def _unexpected(error: Exception, trace: str, folder: Path | None) -> list[str]:
    message = redact(str(error)).strip().splitlines()[:3]
    lines = [f"{type(error).__name__}: {message[0] if message else 'no message'}", *message[1:]]
    frames = traceback.extract_tb(error.__traceback__)
    if frames:
        lines.append(f"  at {frames[-1].filename}:{frames[-1].lineno}")
    if folder is not None and folder.is_dir():
        log = folder / "log.txt"
        with log.open("a", encoding="utf-8") as file:
            file.write(trace)
        return [*lines, f"  the traceback is in {readable(log)}; debug=true shows it here"]
    return [*lines, "  debug=true shows the traceback"]


def _print(lines: list[str]) -> None:
    for line in lines:
        print(line, file=sys.stderr)
