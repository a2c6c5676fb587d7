"""The studies of the paper as commands: ``lsr1 bench NAME``."""

from lsr1_pl.bench.command import STUDIES, main

__all__ = ["STUDIES", "main"]
