"""Motion stores, converters into them, and the data modules that draw batches."""

from __future__ import annotations

from lsr1_pl.data.detections.cameras.camera import Camera, check_intrinsics
from lsr1_pl.data.detections.cameras.reading import read_camera
from lsr1_pl.data.detections.joints.order import JOINT_SETS
from lsr1_pl.data.detections.keypoints import KeypointBatch, keypoint_batches
from lsr1_pl.data.detections.people import Detections, visible
from lsr1_pl.data.detections.photos import load_photo
from lsr1_pl.data.detections.reading import read_detections
from lsr1_pl.data.functions.families import FamilyDataModule
from lsr1_pl.data.functions.mixture import MixtureBatch, MixtureDataModule, draw_family
from lsr1_pl.data.functions.quadratics import QuadraticBatch, QuadraticsDataModule, draw_quadratics
from lsr1_pl.data.functions.starts import StartBatch, StartsDataModule, draw_starts
from lsr1_pl.data.motion.augmentation import (
    AnyOrientation,
    Augmentation,
    DetectionNoise,
    DroppedLimbs,
    JointNoise,
    Mirrored,
    NearCameras,
    PartsOfOthers,
    SwappedSides,
    UncertainKeypoints,
)
from lsr1_pl.data.motion.datamodule import MotionDataModule
from lsr1_pl.data.motion.manifest import Recording
from lsr1_pl.data.motion.open_motion import open_frames_path, open_motion_path
from lsr1_pl.data.motion.sampler import MotionBatch
from lsr1_pl.data.motion.store import Motion, MotionStore, write_store
from lsr1_pl.data.motion.threedpw_module import DetectionBatch, ThreeDPWDataModule
from lsr1_pl.data.motion.views import Viewing
from lsr1_pl.data.sources.bvh import BVH, read_bvh
from lsr1_pl.data.sources.conversion import ConversionReport, convert_cmu, convert_mocap

__all__ = [
    "BVH",
    "JOINT_SETS",
    "AnyOrientation",
    "Augmentation",
    "Camera",
    "ConversionReport",
    "DetectionBatch",
    "DetectionNoise",
    "Detections",
    "DroppedLimbs",
    "FamilyDataModule",
    "JointNoise",
    "KeypointBatch",
    "Mirrored",
    "MixtureBatch",
    "MixtureDataModule",
    "Motion",
    "MotionBatch",
    "MotionDataModule",
    "MotionStore",
    "NearCameras",
    "PartsOfOthers",
    "QuadraticBatch",
    "QuadraticsDataModule",
    "Recording",
    "StartBatch",
    "StartsDataModule",
    "SwappedSides",
    "ThreeDPWDataModule",
    "UncertainKeypoints",
    "Viewing",
    "check_intrinsics",
    "convert_cmu",
    "convert_mocap",
    "draw_family",
    "draw_quadratics",
    "draw_starts",
    "keypoint_batches",
    "load_photo",
    "open_frames_path",
    "open_motion_path",
    "read_bvh",
    "read_camera",
    "read_detections",
    "visible",
    "write_store",
]
