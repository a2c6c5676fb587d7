"""Augmentation: which people come out, and that they depend on seed and step alone."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch

from lsr1_pl.body import load_body_model
from lsr1_pl.body.rotations import rotation_matrix
from lsr1_pl.body.skeleton import COCO18, SMPL_JOINTS
from lsr1_pl.data import (
    AnyOrientation,
    Augmentation,
    DetectionNoise,
    DroppedLimbs,
    JointNoise,
    Mirrored,
    MotionBatch,
    MotionDataModule,
    NearCameras,
    PartsOfOthers,
    SwappedSides,
    UncertainKeypoints,
)
from lsr1_pl.data.motion.augmentation.bodies import mirrored_pose, random_rotations
from lsr1_pl.ground.errors import UserError

ALL: tuple[Augmentation, ...] = (
    Mirrored(),
    PartsOfOthers(),
    AnyOrientation(),
    JointNoise(),
    DetectionNoise(),
    UncertainKeypoints(),
    SwappedSides(0.2, 0.2),
    DroppedLimbs(0.2, 0.2),
    NearCameras(),
)
NAMES = [type(part).__name__ for part in ALL]


def data(augmentation: Sequence[Augmentation] | None = None, seed: int = 0) -> MotionDataModule:
    return MotionDataModule(
        batch_size=64,
        validation_recordings=["walk"],
        test_recordings=["kick"],
        validation_count=8,
        test_count=8,
        augmentation=augmentation,
        seed=seed,
    )


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def people() -> MotionBatch:
    return data().train_batch(3)


def changed(part: Augmentation, people: MotionBatch) -> set[str]:
    """The fields that a part changes, of any person."""
    after = part(people, generator())
    return {
        name
        for name, a, b in zip(people._fields, people, after, strict=True)
        if not torch.equal(a, b)
    }


@pytest.mark.parametrize(
    ("part", "fields"),
    list(
        zip(
            ALL,
            [
                *[{"pose"}] * 4,
                {"noise"},
                {"visibility", "noise"},
                {"shown"},
                {"visibility"},
                {"depth"},
            ],
            strict=True,
        )
    ),
    ids=NAMES,
)
def test_a_part_changes_its_own_subject_alone_and_nothing_in_place(
    part: Augmentation, fields: set[str], people: MotionBatch
) -> None:
    before = [field.clone() for field in people]
    assert changed(part, people) == fields
    assert all(torch.equal(a, b) for a, b in zip(before, people, strict=True))


def test_without_augmentation_a_batch_is_what_it_was() -> None:
    plain, none = data().train_batch(5), data(()).train_batch(5)
    assert all(torch.equal(a, b) for a, b in zip(plain, none, strict=True))


def test_augmented_batches_depend_on_seed_and_step_alone() -> None:
    module = data(ALL)
    first = module.train_batch(7)
    for number in (0, 1):
        module.train_batch(number)
    again, other_step, other_seed = (
        data(ALL).train_batch(7),
        module.train_batch(8),
        data(ALL, seed=1).train_batch(7),
    )
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert all(torch.equal(a, b) for a, b in zip(first, module.train_batch(7), strict=True))
    for field in ("pose", "noise", "depth"):
        assert not torch.equal(getattr(first, field), getattr(other_step, field))
        assert not torch.equal(getattr(first, field), getattr(other_seed, field))


def test_what_a_part_draws_does_not_depend_on_the_parts_before_it() -> None:
    alone = data([Mirrored(0.0), NearCameras()]).train_batch(2)
    behind = data([DetectionNoise(), NearCameras()]).train_batch(2)
    assert torch.equal(alone.depth, behind.depth)


def test_validation_and_test_are_never_augmented() -> None:
    for name in ("val_dataloader", "test_dataloader"):
        for a, b in zip(getattr(data(), name)(), getattr(data(ALL), name)(), strict=True):
            assert all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


def test_a_mirror_is_its_own_inverse(people: MotionBatch) -> None:
    assert torch.equal(mirrored_pose(mirrored_pose(people.pose)), people.pose)
    assert not torch.equal(mirrored_pose(people.pose), people.pose)


def test_the_mirrored_body_has_mirrored_joints(people: MotionBatch) -> None:
    joints_of = load_body_model("open").select(SMPL_JOINTS)
    betas = torch.zeros(len(people.pose), 10)
    joints = joints_of(people.pose, betas)
    other = [
        SMPL_JOINTS.index(
            name.replace("left", "right") if "left" in name else name.replace("right", "left")
        )
        for name in SMPL_JOINTS
    ]
    reflected = joints[:, other] * torch.tensor([-1.0, 1.0, 1.0])
    found = joints_of(mirrored_pose(people.pose), betas)
    # The open body is symmetric to a fraction of a millimetre.
    torch.testing.assert_close(found, reflected, atol=2e-3, rtol=0)


def test_parts_of_others_keep_every_other_joint_and_come_from_people_of_the_batch(
    people: MotionBatch,
) -> None:
    after = PartsOfOthers(legs=1.0, arm=0.0, leg=0.0)(people, generator())
    given, mixed = (x.pose.unflatten(1, (24, 3)) for x in (people, after))
    legs = [i for i, n in enumerate(SMPL_JOINTS) if n.split("_")[-1] in LEG]
    rest = [i for i in range(24) if i not in legs]
    assert torch.equal(given[:, rest], mixed[:, rest])
    donors = (mixed[:, None, legs] == given[None, :, legs]).flatten(2).all(dim=2)
    assert donors.any(dim=1).all()
    assert (donors.int().argmax(dim=1) != torch.arange(len(given))).any()


LEG = ("hip", "knee", "ankle", "foot")


def test_one_limb_of_another_is_one_whole_limb(people: MotionBatch) -> None:
    after = PartsOfOthers(legs=0.0, arm=1.0, leg=0.0)(people, generator())
    given, mixed = (x.pose.unflatten(1, (24, 3)) for x in (people, after))
    left = [SMPL_JOINTS.index(f"left_{part}") for part in ("shoulder", "elbow", "wrist")]
    donors = (mixed[:, None, left] == given[None, :, left]).flatten(2).all(dim=2)
    assert donors.any(dim=1).all()


def test_any_orientation_turns_the_root_alone_and_evenly(people: MotionBatch) -> None:
    after = AnyOrientation(1.0)(people, generator())
    assert torch.equal(after.pose[:, 3:], people.pose[:, 3:])
    vectors = random_rotations(4000, generator())
    assert vectors.norm(dim=1).max() <= torch.pi + 1e-5
    # Evenly spread: the mean matrix is 0, and the mean angle pi/2 + 2/pi.
    assert rotation_matrix(vectors).mean(dim=0).abs().max() < 0.05
    assert float(vectors.norm(dim=1).mean()) == pytest.approx(torch.pi / 2 + 2 / torch.pi, abs=0.03)


def test_joint_noise_leaves_the_root(people: MotionBatch) -> None:
    after = JointNoise(1.0, 0.12)(people, generator())
    assert torch.equal(after.pose[:, :3], people.pose[:, :3])
    assert float((after.pose - people.pose)[:, 3:].std()) == pytest.approx(0.12, rel=0.05)


def test_uncertain_keypoints_have_larger_errors_and_unseen_ones_stay_unseen(
    people: MotionBatch,
) -> None:
    after = UncertainKeypoints(1.0, 0.2, 0.05)(people, generator())
    seen = people.visibility > 0
    assert torch.equal(after.visibility > 0, seen)
    assert after.visibility.max() <= 1
    assert after.visibility[seen].min() >= 0.2
    doubt = (1 - after.visibility)[seen]
    error = (after.noise - people.noise).norm(dim=2)[seen]
    assert error[doubt > 0.5].mean() > 3 * error[doubt < 0.1].mean()


def test_a_swapped_body_exchanges_every_left_and_right(people: MotionBatch) -> None:
    after = SwappedSides(whole=1.0, limb=0.0)(people, generator())
    other = {"l": "r", "r": "l"}
    for place, name in enumerate(COCO18):
        if name in ("nose", "neck"):
            expected = name
        elif name.startswith(("left_", "right_")):
            side, part = name.split("_")
            expected = f"{'right' if side == 'left' else 'left'}_{part}"
        else:
            expected = other[name[0]] + name[1:]
        assert {COCO18[i] for i in after.shown[:, place].tolist()} == {expected}


def test_a_swapped_limb_exchanges_that_pair_alone(people: MotionBatch) -> None:
    after = SwappedSides(whole=0.0, limb=0.5)(people, generator())
    moved = after.shown != people.shown
    arm, leg = (COCO18.index(f"left_{part}") for part in ("wrist", "knee"))
    assert {(True, False), (False, True)} <= set(
        zip(moved[:, arm].tolist(), moved[:, leg].tolist(), strict=True)
    )
    assert not moved[:, [COCO18.index(name) for name in ("nose", "neck", "reye", "lear")]].any()


def test_dropped_limbs_are_gone_from_one_joint_on_and_six_keypoints_stay(
    people: MotionBatch,
) -> None:
    whole = people._replace(visibility=torch.ones_like(people.visibility))
    after = DroppedLimbs(0.5, 0.3)(whole, generator())
    assert ((after.visibility > 0).sum(dim=1) >= 6).all()
    places = [COCO18.index(f"left_{part}") for part in ("hip", "knee", "ankle")]
    hip, knee, ankle = (after.visibility[:, place] > 0 for place in places)
    assert (hip >= knee).all()
    assert (knee >= ankle).all()
    assert not ankle.all()
    few = people._replace(visibility=torch.zeros_like(people.visibility))
    few.visibility[:, :6] = 1
    assert torch.equal(DroppedLimbs(1.0, 1.0)(few, generator()).visibility, few.visibility)


def test_near_cameras_stay_in_their_range(people: MotionBatch) -> None:
    after = NearCameras(1.0, (2.0, 12.0))(people, generator())
    assert after.depth.min() >= 2.0
    assert after.depth.max() <= 12.0
    # Evenly in the inverse: as many below 1 / mean(1/2, 1/12) as above.
    assert 0.3 < float((after.depth < 24 / 7).float().mean()) < 0.7


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Mirrored(1.5), "Mirrored probability is 1.5"),
        (lambda: PartsOfOthers(arm=-0.1), "PartsOfOthers arm is -0.1"),
        (lambda: JointNoise(std=-1.0), "JointNoise std is -1.0"),
        (lambda: DetectionNoise(std=(0.2, 0.1)), "DetectionNoise std is"),
        (lambda: UncertainKeypoints(least=0.0), "UncertainKeypoints least is 0"),
        (lambda: NearCameras(depth=(0.5, 6.0)), "NearCameras depth is"),
    ],
)
def test_values_out_of_range_are_refused(make: object, message: str) -> None:
    with pytest.raises(UserError, match=message):
        make()  # type: ignore[operator]
