"""Other people's skeletons: which of their joints is which of SMPL's, and how a pose becomes SMPL's."""
