"""10,000 meta-training iterations of quadratics.yaml: data, step, clipping and AdamW."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial

import torch

from lsr1_pl.bench.cost.speed_cases import Call, quadratic_step
from lsr1_pl.bench.gpu.parts import Measurement, Row, Setting

_ITERATIONS = 10_000
_MARKS = (100, 300, 1_000, 3_000, _ITERATIONS)


def measurements(setting: Setting) -> Iterator[Measurement]:
    """How far one run has come: each line goes on where the one before stopped."""
    step = quadratic_step(setting.device, False, whole=True, problems=2 if setting.fast else 128)
    done, seconds = 0, 0.0
    for mark in (2, 3) if setting.fast else _MARKS:
        walked: list[float] = []
        yield Measurement(
            f"{mark:,} iterations",
            partial(_walk, step, mark - done, mark, seconds, walked, setting.device),
        )
        if not walked:
            return  # It failed, and said so.
        done, seconds = mark, walked[0]


def _walk(
    step: Call, count: int, mark: int, before: float, walked: list[float], device: str
) -> Row:
    started = time.perf_counter()
    for _ in range(count):
        step()
    if device == "cuda":
        torch.cuda.synchronize()
    seconds = before + time.perf_counter() - started
    walked.append(seconds)
    return {
        "seconds so far": seconds,
        f"minutes of {_ITERATIONS:,}": seconds / mark * _ITERATIONS / 60,
        "paper, RTX 3090: minutes": 15 * 60,
    }
