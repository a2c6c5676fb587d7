"""The optimisers of the project as a ``torch.optim.Optimizer``, with a closure."""

from lsr1_pl.optim.torch_face.torch_optimizer import LSR1Optimizer

__all__ = ["LSR1Optimizer"]
