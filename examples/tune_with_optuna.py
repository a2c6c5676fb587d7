"""Search the keys of a packaged config with Optuna: every trial is one ``lsr1 fit``.

python examples/tune_with_optuna.py --trials 20
python examples/tune_with_optuna.py --storage sqlite:///optuna.db    # in several processes, too
"""

from __future__ import annotations

import argparse
import csv
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lsr1_pl.cli import main as lsr1

RUNS = Path("runs/optuna")


def suggested(trial: Any) -> dict[str, object]:
    """Keys of the config and the values that this trial takes; change them to your own."""
    model = "model.init_args"
    lr = f"{model}.meta_optimizer.init_args.lr"
    size = f"{model}.optimizer.init_args.buffer_size"
    weight = f"{model}.penalty.weight"
    return {
        lr: trial.suggest_float("lr", 1e-5, 1e-3, log=True),
        size: trial.suggest_categorical("buffer_size", [2, 4, 8]),
        weight: trial.suggest_categorical("penalty_weight", [0.0, 1.0, 10.0, 100.0]),
    }


def least(log: Path, metric: str) -> float:
    """The least finite value that a run's log has of a metric; infinite without any."""
    with log.open(newline="", encoding="utf-8") as file:
        values = [float(row[metric]) for row in csv.DictReader(file) if row.get(metric)]
    return min((value for value in values if math.isfinite(value)), default=math.inf)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the study; anything after ``--`` goes to every ``lsr1 fit``."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--config", default="quadratics.yaml")
    parser.add_argument("--metric", default="val/final_value", help="to be minimised")
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--storage", help="of Optuna: to go on, or to share the work")
    parser.add_argument("flags", nargs="*", default=["--trainer.max_steps=1000"])
    options = parser.parse_args(arguments)
    try:
        import optuna
    except ImportError:
        raise SystemExit("this recipe needs Optuna: pip install optuna") from None

    def objective(trial: Any) -> float:
        name = f"trial_{trial.number}"
        words = ["fit", "--config", options.config, *options.flags, f"--name={name}"]
        words += [f"--{key}={value}" for key, value in suggested(trial).items()]
        if lsr1([*words, f"--trainer.default_root_dir={RUNS}"]) != 0:
            raise SystemExit("lsr1 fit failed; the message is above")
        log = max((RUNS / name).glob("version_*/metrics.csv"), key=lambda p: p.stat().st_mtime)
        return least(log, options.metric)

    study = optuna.create_study(study_name="lsr1", storage=options.storage, load_if_exists=True)
    study.optimize(objective, n_trials=options.trials)
    print(f"least {options.metric}: {study.best_value:.4g} with {study.best_params}")


if __name__ == "__main__":
    main()
