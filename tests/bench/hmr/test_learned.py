"""Errors that are kept of a checkpoint: exact to their rounding, and refused for other people."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from lsr1_pl.bench.hmr.learned import Learned, find_learned
from lsr1_pl.bench.hmr.people import Errors, people_of
from lsr1_pl.data import MotionDataModule
from lsr1_pl.ground.errors import UserError
from lsr1_pl.hmr import LGD, EvaluationPlan, NetworkEstimate
from lsr1_pl.hmr.evaluation import KnownPeople
from lsr1_pl.tasks import HMRTask, Unroll

_STEPS = 2


@pytest.fixture(scope="module")
def task() -> HMRTask:
    torch.manual_seed(0)
    made = HMRTask(
        LGD(width=8),
        start=NetworkEstimate(8),
        unroll=Unroll(1, False, None),
        evaluate=EvaluationPlan(_STEPS),
    )
    made.eval()
    return made


def people(task: HMRTask, swapped: float = 0.0) -> list[KnownPeople]:
    data = MotionDataModule(
        validation_recordings=["kick"],
        test_recordings=["walk"],
        test_count=3,
        swap_probability=swapped,
    )
    return people_of(task, list(data.test_dataloader()))


def test_kept_errors_are_those_measured(task: HMRTask, tmp_path: Path) -> None:
    kind = "LGD of 1 updates"
    measured = Learned("runs/net_0.1/version_2/checkpoints/best.ckpt", kind, task, 7)
    seen = people(task)
    errors = measured.errors("clean", "test", seen, _STEPS)
    (tmp_path / "net_0.1-version_2-best.csv").write_text("step\n", encoding="utf-8")
    bare = Learned(measured.name, kind, None, 7, measured.known, measured.seen)
    bare.keep(tmp_path)
    again = find_learned(str(tmp_path / "net_0.1-version_2-best.npz"))
    assert (again.kind, again.parameters) == (kind, 7)
    assert again.history() == tmp_path / "net_0.1-version_2-best.csv"
    found = again.errors("clean", "test", seen, _STEPS)
    np.testing.assert_allclose(found.pa_mpjpe, errors.pa_mpjpe, atol=0.0051)
    np.testing.assert_allclose(found.reprojection.mean(axis=1), errors.reprojection.mean(axis=1))
    assert found.evaluations.tolist() == errors.evaluations.tolist()
    with pytest.raises(UserError, match=r"of other people or steps"):
        again.errors("clean", "test", people(task, swapped=1.0), _STEPS)
    with pytest.raises(UserError, match=r"\(3, 3\) states and people, \(5, 3\) here"):
        again.errors("clean", "test", seen, 4)
    with pytest.raises(UserError, match=r"holds no errors on near camera \(test\)"):
        again.errors("near camera", "test", seen, _STEPS)
    with pytest.raises(UserError, match="holds errors alone"):
        _ = again.trained
    again.seen["clean", "test"] = np.nan
    with pytest.raises(UserError, match=r"of other people or steps"):
        again.errors("clean", "test", seen, _STEPS)


def test_a_file_may_be_kept_where_it_lies(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("step\n", encoding="utf-8")
    (tmp_path / "here").symlink_to(tmp_path)
    errors = Errors(np.ones((1, 2)), np.ones((1, 2)), np.zeros(1))
    first = Learned("a", "L-SR1", None, 1, {("clean", "test"): errors}, {("clean", "test"): 0.5})
    first.keep(tmp_path)
    find_learned(str(tmp_path / "here/a.npz")).keep(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"a.csv", "a.npz", "here"}


def test_what_is_not_finite_stays_so(tmp_path: Path) -> None:
    errors = Errors(np.array([[1.0, np.inf], [np.nan, 9e9]]), np.ones((2, 2)), np.arange(2.0))
    place = ("clean", "test")
    Learned("a", "L-SR1", None, 1, {place: errors}, {place: 0.5}).keep(tmp_path)
    found = find_learned(str(tmp_path / "a.npz")).known[place]
    assert found.nonfinite == 2
    assert found.pa_mpjpe[0, 0] == pytest.approx(1.0)
    assert found.best_step() == 0


def test_other_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"a\.npz: no such file"):
        find_learned(str(tmp_path / "a.npz"))
    (tmp_path / "a.npz").write_bytes(b"PK\x03\x04 cut short")
    with pytest.raises(UserError, match=r"a\.npz: is not what lsr1 bench hmr keeps"):
        find_learned(str(tmp_path / "a.npz"))
    sound = {f"clean/test/{key}": np.ones(3) for key in ("reprojection", "evaluations")}
    sound |= {"clean/test/pa_mpjpe": np.ones((3, 2), np.uint16), "clean/test/seen": np.array(0.5)}
    sound |= {"parameters": np.array(1), "kind": np.array("L-SR1")}
    for key, value, message in (
        ("clean/test/pa_mpjpe", np.ones((3, 2)), r"pa_mpjpe is float64 of shape \(3, 2\)"),
        ("clean/test/evaluations", np.ones((3, 2)), r"3 states, .* evaluations of \(3, 2\)"),
        ("clean/test/reprojection", np.ones(4), r"3 states, but reprojection is of shape \(4,\)"),
    ):
        np.savez(tmp_path / "a.npz", **{**sound, key: value})  # type: ignore[arg-type]
        with pytest.raises(UserError, match=message):
            find_learned(str(tmp_path / "a.npz"))
    np.savez(tmp_path / "a.npz", **sound)  # type: ignore[arg-type]
    assert find_learned(str(tmp_path / "a.npz")).kind == "L-SR1"
