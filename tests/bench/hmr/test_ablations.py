"""lsr1 bench hmr_ablations: every variant can be made, and a run is trained once and reported."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import pytest

from lsr1_pl.bench.hmr import ablations
from lsr1_pl.bench.hmr.variants import ASIDE, VARIANTS
from lsr1_pl.bench.many_runs import missing, store
from lsr1_pl.cli import main
from lsr1_pl.ground.errors import UserError
from lsr1_pl.hmr import InErrorMetric, NetworkEstimate
from lsr1_pl.optim import LSR1, SecantPenalty
from lsr1_pl.tasks import Unroll


def test_every_variant_is_another_one() -> None:
    for variant in VARIANTS:
        made = variant.make()
        learned = made.optimizer if isinstance(made, InErrorMetric) else made
        assert isinstance(learned, LSR1)
        assert isinstance(made, InErrorMetric) == variant.metric
    described = [repr(replace(v, name="", group="")) for v in VARIANTS]
    # The ladder's last rung stands once; every row aside differs from it and from the others.
    assert len(set(described)) == len(VARIANTS)
    assert len({v.name for v in VARIANTS}) == len(VARIANTS)
    assert sum(v.group == ASIDE for v in VARIANTS) > 8


def test_runs_are_trained_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ["fit", "--config", "hmr_open", f"--trainer.default_root_dir={tmp_path}"]
    words += ["--trainer.max_steps=1", "--trainer.val_check_interval=1"]
    words += ["--model.init_args.initial_width=8", "--data.init_args.validation_count=4"]
    assert main(words) == 0
    initial = tmp_path / "hmr_open/version_0/checkpoints/last.ckpt"
    tiny = {"start": NetworkEstimate(8, frozen=True), "unroll": Unroll(2, False, None)}
    few = tuple(
        replace(v, task={**v.task, "penalty": SecantPenalty(0.0)}, **tiny)  # type: ignore[arg-type]
        for v in (VARIANTS[0], VARIANTS[-1])
    )
    monkeypatch.setattr(ablations, "VARIANTS", few)
    out = tmp_path / "out"
    arguments = ["bench", "hmr_ablations", "--fast", "--out", str(out), "--initial", str(initial)]
    assert main([*arguments, "--share", "1/2"]) == 0
    first = {path.name: path.stat().st_mtime_ns for path in (out / "runs-2").glob("*seed*.json")}
    assert len(first) == 1
    assert main(arguments) == 0
    files = {path.name: path.stat().st_mtime_ns for path in (out / "runs-2").glob("*seed*.json")}
    assert len(files) == 2
    assert all(files[name] == when for name, when in first.items())
    with (out / "results.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2 * 2 * 16
    results = json.loads((out / "summary.json").read_text(encoding="utf-8"))["results"]
    assert results.keys() == {v.name for v in few}
    name = few[0].name
    validation = [
        float(row["pa_mpjpe_mm"])
        for row in rows
        if (row["variant"], row["split"]) == (name, "validation")
    ]
    assert results[name]["validation"] == pytest.approx(min(validation), abs=1e-3)
    assert "Not trained yet" not in (out / "index.html").read_text(encoding="utf-8")
    assert main([*arguments, "--seeds", "2", "--share", "9/9"]) == 0
    page = (out / "index.html").read_text(encoding="utf-8")
    assert "Training seeds 0 to 1, as far as the last column has them." in page
    empty = [*arguments, "--share", "9/9", "--out", str(tmp_path / "empty")]
    assert main(empty) == 0
    page = (tmp_path / "empty/index.html").read_text(encoding="utf-8")
    assert f"Not trained yet: {few[0].name}; {few[1].name}." in page
    assert main([*arguments[:-1], "lgd_open"]) == 2
    assert main([*arguments, "--iterations", "0"]) == 2
    (out / "runs-2/settings.json").unlink()
    assert main(arguments) == 2


@pytest.mark.parametrize("share", ["0/2", "3/2", "x"])
def test_a_bad_share_is_named(share: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="expected I/N"):
        list(missing(tmp_path / "runs", ["a"], share, {}))
    assert not (tmp_path / "runs").exists()


def test_runs_of_other_settings_are_not_taken_for_ours(tmp_path: Path) -> None:
    (run,) = missing(tmp_path, ["a"], "1/1", {"people": 256})
    store(run[1], [1.0])
    assert list(missing(tmp_path, ["a"], "1/1", {"people": 256})) == []
    with pytest.raises(UserError, match=r"holds runs of \{'people': 256\}.*name another --out"):
        list(missing(tmp_path, ["a"], "1/1", {"people": 16}))
