"""Peak memory of a stretch, whatever went before."""

from __future__ import annotations

import subprocess
import sys

import pytest

# In a process of its own: in this one, earlier tests leave memory that is used again.
_MEASURE = """
import torch
from lsr1_pl.metrics.memory import peak_bytes, start_peak

large = torch.ones(60_000_000)
del large
before = start_peak("cpu")
small = torch.ones(10_000_000)
del small
print(peak_bytes("cpu") - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux forgets earlier peaks")
def test_earlier_peaks_are_forgotten() -> None:
    found = subprocess.run(
        [sys.executable, "-c", _MEASURE], capture_output=True, text=True, check=True
    )
    assert 30e6 < int(found.stdout) < 80e6
