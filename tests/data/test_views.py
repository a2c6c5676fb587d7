"""A detector's errors: noise, exchanged limbs, distance."""

from __future__ import annotations

import pytest
import torch

from lsr1_pl.body.skeleton import COCO18
from lsr1_pl.data import MotionDataModule, Viewing
from lsr1_pl.data.motion.views import random_depths, random_noise, random_swaps
from lsr1_pl.ground.errors import UserError


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def test_noise_has_the_named_spread() -> None:
    noise = random_noise(2000, (0.02, 0.02), generator())
    assert noise.shape == (2000, 18, 2)
    assert noise.std().item() == pytest.approx(0.02, rel=0.02)
    spreads = random_noise(2000, (0.01, 0.03), generator()).std(dim=(1, 2))
    assert spreads.mean().item() == pytest.approx(0.02, rel=0.03)
    assert spreads.std().item() > 0.005
    assert not random_noise(3, (0.0, 0.0), generator()).any()


def test_a_swap_exchanges_a_whole_limb_and_nothing_else() -> None:
    shown = random_swaps(500, 0.3, generator())
    names = [[COCO18[i] for i in row] for row in shown.tolist()]
    for limb in (("shoulder", "elbow", "wrist"), ("hip", "knee", "ankle")):
        swapped = torch.tensor(
            [row[COCO18.index(f"left_{limb[0]}")].startswith("right") for row in names]
        )
        assert swapped.float().mean().item() == pytest.approx(0.3, abs=0.07)
        for part in limb:
            for row, is_swapped in zip(names, swapped.tolist(), strict=True):
                sides = ("right", "left") if is_swapped else ("left", "right")
                assert row[COCO18.index(f"left_{part}")] == f"{sides[0]}_{part}"
                assert row[COCO18.index(f"right_{part}")] == f"{sides[1]}_{part}"
    heads = [i for i, name in enumerate(COCO18) if not name.startswith(("left_", "right_"))]
    assert (shown[:, heads] == torch.tensor(heads)).all()
    assert (shown.sort(dim=1).values == torch.arange(18)).all()


def test_depths_fill_their_range() -> None:
    depths = random_depths(1000, (2.0, 4.0), generator())
    assert 2.0 <= depths.min() < 2.05
    assert 3.95 < depths.max() <= 4.0
    assert (random_depths(5, (6.0, 6.0), generator()) == 6.0).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"keypoint_noise": (-0.1, 0.1)}, r"keypoint_noise is \[-0.1, 0.1\]; expected \[least,"),
        ({"keypoint_noise": (0.2, 0.1)}, r"keypoint_noise is \[0.2, 0.1\]"),
        ({"keypoint_noise": (0.0, float("nan"))}, "keypoint_noise is"),
        ({"swap_probability": 1.5}, r"swap_probability is 1.5; it must lie in \[0, 1\]"),
        ({"depth_range": (1.0, 4.0)}, "the nearest at least 1.5"),
        ({"depth_range": (4.0, 2.0)}, r"depth_range is \[4.0, 2.0\]"),
        ({"visible_probability": 0.0}, r"visible_probability is 0.0; it must lie in \(0, 1\]"),
        ({"betas_std": -1.0}, "betas_std is -1.0; it must be 0 or more"),
    ],
)
def test_bad_values_are_named(options: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        Viewing(**options)  # type: ignore[arg-type]


def test_the_detector_s_errors_change_nothing_else() -> None:
    split = {"validation_recordings": ["kick"], "test_recordings": ["walk"]}
    clean = MotionDataModule(**split).train_batch(3)  # type: ignore[arg-type]
    noisy = MotionDataModule(
        keypoint_noise=(0.01, 0.01),
        swap_probability=0.5,
        depth_range=(2.0, 4.0),
        **split,  # type: ignore[arg-type]
    ).train_batch(3)
    for name in ("pose", "betas", "visibility", "rows"):
        assert torch.equal(getattr(clean, name), getattr(noisy, name))
    assert not torch.equal(clean.noise, noisy.noise)


def test_a_fraction_keeps_whole_training_recordings() -> None:
    split = {"validation_recordings": ["kick"], "test_recordings": ["walk"]}
    whole = MotionDataModule(**split)  # type: ignore[arg-type]
    part = MotionDataModule(fraction=0.3, **split)  # type: ignore[arg-type]
    rows = {r for n in range(40) for r in part.train_batch(n).rows.tolist()}
    every = {r for n in range(40) for r in whole.train_batch(n).rows.tolist()}
    assert rows < every
    evaluated = torch.cat([b.rows for b in whole.test_dataloader()])
    assert torch.equal(torch.cat([b.rows for b in part.test_dataloader()]), evaluated)
    assert not rows & set(evaluated.tolist())
    with pytest.raises(UserError, match="fraction is 0"):
        MotionDataModule(fraction=0.0, **split)  # type: ignore[arg-type]
