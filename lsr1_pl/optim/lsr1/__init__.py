"""L-SR1, assembled from parts that each decide one thing and can be read alone.

A step takes the gradient g at x. The *encoder* sees, of each variable, what ``reads`` says. Two
generators read its features: one gives the newest ``vector`` v of B, the other the ``rate`` alpha.
``B = base + sum v v^T`` over the last ``buffer_size`` vectors multiplies what ``gradient`` says,
``product`` says what counts as the product, and the step is ``-alpha * (B g)``.

Known methods are points in this space. Let the networks be silent (v = 0, alpha = gamma1):

- ``LSR1(base=Identity())`` is gradient descent with step size gamma1;
- ``LSR1(base=AdamDiagonal(), gradient=RunningMean(0.9))`` is Adam;
- ``LSR1(base=Polyak())`` is Polyak's step;
- ``LSR1(vector=SR1Vector())`` is SR1, kept positive: a network that is silent leaves SR1's vector.

What is learned is a correction of these. ``LSR1()`` itself is the paper's: identity, plain
gradient, free vectors.

The authors' published code is another point::

    LSR1(
        networks=Networks(256, latent_width=128, dropout=0.2, skip=False, second_prelu=True),
        base=IdentityUntilFull(),
        product=NormKeepingProduct(),
        reads=Reads(inputs=("x", "p", "s", "g", "q"), detached=True),
        vector=FreeVector(initial_scale=1.0),
        rate=Rate(0.1, 1e-3, most=10.0),
        buffer_size=4,
    )

A part of one's own is a small class. This B0 halves with every step::

    @dataclass(frozen=True)
    class Halving(Base):
        def at(self, state: LSR1State) -> Diagonal:
            return Diagonal(state.curvature.scale / 2)

    LSR1(base=Halving())

In a config a part is the name of its class, or its fields::

    class_path: lsr1_pl.optim.LSR1
    init_args:
      base: AdamDiagonal
      rate: {gamma1: 0.1, gamma2: 0.5, limit: 3.0}
"""

from lsr1_pl.optim.lsr1.aimed import AimedLSR1, Propose, Standing
from lsr1_pl.optim.lsr1.base import (
    AdamDiagonal,
    Base,
    Diagonal,
    FirstSecant,
    Identity,
    IdentityUntilFull,
    LastSecant,
    Polyak,
    Zero,
)
from lsr1_pl.optim.lsr1.gradients import Averaged, Gradient, PlainGradient, RunningMean
from lsr1_pl.optim.lsr1.networks import Networks
from lsr1_pl.optim.lsr1.rates import Rate
from lsr1_pl.optim.lsr1.reads import Embedding, EncoderInputs, Reads
from lsr1_pl.optim.lsr1.running import Runner
from lsr1_pl.optim.lsr1.state import LSR1State
from lsr1_pl.optim.lsr1.step import LSR1
from lsr1_pl.optim.lsr1.vectors import FreeVector, SecantUnitVector, SR1Vector, Vector

__all__ = [
    "LSR1",
    "AdamDiagonal",
    "AimedLSR1",
    "Averaged",
    "Base",
    "Diagonal",
    "Embedding",
    "EncoderInputs",
    "FirstSecant",
    "FreeVector",
    "Gradient",
    "Identity",
    "IdentityUntilFull",
    "LSR1State",
    "LastSecant",
    "Networks",
    "PlainGradient",
    "Polyak",
    "Propose",
    "Rate",
    "Reads",
    "Runner",
    "RunningMean",
    "SR1Vector",
    "SecantUnitVector",
    "Standing",
    "Vector",
    "Zero",
]
