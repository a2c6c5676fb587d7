"""Peak memory of a stretch, whatever went before."""

from __future__ import annotations

import sys

import pytest
import torch

from lsr1_pl.metrics.memory import peak_bytes, start_peak


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux forgets earlier peaks")
def test_earlier_peaks_are_forgotten() -> None:
    large = torch.ones(60_000_000)
    del large
    before = start_peak("cpu")
    small = torch.ones(10_000_000)
    del small
    needed = peak_bytes("cpu") - before
    assert 30e6 < needed < 80e6
