"""Which keypoint is which: tables of names, one file a family, and how files spell them."""
