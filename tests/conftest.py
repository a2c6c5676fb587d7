"""One thread for every test: quicker on these small problems, and the same sums everywhere."""

from __future__ import annotations

import os

import torch

# For the processes that tests start.
os.environ["OMP_NUM_THREADS"] = "1"
torch.set_num_threads(1)
