"""MPJPE, PVE and acceleration of the protocols, against what each code computes, written out."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from look_alike_3dpw import evaluation, module
from numpy.typing import NDArray

from lsr1_pl.ground.arrays import load_npy
from lsr1_pl.hmr.evaluation.protocols import H36M14
from lsr1_pl.hmr.evaluation.threedpw import FrameErrors
from lsr1_pl.metrics import mpjpe

Array = NDArray[np.float64]


def by_hand(converted, name: str) -> dict[str, float]:  # type: ignore[no-untyped-def]
    """The errors of bodies that are all turned and bent a little, in NumPy."""
    checks = evaluation(converted, name)
    rows = load_npy(converted / "data" / "smpl" / "J_regressor_h36m.npy")
    data = module(converted)
    (body,) = checks.fit_body
    ours: list[Array] = []
    theirs: list[Array] = []
    for batch in data.test_dataloader():
        kept = batch.valid > 0
        if name == "vibe":
            kept = kept & (batch.visibility.sum(dim=1) > 0)
        # All bodies of the look-alike are the same one, whatever gender is true.
        ours.append(body.vertices(bent(batch)[kept], batch.betas[kept]).double().numpy())
        theirs.append(body.vertices(batch.pose[kept], batch.betas[kept]).double().numpy())
    fitted, true = np.concatenate(ours), np.concatenate(theirs)
    joints = [np.einsum("jv,nvc->njc", rows[list(H36M14)], vertices) for vertices in (fitted, true)]
    hips = [(each[:, 2] + each[:, 3]) / 2 for each in joints]
    pelvis = [np.einsum("v,nvc->nc", rows[0], vertices) for vertices in (fitted, true)]
    root = pelvis if name == "spin" else hips
    placed = [each - at[:, None] for each, at in zip(joints, root, strict=True)]
    meshes = [fitted, true]
    if name == "wham":
        meshes = [mesh - at[:, None] for mesh, at in zip(meshes, hips, strict=True)]
    return {
        "MPJPE": float(np.linalg.norm(placed[0] - placed[1], axis=2).mean() * 1000),
        "PVE": float(np.linalg.norm(meshes[0] - meshes[1], axis=2).mean() * 1000),
    }


def bent(batch):  # type: ignore[no-untyped-def]
    angles = torch.linspace(0.02, 0.3, batch.pose.shape[1])
    return batch.pose + angles


@pytest.mark.parametrize("name", ["vibe", "wham", "spin"])
def test_mpjpe_and_pve_are_what_the_codes_compute(converted, name: str) -> None:  # type: ignore[no-untyped-def]
    checks, frames = evaluation(converted, name), FrameErrors()
    errors = []
    for batch in module(converted).test_dataloader():
        true = checks.true_joints(batch)
        (joints,) = checks.joint_sets(bent(batch), batch.betas, true, batch)
        assert joints.roots is not None
        kept = joints.counted
        roots = [each[kept] for each in joints.roots]
        errors.append(mpjpe(joints.predicted[kept], joints.true[kept], *roots))
        vertices = checks.vertex_errors(bent(batch), batch.betas, batch)
        frames.add([joints], batch, vertices)
    expected = by_hand(converted, name)
    assert float(torch.cat(errors).mean()) == pytest.approx(expected["MPJPE"], rel=1e-4)
    if name != "spin":
        assert frames.compute()["PVE"][name] == pytest.approx(expected["PVE"], rel=1e-4)


def test_acceleration_of_wham_is_per_second_squared_and_of_vibe_per_frame(converted) -> None:  # type: ignore[no-untyped-def]
    checks, frames = evaluation(converted, "vibe", "wham"), FrameErrors()
    for batch in module(converted).test_dataloader():
        true = checks.true_joints(batch)
        shaken = batch.pose.clone()
        shaken[:, 3:] += 0.1 * (batch.frame % 2).unsqueeze(1)
        frames.add(checks.joint_sets(shaken, batch.betas, true, batch), batch, {})
    found = frames.compute()["acceleration"]
    assert found["vibe"] > 1
    # Both bodies are the same here; WHAM's frames are a few more.
    assert found["wham"] == pytest.approx(found["vibe"] * 900 / 1000, rel=0.05)
    assert [p.acceleration_unit for p in checks.protocols] == ["mm/frame^2", "m/s^2"]
    note = checks.note({"vibe": 3, "wham": 4}, 5)
    assert "MPJPE in the middle of the hips, PVE where the body model puts the vertices" in note
    assert "MPJPE in the middle of the hips, and so PVE" in note
