"""A Trainer that writes nothing, for tasks that a test drives as a user does."""

from __future__ import annotations

from typing import Any

from pytorch_lightning import Trainer


def trainer(**options: Any) -> Trainer:
    return Trainer(
        **{
            "max_steps": 3,
            "accelerator": "cpu",
            "logger": False,
            "enable_checkpointing": False,
            "enable_progress_bar": False,
            "enable_model_summary": False,
            "inference_mode": False,
            "gradient_clip_val": 1.0,
            **options,
        }
    )
