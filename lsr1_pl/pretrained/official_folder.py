"""The authors' published checkpoint as an exported folder, with its config and its card."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

from lsr1_pl.ground.console import plain
from lsr1_pl.pretrained.export import write_exported
from lsr1_pl.pretrained.official import official_weights


def convert_official(checkpoint: Path, folder: Path, config: Mapping[str, Any]) -> None:
    """Write the authors' published checkpoint as a folder that ``lsr1 test --ckpt FOLDER`` runs.

    Args:
        checkpoint: ``lsr1__l4__best-model.ckpt``.
        folder: is made.
        config: how the authors train, in the form that ``lsr1 fit`` takes. The folder's config is
            this one, evaluated as the authors' ``eval.py`` does: under one protocol, without
            baselines, and without motion to train on.

    Raises:
        UserError: the checkpoint is unusable, or the folder is there and not empty.
    """
    weights = official_weights(checkpoint)
    write_exported(folder, weights, _evaluating(config), _card(checkpoint))


def _evaluating(config: Mapping[str, Any]) -> dict[str, Any]:
    changed: dict[str, Any] = deepcopy(dict(config))
    evaluate = changed["model"]["init_args"]["evaluate"]
    evaluate["protocols"] = ["lgd14"]
    evaluate.pop("baselines", None)
    # A test draws nothing from the motion, and AMASS is a download of its own.
    changed["data"]["init_args"]["stores"] = ["open"]
    return changed


def _card(checkpoint: Path) -> str:
    return f"""# The authors' L-SR1 for human mesh recovery

- **What it is**: `{plain(checkpoint.name)}` of github.com/gallif/lsr1, the code of the paper
  (arXiv 2508.12270), under the names of this package. The file's SHA-256 is
  {hashlib.sha256(checkpoint.read_bytes()).hexdigest()}.
- **Trained by** the authors, on AMASS. `config.yaml` says how, but names the open motion in AMASS's
  place: it is for tests.
- **Left out**: SMPL's arrays, which the file holds.
- **On the test set**: the project's page says 51.74 mm after 4 steps and 51.58 mm after 13
  (PA-MPJPE on 3DPW). `lsr1 test --ckpt` of this folder prints yours.
- **Licence**: MIT, of the authors. AMASS, on which it was trained, and SMPL have their own terms.
"""
