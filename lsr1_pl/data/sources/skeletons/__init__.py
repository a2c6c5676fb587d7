"""Other people's skeletons: who is which joint of SMPL, and how a pose becomes SMPL's."""
