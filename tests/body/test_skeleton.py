"""The named joints agree with the numbers that others publish."""

from __future__ import annotations

from lsr1_pl.body.skeleton import (
    COCO18_INDICES,
    JOINTS45,
    LANDMARKS,
    PARENTS,
    SMPL_JOINTS,
    SMPL_LANDMARK_VERTICES,
    with_ancestors,
)


def test_openpose_indices_are_those_of_lgd() -> None:
    published = (24, 12, 17, 19, 21, 16, 18, 20, 2, 5, 8, 1, 4, 7, 25, 26, 27, 28)
    assert published == COCO18_INDICES


def test_landmarks_are_smplx_s_in_its_order() -> None:
    from smplx.joint_names import JOINT_NAMES
    from smplx.vertex_ids import vertex_ids

    assert dict(zip(LANDMARKS, SMPL_LANDMARK_VERTICES, strict=True)) == vertex_ids["smplh"]
    assert JOINT_NAMES[:22] == list(SMPL_JOINTS[:22])


def test_the_tree_is_mirrored() -> None:
    def mirrored(name: str) -> str:
        side, _, part = name.partition("_")
        return {"left": f"right_{part}", "right": f"left_{part}"}.get(side, name)

    assert len(set(JOINTS45)) == 45
    for joint, parent in enumerate(PARENTS):
        assert parent < joint
        if parent >= 0:
            other = SMPL_JOINTS.index(mirrored(SMPL_JOINTS[joint]))
            assert SMPL_JOINTS[PARENTS[other]] == mirrored(SMPL_JOINTS[parent])


def test_ancestors_reach_the_root() -> None:
    wrist = SMPL_JOINTS.index("left_wrist")
    names = [SMPL_JOINTS[joint] for joint in with_ancestors({wrist})]
    assert names == [
        *("pelvis", "spine1", "spine2", "spine3"),
        *("left_collar", "left_shoulder", "left_elbow", "left_wrist"),
    ]
