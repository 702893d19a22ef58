"""The text of `lmlab --help`: groups, options and the overrides most often wanted."""

from __future__ import annotations

import shutil
import textwrap

from lmlab.config.completion import INSTALL
from lmlab.config.matrix import as_text
from lmlab.config.place import Places, groups, options

HEADER = """lmlab: language-model experiments composed from configuration.

  lmlab [GROUP=OPTION ...] [KEY=VALUE ...]    train; without arguments: a tiny GPT, a few minutes
  lmlab -m KEY=A,B ...                        a sweep: one job for each combination
  lmlab resume RUN [budget.KEY=VALUE ...]     go on with a run: its folder, name or MLflow id
  lmlab export RUN [--to FOLDER]              weights and tokenizer as transformers loads them
  lmlab chat RUN                              talk to the model of a run
  lmlab ui                                    the MLflow page of all runs, on this machine only
  lmlab sync                                  send what was kept while the tracking server was away
  lmlab --cfg job [...]                       show the composed configuration, run nothing

Groups (GROUP=OPTION)
"""
MATRIX = """
What goes together: stage, kind of architecture, objectives
"""
USEFUL = """
Ten useful overrides (KEY=VALUE)
  budget.tokens=1e7             stop after so many training tokens (also flops, minutes, steps)
  arch.num_layers=6             any number of the architecture; also arch.width, arch.num_heads
  optim.learning_rate=1e-3      peak learning rate instead of the recipe's
  batch.tokens=16384            tokens of one optimizer step, over all devices
  batch.micro_sequences=8       less memory: sequences a device takes at once
  hardware.devices=2            processes, with hardware=ddp
  seed=1                        another seed
  run.name=my-idea              name of the run and of its folder
  init_from=runs/...            start from the weights of another run (latest:stage=sft is the
                                newest of a kind, hf:FOLDER published weights)
  checkpoint.every_steps=100    how often a checkpoint is written

Own options: ./conf/GROUP/NAME.yaml and ./experiments/NAME.yaml here, or --config-dir DIR.
Wrong settings are explained before anything starts; debug=true shows tracebacks.
"""


def help_text(places: Places) -> str:
    """Every group with its options, then the useful overrides and how to get completion."""
    width = min(100, shutil.get_terminal_size((100, 24)).columns)
    names = [*groups(places), *(["experiment"] if options(places, "experiment") else [])]
    lines = [_group(places, name, width) for name in names]
    fits = MATRIX + as_text(places, width)
    end = f"Completion in bash, also for python -m lmlab:  {INSTALL}\n"
    return HEADER + "\n".join(lines) + "\n" + fits + USEFUL + end


def _group(places: Places, name: str, width: int) -> str:
    listed = ", ".join(options(places, name))
    start = f"  {name:<11} "
    return textwrap.fill(
        listed,
        width=width,
        initial_indent=start,
        subsequent_indent=" " * len(start),
        break_long_words=False,
        break_on_hyphens=False,
    )
