"""The steps that make the open body; `tools/build_open_body.py` runs them in order."""
