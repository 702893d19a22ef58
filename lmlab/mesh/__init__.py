"""Array axes to hardware axes: rules make one architecture many programs, one a device.

parallelize(arch, mesh, rules) and check(arch, mesh_shape, rules) are what the hardware calls.
"""

from __future__ import annotations

from lmlab.mesh.check import check
from lmlab.mesh.parallelize import gradients_kept_apart, parallelize
from lmlab.mesh.rules import partition_spec, placements

__all__ = ["check", "gradients_kept_apart", "parallelize", "partition_spec", "placements"]
