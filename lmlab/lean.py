"""A start without what lmlab does not use: 1.1 s and 47 MB where it is installed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

# What torchmetrics imports where it finds it, for the metrics and plots that need it.
UNUSED = ("transformers", "matplotlib")


@contextmanager
def without_unused() -> Iterator[None]:
    """What is imported inside, torchmetrics by lightning above all, does not find `UNUSED`.

    Whoever imports them by name still gets them. torchmetrics' own BERTScore and plots do not.
    """
    from lightning_utilities.core.imports import RequirementCache

    look = RequirementCache._check_available

    def check(self: RequirementCache) -> None:
        if str(self.requirement or self.module).startswith(UNUSED):
            self.available, self.message = False, "left out by lmlab.lean"
        else:
            look(self)

    RequirementCache._check_available = check  # type: ignore[method-assign]
    try:
        yield
    finally:
        RequirementCache._check_available = look  # type: ignore[method-assign]
