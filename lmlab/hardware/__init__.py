"""What a run is computed on: one class a strategy, each of which makes the Lightning Trainer."""

from lmlab.hardware.data_parallel import DataParallel
from lmlab.hardware.deep_speed import DeepSpeed
from lmlab.hardware.fully_sharded import FullySharded
from lmlab.hardware.machine import Hardware, accelerator_here, cpu_has_bf16, precision_here
from lmlab.hardware.mesh import Mesh
from lmlab.hardware.tpu import Tpu

__all__ = [
    "DataParallel",
    "DeepSpeed",
    "FullySharded",
    "Hardware",
    "Mesh",
    "Tpu",
    "accelerator_here",
    "cpu_has_bf16",
    "precision_here",
]
