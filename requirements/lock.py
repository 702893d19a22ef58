"""Write run.txt and dev.txt: every package pinned with its hashes, for any platform.

torch is left out, with the CUDA packages that some of its builds need: the Makefile pins its
version, and which build that is depends on the machine.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
LEFT_OUT = re.compile(r"(torch|triton|nvidia-[\w-]+|cuda-[\w-]+)==")
TORCH = re.search(r"^TORCH = (.*)$", (HERE.parent / "Makefile").read_text(), re.MULTILINE)[1]


def compile_lock(arguments: list[str], constraints: str) -> str:
    """uv's universal resolution of pyproject.toml, as text."""
    with tempfile.TemporaryDirectory() as folder:
        pins, out = Path(folder, "pins.txt"), Path(folder, "out.txt")
        pins.write_text(constraints)
        command = [
            str(HERE.parent / ".venv/bin/uv"),
            "pip",
            "compile",
            "pyproject.toml",
            *arguments,
            "--universal",
            "-q",
        ]
        command += [
            "--generate-hashes",
            "--python-version",
            "3.11",
            "-c",
            str(pins),
            "-o",
            str(out),
        ]
        subprocess.run([*command, "--no-header", "--no-annotate"], check=True, cwd=HERE.parent)
        return out.read_text()


def without_torch(lock: str) -> str:
    """The lock's entries, each one requirement with its hash lines, less those of torch."""
    entries = re.split(r"\n(?=\S)", lock.strip())
    return "\n".join(entry for entry in entries if not LEFT_OUT.match(entry)) + "\n"


def pins(lock: str) -> str:
    """The versions of a lock, to hold another one to."""
    return "\n".join(re.findall(r"^[\w.-]+==[^\s\\;]+(?: ; [^\\\n]+)?", lock, re.MULTILINE))


def main() -> None:
    """Both locks, the smaller one held to the versions of the larger."""
    everything = compile_lock(["--all-extras"], TORCH)
    (HERE / "dev.txt").write_text(without_torch(everything))
    needed = compile_lock(["--extra", "build"], pins(everything))
    (HERE / "run.txt").write_text(without_torch(needed))


if __name__ == "__main__":
    main()
