"""Joints in space: their sets, and the files that hold them."""
