"""Names: the joints of SMPL, its landmarks, and the keypoints that detectors give.

Left and right are the body's own. Everything that needs an index derives it from a name.
"""

from __future__ import annotations

SMPL_JOINTS: tuple[str, ...] = (
    "pelvis",
    "left_hip",
    "right_hip",
    "spine1",
    "left_knee",
    "right_knee",
    "spine2",
    "left_ankle",
    "right_ankle",
    "spine3",
    "left_foot",
    "right_foot",
    "neck",
    "left_collar",
    "right_collar",
    "head",
    "left_shoulder",
    "right_shoulder",
    "left_elbow",
    "right_elbow",
    "left_wrist",
    "right_wrist",
    "left_hand",
    "right_hand",
)
"""The 24 joints, in the order of a pose vector's 24 rotations."""

PARENTS: tuple[int, ...] = (
    *(-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8),
    *(9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 20, 21),
)
"""Each joint's parent in the kinematic tree; -1 for the root. Parents precede children."""

LANDMARKS: tuple[str, ...] = (
    *("nose", "reye", "leye", "rear", "lear"),
    *("LBigToe", "LSmallToe", "LHeel", "RBigToe", "RSmallToe", "RHeel"),
    *("lthumb", "lindex", "lmiddle", "lring", "lpinky"),
    *("rthumb", "rindex", "rmiddle", "rring", "rpinky"),
)
"""The 21 vertices that smplx appends to the joints, by smplx's names and in its order."""

SMPL_LANDMARK_VERTICES: tuple[int, ...] = (
    *(332, 6260, 2800, 4071, 583),
    *(3216, 3226, 3387, 6617, 6624, 6787),
    *(2746, 2319, 2445, 2556, 2673),
    *(6191, 5782, 5905, 6016, 6133),
)
"""The number of each of the `LANDMARKS` among the 6,890 vertices of SMPL's template.

They are the numbers that OpenPose-to-SMPL tools agree on; smplx lists them as
``smplx.vertex_ids.vertex_ids["smplh"]``, and a test compares the two.
"""

JOINTS45: tuple[str, ...] = SMPL_JOINTS + LANDMARKS
"""smplx's 45 joints: 24 of the tree, then 21 landmarks."""

COCO18: tuple[str, ...] = (
    *("nose", "neck"),
    *("right_shoulder", "right_elbow", "right_wrist"),
    *("left_shoulder", "left_elbow", "left_wrist"),
    *("right_hip", "right_knee", "right_ankle"),
    *("left_hip", "left_knee", "left_ankle"),
    *("reye", "leye", "rear", "lear"),
)
"""The 18 keypoints of OpenPose's COCO model in its order, each by its name in `JOINTS45`."""

COCO18_INDICES: tuple[int, ...] = tuple(JOINTS45.index(name) for name in COCO18)
"""Where the `COCO18` keypoints stand in `JOINTS45`."""


def with_ancestors(joints: set[int]) -> list[int]:
    """The given joints and all their ancestors, parents first."""
    closed: set[int] = set()
    for joint in joints:
        while joint >= 0 and joint not in closed:
            closed.add(joint)
            joint = PARENTS[joint]
    return sorted(closed)
