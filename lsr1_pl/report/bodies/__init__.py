"""Fitted bodies as pictures, as GLB files, over photos and beside the truth."""
