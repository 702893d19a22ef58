"""The command line. Imports no torch, so that help, --cfg and completion are quick."""

from __future__ import annotations

import argparse
import os
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from lmlab.config.error import ConfigError
from lmlab.config.place import Places, find_places
from lmlab.config.report import WRONG_CONFIG, guarded

if TYPE_CHECKING:
    from lmlab.config.compose import Composed, Composer


def main(argv: list[str] | None = None) -> int:
    """Run one command and return its exit code: 0, 1 failed, 2 wrong settings, 130/143 stopped."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    words = {text.lstrip("+").lower() for text in arguments}
    debug = bool(words & {"debug=true", "debug=yes", "debug=on", "debug=1"})
    try:
        return guarded(lambda: _command(arguments, debug), debug)
    except BrokenPipeError:  # the reader of our output, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _command(arguments: list[str], debug: bool) -> int:
    commands = {"resume": _resume, "ui": _ui, "sync": _sync, "export": _export, "chat": _chat}
    first = arguments[0] if arguments else ""
    if first in commands:
        return commands[first](arguments[1:])
    if first == "completion":
        from lmlab.config.completion import BASH

        print(BASH, end="")
        return 0
    if first == "--version":
        from lmlab import __version__

        print(f"lmlab {__version__}")
        return 0
    if first == "help" or {"--help", "-h"} & set(arguments):
        from lmlab.config.help import help_text

        print(help_text(find_places()), end="")
        return 0
    return _hydra(arguments, debug)


def _resume(arguments: list[str]) -> int:
    if not arguments or arguments[0].startswith("-"):
        raise ConfigError(["lmlab resume RUN [budget.KEY=VALUE ...]: name a run or its folder"])
    from lmlab.resume import resume

    _find_user_packages()
    return resume(arguments[0], arguments[1:])


def _ui(arguments: list[str]) -> int:
    from lmlab.track import ui

    parser = _Parser(prog="lmlab ui", description="The MLflow page of all runs, on 127.0.0.1.")
    parser.add_argument("--port", type=int, default=5000, help="port to listen on")
    parser.add_argument("--root", type=Path, default=Path("runs"), help="folder of the runs")
    given = parser.parse_args(arguments)
    return int(ui.serve(root=given.root, port=given.port) or 0)


def _sync(arguments: list[str]) -> int:
    from lmlab.track import sync

    parser = _Parser(prog="lmlab sync", description="Send spooled points to the tracking server.")
    parser.add_argument("--root", type=Path, default=Path("runs"), help="folder of the runs")
    given = parser.parse_args(arguments)
    return 1 if sync.sync_all(given.root) else 0


def _export(arguments: list[str]) -> int:
    from lmlab.export import FORMATS, export

    parser = _Parser(prog="lmlab export", description="A run as a folder for other programs.")
    parser.add_argument("run", metavar="RUN", help="the run's folder, name or MLflow id")
    parser.add_argument("--format", choices=FORMATS, default="hf", help="hf: transformers")
    parser.add_argument("--to", metavar="FOLDER", help="where to; default: RUN/hf")
    parser.add_argument("--root", type=Path, default=Path("runs"), help="folder of the runs")
    given = parser.parse_args(arguments)
    _find_user_packages()
    done = export(given.run, given.to, given.root)
    print("\n".join([f"{done.model} in {done.folder}", *done.notes]))
    return 0


def _chat(arguments: list[str]) -> int:
    parser = _Parser(prog="lmlab chat", description="Talk to the model of a run.")
    parser.add_argument("run", metavar="RUN", help="folder, name, MLflow id or latest:stage=sft")
    parser.add_argument(
        "--max-new-tokens", type=int, default=64, help="tokens of an answer at most"
    )
    parser.add_argument("--temperature", type=float, default=0.7, help="0: the likeliest token")
    parser.add_argument("--top-p", type=float, default=0.95, help="share of probability drawn from")
    parser.add_argument("--seed", type=int, default=0, help="other numbers give other answers")
    parser.add_argument("--system", help="an instruction before everything that is said")
    parser.add_argument("--raw", action="store_true", default=None, help="continue text as it is")
    parser.add_argument("--root", type=Path, default=Path("runs"), help="folder of the runs")
    given = parser.parse_args(arguments)
    _find_user_packages()
    from lmlab.chat import chat, sampling_of, talk

    sampling = sampling_of(given.max_new_tokens, given.temperature, given.top_p)
    with_ = chat(
        given.run, sampling, given.root, seed=given.seed, raw=given.raw, system=given.system
    )
    talk(with_, iter(_typed, None), lambda text: print(text, flush=True))
    return 0


def _typed() -> str | None:
    """The next line, None at the end of the input."""
    try:
        return input("> " if sys.stdin.isatty() else "")
    except (EOFError, KeyboardInterrupt):
        return None


class _Parser(argparse.ArgumentParser):
    """argparse, with its complaints as ConfigError."""

    def error(self, message: str) -> None:  # type: ignore[override]
        raise ConfigError([f"{self.prog}: {message}"])


def _hydra(arguments: list[str], debug: bool) -> int:
    """Everything that composes a configuration: show it, complete it, run it, sweep it."""
    from hydra._internal.utils import get_args_parser

    parser = get_args_parser()
    parser.__class__, parser.prog = _Parser, "lmlab"
    given = parser.parse_args(arguments)
    for name in ("config_path", "config_name", "experimental_rerun"):
        if getattr(given, name) is not None:
            flag = "--" + name.replace("_", "-")
            raise ConfigError([f"{flag}: not for lmlab; --config-dir DIR adds a folder of options"])
    if given.config_dir is not None and not Path(given.config_dir).is_dir():
        raise ConfigError([f"--config-dir {given.config_dir}: there is no such folder"])
    places = find_places(given.config_dir)
    if given.shell_completion or given.hydra_help or given.info not in (None, "config", "all"):
        return _ask_hydra(given, parser, places)
    from lmlab.config.compose import Composer

    composer = Composer(places)
    if given.info is not None:
        _checked(composer, given.overrides)  # it prints values, and a secret is refused here
        return _ask_hydra(given, parser, places)
    if given.cfg is not None:
        return _show(composer, given)
    if given.multirun or _is_sweep(composer, given.overrides):
        from lmlab.sweep.run import run_sweep

        return run_sweep(composer, given.overrides)
    return _run(composer, given.overrides, debug)


def _ask_hydra(given: argparse.Namespace, parser: argparse.ArgumentParser, places: Places) -> int:
    """Completion, --info and --hydra-help are Hydra's own."""
    from hydra import version
    from hydra._internal.hydra import Hydra
    from hydra.core.global_hydra import GlobalHydra

    from lmlab.config.compose import EXPECTED
    from lmlab.config.rewrite import rewrite
    from lmlab.config.source import make_search_path

    version.setbase("1.3")
    try:
        hydra = Hydra.create_main_hydra2("lmlab", make_search_path(places))
        if given.shell_completion:
            hydra.shell_completion(config_name="config", overrides=given.overrides)
        elif given.hydra_help:
            hydra.hydra_help(config_name="config", args_parser=parser, args=given)
        else:
            hydra.show_info(given.info, config_name="config", overrides=given.overrides)
    except EXPECTED as error:
        raise rewrite(error, given.overrides, places) from error
    finally:
        GlobalHydra.instance().clear()
    return 0


def _show(composer: Composer, given: argparse.Namespace) -> int:
    """--cfg: the checked configuration as YAML, secrets as they are written, never as they are."""
    from omegaconf import OmegaConf

    from lmlab.config import resolve
    from lmlab.config.run_folder import dump
    from lmlab.config.secrets import redact

    composed = _checked(composer, given.overrides)
    cfg = composed.cfg
    shown = resolve.without_environment(cfg) if given.resolve else resolve.raw(cfg)
    if given.cfg != "job":
        hydra = OmegaConf.to_container(composed.hydra, resolve=False, enum_to_str=True)
        shown = {"hydra": hydra} if given.cfg == "hydra" else {**shown, "hydra": hydra}
    if given.package not in (None, "_global_"):
        for key in given.package.split("."):
            if not isinstance(shown, dict) or key not in shown:
                raise ConfigError([f"--package {given.package}: there is no such part"])
            shown = shown[key]
    print(redact(dump(shown) if isinstance(shown, dict) else f"{shown}\n"), end="")
    return 0


def _checked(composer: Composer, overrides: list[str]) -> Composed:
    from lmlab.check import check_composed

    composed = composer.compose(overrides)
    check_composed(composed, composer.places)
    return composed


def _is_sweep(composer: Composer, overrides: list[str]) -> bool:
    """Whether hydra.mode asks for a sweep, or the experiment carries one."""
    from hydra.types import RunMode

    from lmlab.sweep.carried import carries

    if any(text.startswith("sweep.resume=") for text in overrides):
        return True
    try:
        composed = composer.compose(overrides, RunMode.MULTIRUN)
    except ConfigError:
        return False  # said properly when the run is composed
    return composed.hydra.mode == RunMode.MULTIRUN or carries(composed.cfg.get("experiment"))


def _run(composer: Composer, overrides: list[str], debug: bool) -> int:
    """Check, make the run's folder, and train: here for one process, else in as many as asked."""
    from lmlab import launch
    from lmlab.config import run_folder
    from lmlab.config.needs import needs_model
    from lmlab.sweep.plan import alone
    from lmlab.together import agreed

    composed = _checked(composer, overrides)
    _stop_sweep_settings(composed)
    alone(composed.cfg)
    hardware = composed.cfg.hardware
    devices, is_rank = int(hardware.get("devices", 1)), launch.is_rank()
    alone_here = is_rank or not needs_model(composed.cfg)
    if int(hardware.get("nodes", 1)) > 1 and not alone_here:
        nodes = hardware.nodes
        raise ConfigError(
            [f"hardware.nodes={nodes}: start lmlab on every node, with torchrun or srun"]
        )
    choices = {group: option for group, option in composed.choices.items() if group != "launcher"}
    create = partial(run_folder.create, composed.cfg, choices, composed.overrides)
    folder = agreed(create, Path(str(composed.cfg.run.root)))
    debug = debug or bool(composed.cfg.debug)
    if devices > 1 and not alone_here:
        code = guarded(lambda: launch.launch(folder / "config.yaml", devices), debug, folder)
    else:
        code = guarded(lambda: _work(folder, composed), debug, folder)
    if code == WRONG_CONFIG and (not is_rank or launch.is_first()):
        run_folder.forget(folder)
    return code


def _stop_sweep_settings(composed: Composed) -> None:
    """What only a sweep has would have no effect on a single run."""
    for text in composed.overrides:
        if text.lstrip("+").startswith(("sweep.", "launcher.", "launcher=")):
            raise ConfigError([f"{text}: has no effect on a single run; -m makes it a sweep"])


def _work(folder: Path, composed: Composed) -> int:
    from lmlab import worker

    _find_user_packages()
    return int(worker.run(str(folder / "config.yaml")))


def _find_user_packages() -> None:
    """Packages named in LMLAB_ALLOW may lie in the working directory."""
    if os.environ.get("LMLAB_ALLOW") and os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())


if __name__ == "__main__":
    sys.exit(main())
