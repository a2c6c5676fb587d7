"""Motion stores, converters into them, and the data modules that draw batches."""

from __future__ import annotations

from lsr1_pl.data.bvh import BVH, read_bvh
from lsr1_pl.data.conversion import ConversionReport, convert_cmu
from lsr1_pl.data.detections import Detections, read_detections
from lsr1_pl.data.intrinsics import check_intrinsics, read_intrinsics
from lsr1_pl.data.keypoints import KeypointBatch, keypoint_batches
from lsr1_pl.data.manifest import Recording
from lsr1_pl.data.mixture import MixtureBatch, MixtureDataModule, draw_family
from lsr1_pl.data.motion import MotionBatch, MotionDataModule
from lsr1_pl.data.open_motion import open_motion_path
from lsr1_pl.data.photos import load_photo
from lsr1_pl.data.quadratics import QuadraticBatch, QuadraticsDataModule, draw_quadratics
from lsr1_pl.data.starts import StartBatch, StartsDataModule, draw_starts
from lsr1_pl.data.store import Motion, MotionStore, write_store
from lsr1_pl.data.threedpw_module import DetectionBatch, ThreeDPWDataModule
from lsr1_pl.data.views import Viewing

__all__ = [
    "BVH",
    "ConversionReport",
    "DetectionBatch",
    "Detections",
    "KeypointBatch",
    "MixtureBatch",
    "MixtureDataModule",
    "Motion",
    "MotionBatch",
    "MotionDataModule",
    "MotionStore",
    "QuadraticBatch",
    "QuadraticsDataModule",
    "Recording",
    "StartBatch",
    "StartsDataModule",
    "ThreeDPWDataModule",
    "Viewing",
    "check_intrinsics",
    "convert_cmu",
    "draw_family",
    "draw_quadratics",
    "draw_starts",
    "keypoint_batches",
    "load_photo",
    "open_motion_path",
    "read_bvh",
    "read_detections",
    "read_intrinsics",
    "write_store",
]
