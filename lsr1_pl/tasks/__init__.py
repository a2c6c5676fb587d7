"""Tasks: LightningModules that meta-train an optimiser."""

from lsr1_pl.tasks.function import FunctionTask
from lsr1_pl.tasks.meta import MetaTask

__all__ = ["FunctionTask", "MetaTask"]
