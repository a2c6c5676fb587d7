"""The data and the evaluation of the look-alike of 3DPW that ``tests/licensed`` converts."""

from __future__ import annotations

from pathlib import Path

from lsr1_pl.body import load_body_model
from lsr1_pl.data import ThreeDPWDataModule
from lsr1_pl.hmr.evaluation.threedpw import ThreeDPWEvaluation


def module(converted: Path, **options: object) -> ThreeDPWDataModule:
    data = converted / "data"
    return ThreeDPWDataModule([str(data / "amass")], str(data / "3dpw"), **options)  # type: ignore[arg-type]


def evaluation(converted: Path, *names: str) -> ThreeDPWEvaluation:
    smpl = converted / "data" / "smpl"
    bodies = {g: str(smpl / f"SMPL_{g.upper()}.npz") for g in ("male", "female", "neutral")}
    body = load_body_model(bodies["male"])
    return ThreeDPWEvaluation(names, body, bodies, str(smpl / "J_regressor_h36m.npy"), 10)
