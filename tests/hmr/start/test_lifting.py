"""The lifting network: what it reads, what it gives, and how it errs."""

from __future__ import annotations

import pytest
import torch

from lsr1_pl.body import PinholeCamera, load_body_model
from lsr1_pl.body.mirror import MIRRORED_KEYPOINTS, mirrored_keypoints, mirrored_rotations
from lsr1_pl.body.rotations import (
    axis_angle,
    halfway,
    nearest_turn,
    rotation_from_6d,
    rotation_matrix,
)
from lsr1_pl.body.skeleton import COCO18
from lsr1_pl.ground.errors import UserError
from lsr1_pl.hmr import (
    EstimateStart,
    LiftedEstimate,
    LiftingNetwork,
    MirrorAveragedStart,
    Observation,
    ProjectedBody,
    observe_detections,
)

BODY = ProjectedBody(load_body_model("open").select(COCO18), PinholeCamera())


def network(**options: int) -> LiftingNetwork:
    torch.manual_seed(0)
    made = LiftingNetwork(**{"width": 32, "blocks": 2, **options})
    # As if it had trained: heads of their full scale.
    torch.nn.init.normal_(made.pose.weight, std=0.3)
    return made


def seen(count: int = 5) -> Observation:
    generator = torch.Generator().manual_seed(1)
    points = torch.rand(count, 18, 2, generator=generator)
    confidence = torch.rand(count, 18, generator=generator).round(decimals=1)
    return observe_detections(points, confidence)


def test_rotations_are_orthonormal_and_x0_is_their_axis_angle() -> None:
    model, observation = network(), seen()
    rotations, betas = model.lift(observation.keypoints, observation.visibility)
    identity = torch.eye(3).expand_as(rotations)
    torch.testing.assert_close(rotations @ rotations.mT, identity, atol=1e-5, rtol=0)
    torch.testing.assert_close(torch.det(rotations), torch.ones(5, 24))
    x0 = model.estimate(observation)
    assert x0.shape == (5, 82)
    torch.testing.assert_close(
        rotation_matrix(x0[:, :72].unflatten(1, (24, 3))), rotations, atol=1e-5, rtol=0
    )
    assert torch.equal(x0[:, 72:], betas)


def test_an_unseen_keypoint_has_no_influence_wherever_it_stands() -> None:
    model, observation = network(), seen()
    hidden = observation.visibility == 0
    assert hidden.any()
    moved = observation.keypoints.clone()
    moved[hidden] = torch.nan
    assert torch.equal(
        model(observation.keypoints, observation.visibility), model(moved, observation.visibility)
    )


def test_confidence_is_read() -> None:
    model, observation = network(), seen()
    doubted = observation._replace(visibility=0.5 * observation.visibility)
    assert not torch.equal(model.estimate(doubted), model.estimate(observation))


def test_a_person_s_estimate_does_not_depend_on_the_others() -> None:
    model, observation = network().double(), seen()
    both = model(observation.keypoints.double(), observation.visibility.double())
    alone = model(observation.keypoints[:1].double(), observation.visibility[:1].double())
    torch.testing.assert_close(both[:1], alone, atol=1e-12, rtol=0)


def test_it_begins_at_the_mean_rotations_of_the_data() -> None:
    torch.manual_seed(0)
    poses = 0.3 * torch.randn(200, 72) + torch.linspace(-1, 1, 72)
    model = LiftingNetwork(width=16, blocks=1)
    model.centre_on(poses)
    with torch.no_grad():
        model.pose.weight.zero_()
    rotations = model.lift(*seen()[:2]).rotations
    assert torch.equal(rotations[:, 0], torch.eye(3).expand(5, 3, 3))
    mean = rotation_matrix(poses.unflatten(1, (24, 3))).mean(dim=0)[1:]
    nearest = torch.einsum("jik,jik->j", mean, rotations[0, 1:])
    # No other rotation is nearer to the mean matrix than its polar factor.
    u, _, vt = torch.linalg.svd(mean)
    assert (nearest > 0.98 * torch.einsum("jik,jik->j", mean, u @ vt)).all()


def test_half_precision_gives_its_outputs_back_in_full() -> None:
    model, observation = network(), seen()
    exact = model.estimate(observation)
    with torch.autocast("cpu", torch.bfloat16):
        rounded = model.estimate(observation)
    assert rounded.dtype == torch.float32
    torch.testing.assert_close(
        rotation_matrix(rounded[:, :72].unflatten(1, (24, 3))),
        rotation_matrix(exact[:, :72].unflatten(1, (24, 3))),
        atol=0.1,
        rtol=0,
    )
    rotations = rotation_matrix(rounded[:, :72].unflatten(1, (24, 3)))
    torch.testing.assert_close(
        rotations @ rotations.mT, torch.eye(3).expand_as(rotations), atol=1e-5, rtol=0
    )


@pytest.mark.parametrize("angle", [0.0, 1e-6, 1e-3, 1.0, 3.0, torch.pi - 1e-3, torch.pi - 1e-6])
def test_the_way_from_6d_to_axis_angle_has_right_derivatives(angle: float) -> None:
    axis = torch.nn.functional.normalize(torch.tensor([[1.0, -2.0, 0.5]]).double(), dim=1)
    columns = rotation_matrix(angle * axis)[:, :, :2].mT.flatten(1)
    # Neither unit nor orthogonal, as a network gives them.
    columns = columns * torch.tensor([1.3] * 3 + [0.7] * 3) + 0.2 * columns.roll(3, 1)
    columns = torch.cat([columns[:, :3] - 0.2 * columns[:, 3:] / 0.7, columns[:, 3:]], dim=1)
    columns.requires_grad_()

    def vector(given: torch.Tensor) -> torch.Tensor:
        return axis_angle(rotation_from_6d(given))

    assert torch.autograd.gradcheck(vector, (columns,), eps=1e-8, atol=1e-4)
    assert torch.isfinite(vector(columns)).all()


def test_a_half_turn_away_the_estimate_has_finite_derivatives() -> None:
    columns = torch.tensor([[-1.0, 0.0, 0.0, 0.0, 1.0, 0.0]]).double().requires_grad_()
    vector = axis_angle(rotation_from_6d(columns))
    assert float(vector.detach().norm()) == pytest.approx(torch.pi)
    (gradient,) = torch.autograd.grad(vector.sum(), columns)
    assert torch.isfinite(gradient).all()


def test_the_nearest_turn_is_the_same_rotation_by_a_vector_near_another() -> None:
    axis = torch.nn.functional.normalize(torch.tensor([1.0, 2.0, -1.0]).double(), dim=0)
    before, after = 3.1 * axis, -3.0 * axis
    near = nearest_turn(after, before)
    torch.testing.assert_close(rotation_matrix(near), rotation_matrix(after))
    assert (near - before).norm() < 0.3
    small = 0.1 * axis
    assert torch.equal(nearest_turn(small, before), small)
    assert torch.equal(nearest_turn(torch.zeros(3), before), torch.zeros(3))


def test_joints_at_rotations_are_those_of_the_pose() -> None:
    torch.manual_seed(0)
    pose, betas = 0.7 * torch.randn(4, 72), torch.randn(4, 10)
    matrices = rotation_matrix(pose.unflatten(1, (24, 3)))
    joints_of = load_body_model("open").select(COCO18)
    torch.testing.assert_close(joints_of.at_rotations(matrices, betas), joints_of(pose, betas))


def test_a_lifted_estimate_is_a_start() -> None:
    choice = LiftedEstimate(width=16, blocks=1, mirrored=False)
    networks = choice.networks(10)
    start = choice.begin(networks, BODY)
    assert isinstance(start, EstimateStart)
    assert start(seen()).shape == (5, 82)
    assert all(p.requires_grad for p in networks["initial_estimate"].parameters())
    frozen = LiftedEstimate(width=16, blocks=1, frozen=True).networks(10)["initial_estimate"]
    assert not any(p.requires_grad for p in frozen.parameters())


def test_in_the_mirror_an_averaged_start_gives_the_mirrored_body() -> None:
    model, observation = network(), seen()
    start = MirrorAveragedStart(model)
    other = observation._replace(
        keypoints=mirrored_keypoints(observation.keypoints),
        visibility=observation.visibility[:, list(MIRRORED_KEYPOINTS)],
    )
    here, there = start(observation), start(other)
    matrices = [rotation_matrix(x[:, :72].unflatten(1, (24, 3))) for x in (here, there)]
    torch.testing.assert_close(mirrored_rotations(matrices[0]), matrices[1], atol=1e-4, rtol=0)
    torch.testing.assert_close(here[:, 72:], there[:, 72:])
    assert not torch.allclose(model.estimate(observation), here)
    assert isinstance(
        LiftedEstimate(16).begin({"initial_estimate": model}, BODY), MirrorAveragedStart
    )


def test_halfway_is_the_middle_of_the_shortest_turn() -> None:
    axis = torch.nn.functional.normalize(torch.tensor([0.5, 1.0, -2.0]).double(), dim=0)
    first, second, middle = (rotation_matrix(angle * axis) for angle in (0.4, 1.6, 1.0))
    torch.testing.assert_close(halfway(first, second), middle)
    torch.testing.assert_close(halfway(first, first), first)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"width": 0}, "LiftedEstimate width is 0"),
        ({"blocks": 0}, "LiftedEstimate blocks is 0"),
        ({"warmup_iterations": -1}, "LiftedEstimate warmup_iterations is -1"),
        ({"warmup_iterations": 5, "frozen": True}, "set warmup_iterations 0"),
    ],
)
def test_values_out_of_range_are_refused(options: dict[str, int], message: str) -> None:
    with pytest.raises(UserError, match=message):
        LiftedEstimate(**options)  # type: ignore[arg-type]
