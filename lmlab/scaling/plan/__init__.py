"""Compute plans: what a training run costs in arithmetic, memory, traffic, days and money."""

from __future__ import annotations

from lmlab.scaling.plan.answer import Plan, plan
from lmlab.scaling.plan.shape import Shape

__all__ = ["Plan", "Shape", "plan"]
