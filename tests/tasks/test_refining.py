"""L-SR1 that begins where LGD ends: LGD's own fits, its error's metric, gradients counted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from quick_trainer import trainer

from lsr1_pl.bench.hmr.people import people_of, run_fitter, states_at
from lsr1_pl.data import MotionDataModule
from lsr1_pl.ground.errors import UserError
from lsr1_pl.hmr import LGD, InErrorMetric
from lsr1_pl.optim import LSR1
from lsr1_pl.tasks import HMRTask, RefiningTask

_TINY: dict[str, Any] = {"initial_width": 8, "steps": 2, "evaluation_steps": 3}


def data() -> MotionDataModule:
    return MotionDataModule(
        validation_recordings=["kick"],
        test_recordings=["walk"],
        batch_size=4,
        validation_count=3,
        test_count=3,
    )


def fitted(task: HMRTask, iterations: int) -> HMRTask:
    trainer(max_steps=iterations, limit_val_batches=0).fit(task, data())
    return task


@pytest.fixture(scope="module")
def lgd(tmp_path_factory: pytest.TempPathFactory) -> tuple[HMRTask, str]:
    torch.manual_seed(0)
    task = fitted(HMRTask(LGD(width=8), secant_weight=0.0, objective_scale=1.0, **_TINY), 6)
    path = tmp_path_factory.mktemp("lgd") / "lgd.ckpt"
    torch.save({"state_dict": task.state_dict()}, path)
    return task.eval(), str(path)


def refining(source: str, **options: Any) -> RefiningTask:
    torch.manual_seed(1)
    learned = InErrorMetric(LSR1(hidden_dim=8, buffer_size=2, initial_curvature="rms"))
    options = {"freeze_initial_estimate": True, "initial_weights": source, **_TINY, **options}
    return RefiningTask(learned, LGD(width=8), **options)


def test_begins_where_lgd_ends(lgd: tuple[HMRTask, str]) -> None:
    theirs, source = lgd
    ours = fitted(refining(source, first_steps=3), 0).eval()
    people = people_of(theirs, list(data().test_dataloader()))
    _, (path,) = run_fitter(theirs.fitter, people, 3)
    (start,) = states_at(ours.fitter.start, people)
    torch.testing.assert_close(start, path[3])
    errors, _ = run_fitter(ours.fitter, people, 2)
    assert errors.evaluations.tolist() == [3, 4, 5]


def test_lgd_stays_and_its_own_error_is_measured(lgd: tuple[HMRTask, str]) -> None:
    theirs, source = lgd
    ours = fitted(refining(source), 8)
    assert isinstance(ours, RefiningTask)
    for part, module in (("initial_estimate", ours.initial_estimate), ("optimizer", ours.first)):
        expected, state = theirs.get_submodule(part).state_dict(), module.state_dict()
        assert all(torch.equal(state[key], expected[key]) for key in expected)
    # Four batches' worth of the estimate's error, then eight of LGD's.
    assert int(ours.initial_error.batches) == 4 + 8
    moment = theirs.initial_error.second_moment
    assert not torch.equal(ours.initial_error.second_moment, moment)
    restored = refining(source)
    restored.load_state_dict(ours.state_dict())


def test_bad_options_are_named(lgd: tuple[HMRTask, str], tmp_path: Path) -> None:
    _, source = lgd
    with pytest.raises(UserError, match="LGDFits updates is 0"):
        refining(source, first_steps=0)
    with pytest.raises(UserError, match="LGDFits weights is missing"):
        refining(source, initial_weights=None)
    with pytest.raises(UserError, match="freeze_initial_estimate is false"):
        refining(source, freeze_initial_estimate=False)
    wider = RefiningTask(
        InErrorMetric(LSR1(hidden_dim=8, buffer_size=2)),
        LGD(width=16),
        freeze_initial_estimate=True,
        initial_weights=source,
        **_TINY,
    )
    with pytest.raises(UserError, match="its weights do not fit"):
        fitted(wider, 0)
