"""Lightning without its tips and device tables."""

from __future__ import annotations

import logging
import warnings


def quiet_lightning() -> None:
    """Silence what would bury the tables that people read."""
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    # Batches are drawn in the training process: that takes under a millisecond.
    warnings.filterwarnings("ignore", message=".*does not have many workers.*")
    # Every process evaluates all that there is: there is nothing to reduce.
    warnings.filterwarnings("ignore", message="It is recommended to use `self.log.*sync_dist=True")
    # A resumed run goes on in its own folder.
    warnings.filterwarnings("ignore", message="Checkpoint directory .* exists and is not empty")
    # pytorch-lightning 2.6 uses a name that torch 2.13 deprecates.
    warnings.filterwarnings("ignore", message=".*LeafSpec.*", category=FutureWarning)
