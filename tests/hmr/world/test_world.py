"""Fitted people as smplx's parameters, and as motion over a ground."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from lsr1_pl.body import BodyModel, load_body_model
from lsr1_pl.body.calibrated import project_calibrated
from lsr1_pl.body.skeleton import COCO18, COCO18_INDICES
from lsr1_pl.data import MotionStore, open_motion_path
from lsr1_pl.hmr import Fits, Prediction
from lsr1_pl.hmr.fitting.prediction import TOO_FEW_KEYPOINTS
from lsr1_pl.hmr.world import Motion, PeopleOverGround, above_ground, filled, smplx_parameters, z_up
from lsr1_pl.hmr.world.ground import over_time
from lsr1_pl.hmr.world.motion import MOST_FRAMES

CAMERA = (1100.0, 1150.0, 900.0, 500.0)


def fits_of(
    body: BodyModel, pose: torch.Tensor, betas: torch.Tensor, translation: torch.Tensor
) -> Fits:
    """Bodies before the camera of `CAMERA`, as if they had been fitted."""
    count = len(pose)
    zero = torch.zeros(count)
    status = zero.long()
    joints = body.select(COCO18)(pose, betas)
    prediction = Prediction(
        pose, betas, joints, zero.view(-1, 1), status, zero, zero, status.bool()
    )
    return Fits(prediction, torch.tensor([CAMERA]).expand(count, 4), translation)


def walk(count: int = 30) -> torch.Tensor:
    store = MotionStore(open_motion_path())
    (recording,) = (r for r in store.recordings if r.name == "0walk_forward")
    rows = np.arange(recording.first_row, recording.first_row + count)
    return torch.from_numpy(np.array(store.poses(rows))).float()


def ways(body: BodyModel, pose: torch.Tensor, begin: float) -> NDArray[np.float64]:
    """(T, 3) pelvis in world axes of somebody who walks towards the camera, soles at y = 0."""
    betas = torch.zeros(len(pose), 10)
    lowest = body.vertices(pose, betas)[..., 1].amin(dim=1) - body.rest_joints(betas)[:, 0, 1]
    steps = np.arange(len(pose))
    return np.stack([begin + 0.01 * steps, -lowest.numpy(), 0.04 * steps], axis=1)


def before_camera(body: BodyModel, root: NDArray[np.float64]) -> torch.Tensor:
    """Translations of bodies whose pelvis is at ``root``; the camera is 1.2 m high and 5 m away."""
    pelvis = body.rest_joints(torch.zeros(1, 10))[0, 0].double().numpy()
    placed = root * [1, -1, -1] + [0, 1.2, 5.0]
    return torch.from_numpy(placed - pelvis * [1, -1, -1]).float()


def test_smplx_makes_the_same_vertices_and_pixels() -> None:
    body = load_body_model(dtype=torch.float64)
    generator = torch.Generator().manual_seed(0)
    pose = 0.6 * torch.randn(8, 72, generator=generator, dtype=torch.float64)
    pose[:4, :3] = 0.0
    pose[4:6, :3] = torch.tensor([0.0, torch.pi, 0.0])
    betas = torch.randn(8, 10, generator=generator, dtype=torch.float64)
    translation = torch.randn(8, 3, generator=generator, dtype=torch.float64) * 0.5
    translation[:, 2] += 4.0
    fits = fits_of(body, pose, betas, translation)
    parameters = smplx_parameters(fits, body)
    out = body.to_smplx()(betas=betas, **parameters._asdict())
    flip = torch.tensor([1.0, -1.0, -1.0], dtype=torch.float64)
    own = body.vertices(pose, betas) * flip + translation.unsqueeze(1)
    torch.testing.assert_close(out.vertices, own, atol=1e-6, rtol=0)
    joints = out.joints[:, list(COCO18_INDICES)]
    pixels = joints[..., :2] / joints[..., 2:] * fits.intrinsics[:, None, :2].double()
    pixels = pixels + fits.intrinsics[:, None, 2:]
    assert float((pixels - fits.projected).abs().max()) < 0.1
    assert float((joints[..., 2]).min()) > 0  # y down and z forward: before the camera


def test_people_before_a_known_camera_are_where_they_were() -> None:
    body, pose = load_body_model(), walk()
    roots = [ways(body, pose, 0.3), ways(body, pose, -0.9)]
    translation = torch.cat([before_camera(body, root) for root in roots])
    fits = fits_of(body, pose.repeat(2, 1), torch.zeros(60, 10), translation)
    person, moment = np.repeat([3, 5], 30), np.tile(np.arange(30) + 7, 2)
    people = PeopleOverGround(fits, body, person, np.zeros(60, int), moment, 30.0, CAMERA)
    for number, root in zip((3, 5), roots, strict=True):
        motion = people.motion(number)
        # The origin is beneath the first person's first place.
        np.testing.assert_allclose(motion.root, root - [0.3, 0, 0], atol=2e-3)
        np.testing.assert_allclose(motion.pose, pose.numpy(), atol=1e-6)
        assert motion.moment.tolist() == list(range(7, 37))


def test_cameras_of_their_own_become_one_camera_for_all() -> None:
    body, pose = load_body_model(), walk()
    root = ways(body, pose, 0.0)
    fits = fits_of(body, pose, torch.zeros(30, 10), before_camera(body, root))
    # As a fit gives them: each body straight before a camera 6 m away, the image kept to scale.
    straight = torch.tensor([0.0, 0.0, 6.0]).expand(30, 3)
    pelvis = body.rest_joints(torch.zeros(30, 10))[:, :1]
    pixels = project_calibrated(pelvis, fits.translation, fits.intrinsics)[:, 0]
    depth = fits.translation[:, 2] - pelvis[:, 0, 2]
    focal = 1100.0 * (6.0 - pelvis[:, 0, 2]) / depth
    flip = pelvis[:, 0, :2] * torch.tensor([1.0, -1.0]) / (6.0 - pelvis[:, 0, 2:])
    centre = pixels - flip * focal.unsqueeze(1)
    own = torch.cat([focal.unsqueeze(1).expand(30, 2), centre], dim=1)
    fits = replace(fits, intrinsics=own, translation=straight)
    still = np.zeros(30, dtype=np.int64)
    motion = PeopleOverGround(fits, body, still, still, np.arange(30), 30.0).motion(0)
    # How far away all of it is, and whether the camera is level with the pelvis, nothing tells.
    scale = 6.0 / float(np.median((fits.translation[:, 2] / 6 * depth).numpy()))
    np.testing.assert_allclose(motion.root[:, 2], root[:, 2] * scale, atol=0.06)
    np.testing.assert_allclose(motion.root[:, 1], root[:, 1], atol=0.03)


def test_a_body_that_shrinks_to_the_mean_shape_comes_nearer() -> None:
    body, pose = load_body_model(), walk(2)
    betas = torch.zeros(2, 10)
    betas[0, 0], betas[1, 0] = 3.0, -3.0
    translation = torch.tensor([[0.2, 0.1, 4.0], [0.2, 0.1, 4.0]])
    fits = fits_of(body, pose, betas, translation)
    zero = np.zeros(2, dtype=np.int64)
    people = PeopleOverGround(fits, body, zero, zero, np.arange(2), 30.0, CAMERA, depth_width=0.0)
    motion = people.motion(0)
    np.testing.assert_allclose(motion.betas, 0.0, atol=1e-6)
    lengths = body.rest_joints(betas).diff(dim=1).norm(dim=2).sum(dim=1)
    away = np.sign(float(lengths[1] - lengths[0]))
    assert away * (motion.root[1, 2] - motion.root[0, 2]) > 0.1


def test_a_frame_that_saw_too_little_is_a_gap() -> None:
    body, pose = load_body_model(), walk()
    root = ways(body, pose, 0.0)
    translation = before_camera(body, root)
    translation[10] = torch.tensor([0.0, 0.0, 60.0])
    fits = fits_of(body, pose, torch.zeros(30, 10), translation)
    still = np.zeros(30, dtype=np.int64)
    fits.prediction.status[10] = TOO_FEW_KEYPOINTS
    motion = PeopleOverGround(fits, body, still, still, np.arange(30), 30.0, CAMERA).motion(0)
    recorded = filled(motion)
    assert recorded is not None
    assert np.flatnonzero(~recorded.measured).tolist() == [10]
    np.testing.assert_allclose(recorded.motion.root[:, [0, 2]], root[:, [0, 2]], atol=0.01)


def test_a_jump_stays_and_a_drift_goes() -> None:
    moment = np.arange(120)
    jump = np.where((moment > 50) & (moment < 63), 0.3, 0.0)
    drift = 0.004 * moment
    height = above_ground(jump + drift, moment, 9.0)
    np.testing.assert_allclose(height[51:63], 0.3, atol=0.05)
    assert float(height.min()) >= 0
    assert float(height[jump == 0].max()) < 0.08
    # Half the frames are missing: the reach is in frames' numbers and not in rows.
    half = above_ground((jump + drift)[::2], moment[::2], 9.0)
    np.testing.assert_allclose(half[26:31], 0.3, atol=0.05)


def test_smoothing_keeps_a_steady_motion_to_its_ends() -> None:
    moment = np.array([0, 1, 2, 5, 6, 30, 31, 32])
    np.testing.assert_allclose(over_time(4.0 + 0.5 * moment, moment, 3.0), 4.0 + 0.5 * moment)
    alone = over_time(np.array([4.0, 9.0]), np.array([0, 10**12]), 3.0)
    np.testing.assert_allclose(alone, [4.0, 9.0])
    noise = np.random.default_rng(0).normal(size=200)
    assert over_time(noise, np.arange(200), 5.0).std() < 0.5


def a_motion(moment: list[int]) -> Motion:
    rng = np.random.default_rng(0)
    count = len(moment)
    pose = rng.normal(size=(count, 72)) * 0.4
    return Motion(np.array(moment), pose, rng.normal(size=(count, 3)), np.zeros(10))


def test_gaps_are_filled_on_the_shortest_way() -> None:
    motion = a_motion([10**12, 10**12 + 1, 10**12 + 5])
    motion.pose[1, :3], motion.pose[2, :3] = [0, 3.0, 0], [0, -3.0, 0]
    recorded = filled(motion)
    assert recorded is not None
    assert recorded.measured.tolist() == [True, True, False, False, False, True]
    whole = recorded.motion
    assert (whole.moment - 10**12).tolist() == list(range(6))
    np.testing.assert_array_equal(whole.pose[[0, 1, 5]], motion.pose)
    np.testing.assert_array_equal(whole.root[[0, 1, 5]], motion.root)
    np.testing.assert_allclose(whole.root[3], motion.root[1:].mean(axis=0))
    # From 3 to -3 radians the short way is through a half turn.
    np.testing.assert_allclose(np.abs(whole.pose[3, :3]), [0, np.pi, 0], atol=1e-9)


def test_a_gap_without_end_is_not_filled() -> None:
    assert filled(a_motion([0, MOST_FRAMES])) is None
    assert filled(a_motion([0, 10**15])) is None
    assert filled(a_motion([7])) is not None


def test_z_up_turns_place_and_root_together() -> None:
    motion = a_motion([0, 1])
    motion.pose[:, :3] = 0
    turned = z_up(motion)
    np.testing.assert_allclose(turned.root, motion.root[:, [0, 2, 1]] * [1, -1, 1])
    np.testing.assert_allclose(turned.pose[:, :3], [[np.pi / 2, 0, 0]] * 2)
    np.testing.assert_array_equal(turned.pose[:, 3:], motion.pose[:, 3:])
