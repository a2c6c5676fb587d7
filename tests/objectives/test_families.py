"""The families that come with the package, and what a family's problems must be."""

from __future__ import annotations

import math

import pytest
import torch

from lsr1_pl.ground.errors import UserError
from lsr1_pl.objectives.families import ArmFamily, ArmPose, Problems, hand_pose, sampled
from lsr1_pl.objectives.families.arm import _FLANGE, _LINKS, _LOWER, _UPPER


def chain(angles: list[float]) -> torch.Tensor:
    """(4, 4) the flange's pose, link by link, as Craig writes a link's matrix."""
    pose = torch.eye(4, dtype=torch.float64)
    for q, (a, d, alpha) in zip(angles, _LINKS, strict=True):
        c, s, ca, sa = math.cos(q), math.sin(q), math.cos(alpha), math.sin(alpha)
        rows = [[c, -s, 0, a], [s * ca, c * ca, -sa, -d * sa], [s * sa, c * sa, ca, d * ca]]
        pose = pose @ torch.tensor([*rows, [0, 0, 0, 1]], dtype=torch.float64)
    flange = torch.eye(4, dtype=torch.float64)
    flange[2, 3] = _FLANGE
    return pose @ flange


def test_the_hand_is_where_the_chain_of_links_puts_it() -> None:
    angles = torch.randn(3, 7, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    position, orientation = hand_pose(angles)
    for row in range(3):
        pose = chain(angles[row].tolist())
        torch.testing.assert_close(position[row], pose[:3, 3])
        torch.testing.assert_close(orientation[row], pose[:3, :3])
    # Stretched upwards: 0.333 + 0.316 + 0.384 less the flange, which points down; 88 mm aside.
    still, _ = hand_pose(torch.zeros(1, 7))
    torch.testing.assert_close(still, torch.tensor([[0.088, 0.0, 0.926]]), rtol=0, atol=1e-6)


def test_a_target_that_is_met_costs_the_damping_and_the_limits_alone() -> None:
    middle = 0.5 * (torch.tensor(_LOWER) + torch.tensor(_UPPER)).repeat(2, 1)
    position, orientation = hand_pose(middle)
    assert float(ArmPose(position, orientation, 0.0).value(middle).abs().max()) < 1e-8
    beyond = middle.clone()
    beyond[:, 1] = _UPPER[1] + 0.1
    at_limit = ArmPose(*hand_pose(beyond), 0.0).value(beyond)
    torch.testing.assert_close(at_limit, torch.full((2,), 0.5), rtol=1e-3, atol=0)
    # A centimetre costs (0.01 / 0.02)^2 / 2.
    off = ArmPose(position + torch.tensor([0.01, 0.0, 0.0]), orientation, 0.0).value(middle)
    torch.testing.assert_close(off, torch.full((2,), 0.125), rtol=1e-3, atol=0)


def test_arms_are_drawn_by_the_generator_alone_and_can_be_reached() -> None:
    family = ArmFamily()
    first, second = (sampled(family, 4, torch.Generator().manual_seed(1)) for _ in range(2))
    assert torch.equal(first.features, second.features)
    assert torch.equal(first.x0[0], first.x0[3])
    reach = first.objective.position.norm(dim=1)  # type: ignore[attr-defined]
    assert bool((reach < 1.3).all())
    assert isinstance(family.split("test"), ArmFamily)
    moved = first.to("meta")
    assert moved.x0.device.type == moved.objective.position.device.type == "meta"  # type: ignore[attr-defined]
    assert first.objective.position.device.type == "cpu"  # type: ignore[attr-defined]


def test_bad_numbers_are_refused() -> None:
    with pytest.raises(UserError, match="share is 0"):
        ArmFamily(share=0)
    with pytest.raises(UserError, match="damping is -1"):
        ArmFamily(damping=-1)
    x, objective = torch.zeros(2, 7), ArmPose(torch.zeros(2, 3), torch.eye(3).repeat(2, 1, 1))
    with pytest.raises(UserError, match="features is list; expected a floating point tensor"):
        Problems(x, objective, [], "arm")  # type: ignore[arg-type]
