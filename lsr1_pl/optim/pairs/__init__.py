"""L-SR1 on raw secant pairs, and the memory of pairs that it shares with L-BFGS."""

from lsr1_pl.optim.pairs.pair_lsr1 import PairLSR1, PairLSR1State
from lsr1_pl.optim.pairs.secant_pairs import SecantPairs, SplitProduct, memory_for

__all__ = ["PairLSR1", "PairLSR1State", "SecantPairs", "SplitProduct", "memory_for"]
