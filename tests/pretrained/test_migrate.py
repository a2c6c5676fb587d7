"""Configs and options of before mean what they meant."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonargparse import ArgumentParser
from pytorch_lightning import LightningModule

from lsr1_pl.ground.errors import UserError
from lsr1_pl.pretrained import migrated, migrated_options, shipped, shipped_folder
from lsr1_pl.pretrained.checkpoints import CONFIG_FILE, checkpoint_config

FORMER = sorted(
    path
    for folder in ("former_configs", "former_task_configs")
    for path in Path(__file__).with_name(folder).glob("*.yaml")
)
TODAY = Path(__file__).parents[2] / "configs"


def parsed(config: dict[str, Any]) -> Any:
    """A config's model with every default filled in."""
    parser = ArgumentParser(exit_on_error=False)
    parser.add_subclass_arguments(LightningModule, "model")
    found: Any = parser.parse_object({"model": config["model"]}).as_dict()
    start = found["model"]["init_args"].get("start", {}).get("init_args", {})
    if start.get("lgd", ...) is None:
        # LGD as published.
        sizes = {"num_betas": 10, "width": 1024, "dropout": 0.2, "step_size": 0.1}
        start["lgd"] = {"class_path": "lsr1_pl.hmr.LGD", "init_args": sizes}
    return found


@pytest.mark.parametrize("path", FORMER, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_shipped_config_says_what_it_said(path: Path) -> None:
    former = yaml.safe_load(path.read_text(encoding="utf-8"))
    today = yaml.safe_load((TODAY / path.name).read_text(encoding="utf-8"))
    assert parsed(migrated(former)) == parsed(today)
    assert {key: former[key] for key in former if key != "model"} == {
        key: today[key] for key in today if key != "model"
    }
    assert migrated(today) == today


@pytest.mark.parametrize("name", shipped())
def test_the_config_of_a_shipped_checkpoint_is_read(name: str) -> None:
    text = (shipped_folder() / name / CONFIG_FILE).read_text(encoding="utf-8")
    before = yaml.safe_load(text)
    config = checkpoint_config(shipped_folder() / name)
    assert "secant_weight" not in str(config["model"])
    assert parsed(config)
    if "secant_weight" in before["model"]["init_args"]:
        weight = config["model"]["init_args"]["penalty"]["weight"]
        assert weight == before["model"]["init_args"]["secant_weight"]


def lsr1(**arguments: Any) -> dict[str, Any]:
    return {"class_path": "lsr1_pl.optim.LSR1", "init_args": arguments}


def test_optimisers_within_others_and_baselines_are_found() -> None:
    inner = lsr1(hidden_dim=4, secant_pair="current", secant_relative=True)
    config = {
        "model": {
            "class_path": "lsr1_pl.tasks.HMRTask",
            "init_args": {
                "optimizer": {
                    "class_path": "lsr1_pl.hmr.InErrorMetric",
                    "init_args": {"optimizer": inner},
                },
                "baselines": {
                    "guarded": {
                        "class_path": "lsr1_pl.optim.Safeguarded",
                        "init_args": {"optimizer": lsr1(initial_curvature="rms")},
                    }
                },
                "secant_weight": 0.5,
            },
        }
    }
    found = migrated(config)["model"]["init_args"]
    assert "baselines" not in found
    within = found["optimizer"]["init_args"]["optimizer"]
    assert within["init_args"] == {"networks": {"width": 4}}
    baseline = found["evaluate"]["baselines"]["guarded"]["init_args"]["optimizer"]["init_args"]
    assert baseline == {"base": {"class_path": "lsr1_pl.optim.AdamDiagonal"}}
    assert found["penalty"] == {"weight": 0.5, "pair": "current", "norm": "relative"}
    assert config["model"]["init_args"]["secant_weight"] == 0.5  # type: ignore[index]


def test_a_task_without_a_penalty_gets_none() -> None:
    config = {"model": {"class_path": "own.Task", "init_args": {"optimizer": lsr1(gamma1=0.1)}}}
    config["model"]["init_args"]["optimizer"]["init_args"]["secant_pair"] = "previous"  # type: ignore[index]
    assert migrated(config)["model"]["init_args"] == {"optimizer": lsr1(rate={"gamma1": 0.1})}


def test_a_part_and_a_keyword_beside_it_share_it_or_are_refused() -> None:
    found = migrated({"o": lsr1(gamma2=3.0, rate={"gamma1": 0.7})})
    assert found["o"]["init_args"] == {"rate": {"gamma1": 0.7, "gamma2": 3.0}}
    with pytest.raises(UserError, match="LSR1 has rate and also gamma1"):
        migrated({"o": lsr1(gamma1=0.1, rate={"gamma1": 0.7})})
    with pytest.raises(UserError, match="LSR1 has vector and also output_limit"):
        migrated({"o": lsr1(output_limit=3.0, vector="SR1Vector")})


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("hidden_dim=16", ["networks.width=16"]),
        ("initial_curvature=polyak", ["base=lsr1_pl.optim.Polyak"]),
        ("vector=sr1", ["vector=lsr1_pl.optim.SR1Vector"]),
        ("vector_scale=secant", ["vector=lsr1_pl.optim.SecantUnitVector"]),
        ("output_limit=2", ["rate.limit=2", "vector.init_args.limit=2"]),
        ("residual=false", ["networks.skip=false"]),
        ("embedding=0", ["reads.embedding=null"]),
        (
            "gradient_memory=0.5",
            ["gradient=lsr1_pl.optim.RunningMean", "gradient.init_args.memory=0.5"],
        ),
        ("vector=lsr1_pl.optim.SR1Vector", ["vector=lsr1_pl.optim.SR1Vector"]),
        ("buffer_size=3", ["buffer_size=3"]),
    ],
)
def test_an_option_becomes_those_of_its_part(word: str, expected: list[str]) -> None:
    owner = "--model.init_args.optimizer.init_args"
    found = migrated_options([f"{owner}.{word}"])
    assert found == [f"{owner}.{each}" for each in expected]


def test_options_in_two_words_short_ones_and_the_penaltys() -> None:
    words = ["--model.optimizer.secant_pair", "current", "--model.secant_weight=0", "--name", "x"]
    assert migrated_options(words) == [
        "--model.penalty.pair=current",
        "--model.penalty.weight=0",
        "--name",
        "x",
    ]


def test_an_option_of_another_optimiser_is_its_own() -> None:
    word = "--model.init_args.optimizer.init_args.hidden_dim=16"
    pair = {"class_path": "lsr1_pl.optim.PairLSR1", "init_args": {}}
    config = {"model": {"class_path": "T", "init_args": {"optimizer": pair}}}
    assert migrated_options([word], [config]) == [word]
    chosen = "--model.optimizer=lsr1_pl.optim.PairLSR1"
    assert migrated_options([chosen, word]) == [chosen, word]


def test_misspelt_values_and_parts_are_refused_with_the_known_ones() -> None:
    with pytest.raises(UserError, match=r"initial_curvature is 'rsm'.*did you mean 'rms'"):
        migrated({"o": lsr1(initial_curvature="rsm")})
    with pytest.raises(UserError, match=r"LSR1 base is 'AdamDiagnal'.*did you mean 'AdamDiagonal'"):
        migrated({"o": lsr1(base="AdamDiagnal")})
    with pytest.raises(UserError, match="did you mean 'FreeVector'"):
        migrated({"o": lsr1(vector={"class_path": "lsr1_pl.optim.FreVector"})})
    with pytest.raises(UserError, match="did you mean 'Polyak'"):
        migrated_options(["--model.optimizer.base=Polyack"])
    assert migrated({"o": lsr1(base="own_module.Mine")})["o"] == lsr1(base="own_module.Mine")


def people(task: str = "HMRTask", **arguments: Any) -> dict[str, Any]:
    return {"model": {"class_path": f"lsr1_pl.tasks.{task}", "init_args": arguments}}


def test_what_a_former_keyword_leaves_out_stays_at_the_tasks_default() -> None:
    optimizer = lsr1()
    former = people(optimizer=optimizer, initial_width=8, evaluation_steps=9, residual="rms")
    found = parsed(migrated(former))["model"]["init_args"]
    whole = parsed(people(optimizer=optimizer))["model"]["init_args"]
    assert found["start"]["init_args"] == {**whole["start"]["init_args"], "width": 8}
    assert found["problem"] == {**whole["problem"], "residual": "rms"}
    assert found["evaluate"] == {**whole["evaluate"], "steps": 9}
    mixed = migrated(people(initial_width=8, start={"init_args": {"dropout": 0.1}}))
    assert mixed["model"]["init_args"]["start"]["init_args"] == {"width": 8, "dropout": 0.1}
    with pytest.raises(UserError, match="the task has start and also initial_width"):
        migrated(people(initial_width=8, start={"init_args": {"width": 9}}))
    with pytest.raises(UserError, match="the task has evaluate and also evaluation_steps"):
        migrated(people(evaluation_steps=8, evaluate={"steps": 9}))


def test_refining_is_a_start() -> None:
    fits = {"class_path": "lsr1_pl.hmr.LGDFits"}
    for task in ("RefiningTask", "refining.RefiningTask"):
        found = migrated(people(task, first_steps=2, freeze_initial_estimate=True))["model"]
        assert found["class_path"] == "lsr1_pl.tasks.HMRTask"
        assert found["init_args"] == {"start": {**fits, "init_args": {"updates": 2}}}
    for model in ("lsr1_pl.tasks.RefiningTask", {"class_path": "lsr1_pl.tasks.RefiningTask"}):
        found = migrated({"model": model})["model"]
        assert found["class_path"] == "lsr1_pl.tasks.HMRTask"
        assert found["init_args"]["start"]["class_path"] == fits["class_path"]
    with pytest.raises(UserError, match="freeze_initial_estimate is false"):
        migrated(people("RefiningTask", freeze_initial_estimate=False))


def test_an_option_of_the_task_becomes_one_of_its_part() -> None:
    config = people(optimizer=lsr1())
    for former, today in (
        ("initial_width=64", "start.init_args.width=64"),
        ("freeze_initial_estimate=true", "start.init_args.frozen=true"),
        ("evaluation_steps=2", "evaluate.steps=2"),
        ("objective_scale=1", "problem.scale=1"),
        ("truth_bodies.male=a.npz", "evaluate.truth_bodies.male=a.npz"),
        ("first.init_args.width=8", "start.init_args.lgd.init_args.width=8"),
        ("body=open", "body=open"),
    ):
        place = "--model.init_args."
        assert migrated_options([f"{place}{former}"], [config]) == [f"{place}{today}"]
    assert migrated_options(["--model.freeze_initial_estimate", "true"], [config]) == [
        "--model.start.frozen=true"
    ]
    other = {"model": {"class_path": "lsr1_pl.tasks.FunctionTask", "init_args": {}}}
    word = "--model.init_args.baselines.Adam.init_args.learning_rate=0.1"
    assert migrated_options([word], [other]) == [word]


def test_options_of_refining_are_those_of_a_start() -> None:
    words = ["--model", "lsr1_pl.tasks.RefiningTask", "--model.first_steps=2"]
    assert migrated_options(words) == [
        "--model=lsr1_pl.tasks.HMRTask",
        "--model.start=lsr1_pl.hmr.LGDFits",
        "--model.start.updates=2",
    ]
    config = people(start="LGDFits")
    assert migrated_options(["--model.freeze_initial_estimate=true"], [config]) == []
    with pytest.raises(UserError, match="warmup_iterations is 3"):
        migrated_options(["--model.warmup_iterations=3"], [config])


def test_options_of_a_task_become_those_of_its_unroll() -> None:
    words = ["--model.init_args.steps", "16", "--model.truncate_every=4", "--trainer.steps=1"]
    expected = ["--model.init_args.unroll.steps=16", "--model.unroll.truncate_every=4", words[-1]]
    assert migrated_options(words) == expected
    own = {"model": {"class_path": "own.Task", "init_args": {}}}
    assert migrated_options(words, [own]) == words
    today = ["--model.unroll.steps=3"]
    assert migrated_options(today) == today
    with pytest.raises(UserError, match="the task has unroll and also steps"):
        migrated({"model": {"steps": 3, "unroll": {"steps": 4}}})


def test_keywords_of_tasks_of_functions_become_their_parts() -> None:
    def of(task: str, **arguments: Any) -> Any:
        config = {"model": {"class_path": f"lsr1_pl.tasks.{task}", "init_args": arguments}}
        return migrated(config)["model"]["init_args"]

    solver = {"class_path": "lsr1_pl.optim.LBFGS"}
    assert of("FunctionTask", meta_loss="suboptimality", test_steps=5, baselines={"a": solver}) == {
        "loss": {"class_path": "lsr1_pl.tasks.RelativeSuboptimality"},
        "evaluate": {
            "class_path": "lsr1_pl.tasks.BySteps",
            "init_args": {"steps": 5, "baselines": {"a": solver}},
        },
    }
    assert of("GeneralTask", floor=1e-5) == {
        "loss": {
            "class_path": "lsr1_pl.tasks.LogRatioToSkeleton",
            "init_args": {"floor": 1e-5},
        },
        "evaluate": {"class_path": "lsr1_pl.tasks.ByEvaluations", "init_args": {"floor": 1e-5}},
    }
    assert of("HMRTask", baselines={"a": solver}) == {"evaluate": {"baselines": {"a": solver}}}
    words = ["--model.test_steps=4", "--model.init_args.test_buffer_sizes=[3]"]
    assert migrated_options([*words, "--model.meta_loss=suboptimality"]) == [
        "--model.evaluate.steps=4",
        "--model.init_args.evaluate.init_args.buffer_sizes=[3]",
        "--model.loss=lsr1_pl.tasks.RelativeSuboptimality",
    ]
    with pytest.raises(UserError, match=r"meta_loss is 'vlaue'.*did you mean 'value'"):
        of("FunctionTask", meta_loss="vlaue")
    with pytest.raises(UserError, match="the task has evaluate and also test_steps"):
        of(
            "FunctionTask",
            evaluate={"class_path": "BySteps", "init_args": {"steps": 3}},
            test_steps=5,
        )
