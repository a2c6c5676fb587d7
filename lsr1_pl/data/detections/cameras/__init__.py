"""Calibrated cameras from files: intrinsics, and the distortion of the lens."""
