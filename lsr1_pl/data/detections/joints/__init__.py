"""Which keypoint is which: tables of joint names, one file a family, and names as files spell them."""
