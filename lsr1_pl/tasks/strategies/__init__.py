"""Evolution strategies: an estimate of the meta-gradient in place of backpropagation."""

from lsr1_pl.tasks.strategies.persistent import PersistentStrategies, PersistentUnrolls

__all__ = ["PersistentStrategies", "PersistentUnrolls"]
