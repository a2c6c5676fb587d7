"""The studies of the paper as commands: ``lsr1 bench NAME``."""

from lsr1_pl.bench.table import STUDIES, run

__all__ = ["STUDIES", "run"]
