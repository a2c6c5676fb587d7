"""Trained optimisers: reading checkpoints safely, exporting them, and loading them by name."""

from lsr1_pl.pretrained.checkpoints import (
    CONFIG_KEY,
    NAMED,
    check_weights,
    checkpoint_config,
    newest,
    read_checkpoint,
)
from lsr1_pl.pretrained.export import export_checkpoint, history_of
from lsr1_pl.pretrained.functional import Result, minimize
from lsr1_pl.pretrained.loading import (
    find_checkpoint,
    load_optimizer,
    load_pretrained,
    shipped,
    shipped_folder,
    take_weights,
)
from lsr1_pl.pretrained.migrate import migrated, migrated_options
from lsr1_pl.pretrained.trust import check_folders, trusted_classes_only

__all__ = [
    "CONFIG_KEY",
    "NAMED",
    "Result",
    "check_folders",
    "check_weights",
    "checkpoint_config",
    "export_checkpoint",
    "find_checkpoint",
    "history_of",
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
    "trusted_classes_only",
]
