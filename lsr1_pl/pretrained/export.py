"""A checkpoint made small and portable: weights as safetensors beside the config."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import yaml
from safetensors.torch import save_file

from lsr1_pl.errors import UserError
from lsr1_pl.pretrained.checkpoints import (
    CONFIG_FILE,
    WEIGHTS_FILE,
    checkpoint_config,
    read_checkpoint,
)


def export_checkpoint(checkpoint: Path, folder: Path) -> None:
    """Write the weights and the config of ``checkpoint`` into the new ``folder``, whole or not.

    What only a resumed training needs (the meta-optimiser's state) stays behind. ``lsr1 test
    --ckpt FOLDER`` and :func:`load_optimizer` read it.

    Raises:
        UserError: the checkpoint is unusable, or the folder is there already.
    """
    if folder.exists():
        raise UserError(f"{folder}: is there already; name a new folder")
    config = checkpoint_config(checkpoint)
    state = read_checkpoint(checkpoint)["state_dict"]
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        save_file({key: value.contiguous() for key, value in state.items()}, partial / WEIGHTS_FILE)
        text = yaml.safe_dump(config, sort_keys=False)
        (partial / CONFIG_FILE).write_text(text, encoding="utf-8")
        # mkdtemp and safetensors make what only the owner may read.
        (partial / WEIGHTS_FILE).chmod(0o644)
        partial.chmod(0o755)
        partial.rename(folder)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
