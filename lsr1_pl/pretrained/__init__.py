"""Trained optimisers: reading checkpoints safely, exporting them, and loading them by name."""

from lsr1_pl.pretrained.checkpoints import (
    CONFIG_KEY,
    NAMED,
    check_weights,
    checkpoint_config,
    config_of,
    fitting_weights,
    newest,
    read_checkpoint,
)
from lsr1_pl.pretrained.curves import METRICS_FILE, Curves, history_of
from lsr1_pl.pretrained.export import export_checkpoint
from lsr1_pl.pretrained.foreign.memory import limited_memory
from lsr1_pl.pretrained.foreign.trust import foreign_config, foreign_part, listed_classes_only
from lsr1_pl.pretrained.functional import Result, least_squares, minimize
from lsr1_pl.pretrained.loading import (
    find_checkpoint,
    load_optimizer,
    load_pretrained,
    shipped,
    shipped_folder,
    take_weights,
)
from lsr1_pl.pretrained.migrate import migrated, migrated_options, task_class

__all__ = [
    "CONFIG_KEY",
    "METRICS_FILE",
    "NAMED",
    "Curves",
    "Result",
    "check_weights",
    "checkpoint_config",
    "config_of",
    "export_checkpoint",
    "find_checkpoint",
    "fitting_weights",
    "foreign_config",
    "foreign_part",
    "history_of",
    "least_squares",
    "limited_memory",
    "listed_classes_only",
    "load_optimizer",
    "load_pretrained",
    "migrated",
    "migrated_options",
    "minimize",
    "newest",
    "read_checkpoint",
    "shipped",
    "shipped_folder",
    "take_weights",
    "task_class",
]
