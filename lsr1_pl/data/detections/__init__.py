"""Detected keypoints: one reader a format, each to OpenPose's order of 18, by joint names."""
