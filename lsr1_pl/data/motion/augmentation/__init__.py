"""What varies training people beyond their recordings: other bodies, other detections."""

from lsr1_pl.data.motion.augmentation.bodies import (
    AnyOrientation,
    JointNoise,
    Mirrored,
    PartsOfOthers,
)
from lsr1_pl.data.motion.augmentation.detections import (
    DetectionNoise,
    DroppedLimbs,
    NearCameras,
    SwappedSides,
    UncertainKeypoints,
)
from lsr1_pl.data.motion.augmentation.part import Augmentation, augmented

__all__ = [
    "AnyOrientation",
    "Augmentation",
    "DetectionNoise",
    "DroppedLimbs",
    "JointNoise",
    "Mirrored",
    "NearCameras",
    "PartsOfOthers",
    "SwappedSides",
    "UncertainKeypoints",
    "augmented",
]
