"""What a checkpoint that may come from anywhere can say: everything else is refused or left out.

One table by sections of a config. To allow more, add a line here:

- a part of a model or of the data (a class of this package) needs no line, if its room is one of
  :data:`ROOMS` and its arguments are numbers, flags, choices (``Literal``) and other parts;
- an argument that takes text, or a number beyond :data:`COUNT`, needs one in :data:`ARGUMENTS`;
- a class of torch or Lightning needs one with its arguments.

Nothing here may name a place to write to, a connection, or code.
"""

from __future__ import annotations

from collections.abc import Mapping

from lsr1_pl.pretrained.foreign.values import (
    Kind,
    duration,
    file_name,
    flag,
    input_path,
    label,
    listed,
    metric,
    number,
    one_of,
    run_name,
    tabled,
    whole,
)

COUNT = whole(-10_000, 10_000)
"""Whole numbers of parts, unless :data:`ARGUMENTS` says otherwise."""

_WIDTH, _BATCH, _ITERATIONS = whole(0, 65_536), whole(0, 65_536), whole(-1, 10**9)
_SEED, _BUFFER = whole(0, 2**63 - 1), whole(0, 4_096)

ROOMS = ("lsr1_pl.optim", "lsr1_pl.objectives", "lsr1_pl.hmr", "lsr1_pl.tasks", "lsr1_pl.data")
"""Where the classes of parts are defined: of ``model`` and ``data``, and of whatever is in them."""

ARGUMENTS: dict[str, Kind] = {
    # Data and weights that are read, each by this package's own checking readers.
    "stores": listed(input_path),
    "threedpw": input_path,
    "body": input_path,
    "truth_bodies": tabled(input_path),
    "regressor": input_path,
    "weights": input_path,
    "optimizer_weights": input_path,
    # Names of parts of the data.
    "validation_subjects": listed(label),
    "validation_recordings": listed(label),
    "test_subjects": listed(label),
    "test_recordings": listed(label),
    "families": listed(label),
    "protocols": listed(label),
    "inputs": listed(label),
    # Sizes; those that stand in the weights are held against the file's, too.
    "hidden_dim": _WIDTH,
    "width": _WIDTH,
    "latent_width": _WIDTH,
    "batch_size": _BATCH,
    "evaluation_batch_size": _BATCH,
    "evaluation_count": _BATCH,
    "validation_count": _BATCH,
    "test_count": _BATCH,
    "buffer_size": _BUFFER,
    "buffer_sizes": listed(_BUFFER, 64),
    "history_size": _BUFFER,
    "decays": listed(number, 16),
    "sample_fits": whole(0, 64),
    "warmup_iterations": _ITERATIONS,
    "start_iterations": _ITERATIONS,
    "metric_iterations": _ITERATIONS,
    "solved": _BATCH,
    "solve_steps": whole(0, 10_000),
    "steps": whole(0, 10_000),
    "truncate_every": whole(0, 10_000),
    "freeze_norm_after": _ITERATIONS,
    "seed": _SEED,
    "evaluation_seed": _SEED,
}
"""What arguments of these names may be, in whichever class of parts."""

TOGETHER: dict[str, tuple[tuple[str, ...], ...]] = {
    "QuadraticsDataModule": (
        ("batch_size", "size", "size"),
        ("evaluation_count", "test_size", "test_size"),
    ),
    "MixtureDataModule": (
        ("batch_size", "sizes", "sizes"),
        ("evaluation_count", "test_sizes", "test_sizes"),
    ),
    "StartsDataModule": (("batch_size", "size"), ("evaluation_count", "test_size")),
}
"""Arguments of a class that multiply to the numbers of one batch, :data:`TOGETHER_MOST` at most."""

TOGETHER_MOST = 2**28

_TORCH_OPTIMIZERS = (
    *("ASGD", "Adadelta", "Adafactor", "Adagrad", "Adam", "AdamW", "Adamax", "NAdam", "RAdam"),
    *("RMSprop", "Rprop", "SGD"),
)
_NUMBERS = listed(number, 100)
_OPTIMIZER_ARGUMENTS: dict[str, Kind] = {
    **dict.fromkeys(
        (
            *("lr", "lambd", "alpha", "t0", "rho", "eps", "weight_decay", "beta2_decay", "d"),
            *("lr_decay", "initial_accumulator_value", "momentum_decay", "momentum", "dampening"),
        ),
        number,
    ),
    **dict.fromkeys(("betas", "etas", "step_sizes"), _NUMBERS),
    **dict.fromkeys(
        (
            *("amsgrad", "maximize", "foreach", "capturable", "differentiable", "fused"),
            *("decoupled_weight_decay", "centered", "nesterov"),
        ),
        flag,
    ),
}
_OPTIMIZER_ARGUMENTS["eps"] = lambda value: number(value) and _NUMBERS(value)

_TORCH_SCHEDULES: dict[str, dict[str, Kind]] = {
    "ConstantLR": {"factor": number, "total_iters": _ITERATIONS},
    "CosineAnnealingLR": {"T_max": _ITERATIONS, "eta_min": number},
    "CosineAnnealingWarmRestarts": {
        "T_0": _ITERATIONS,
        "T_mult": whole(1, 1000),
        "eta_min": number,
    },
    "ExponentialLR": {"gamma": number},
    "LinearLR": {"start_factor": number, "end_factor": number, "total_iters": _ITERATIONS},
    "MultiStepLR": {"milestones": listed(_ITERATIONS), "gamma": number},
    "OneCycleLR": {
        **dict.fromkeys(("total_steps", "epochs", "steps_per_epoch"), _ITERATIONS),
        **dict.fromkeys(
            (
                *("max_lr", "pct_start", "base_momentum", "max_momentum", "div_factor"),
                "final_div_factor",
            ),
            number,
        ),
        "anneal_strategy": one_of("cos", "linear"),
        "cycle_momentum": flag,
        "three_phase": flag,
    },
    "PolynomialLR": {"total_iters": _ITERATIONS, "power": number},
    "StepLR": {"step_size": _ITERATIONS, "gamma": number},
}

CALLABLES: dict[str, Mapping[str, Kind]] = {
    **{f"torch.optim.{name}": _OPTIMIZER_ARGUMENTS for name in _TORCH_OPTIMIZERS},
    **{
        f"torch.optim.lr_scheduler.{name}": {**arguments, "last_epoch": whole(-1, 10**9)}
        for name, arguments in _TORCH_SCHEDULES.items()
    },
}
"""Classes that an argument may name which takes what makes a meta-optimiser or its schedule."""

CALLBACKS: dict[str, Mapping[str, Kind]] = {
    "pytorch_lightning.callbacks.ModelCheckpoint": {
        "filename": file_name,
        "monitor": metric,
        "mode": one_of("min", "max"),
        "verbose": flag,
        "save_last": flag,
        "save_top_k": whole(-1, 10_000),
        "save_on_exception": flag,
        "save_weights_only": flag,
        "auto_insert_metric_name": flag,
        "every_n_train_steps": _ITERATIONS,
        "every_n_epochs": _ITERATIONS,
        "save_on_train_epoch_end": flag,
        "enable_version_counter": flag,
    },
    "pytorch_lightning.callbacks.EarlyStopping": {
        "monitor": metric,
        "mode": one_of("min", "max"),
        "min_delta": number,
        "patience": _ITERATIONS,
        "verbose": flag,
        "strict": flag,
        "check_finite": flag,
        "stopping_threshold": number,
        "divergence_threshold": number,
        "check_on_train_epoch_end": flag,
        "log_rank_zero_only": flag,
    },
    "pytorch_lightning.callbacks.LearningRateMonitor": {
        "logging_interval": one_of("step", "epoch"),
        "log_momentum": flag,
        "log_weight_decay": flag,
    },
    "pytorch_lightning.callbacks.TQDMProgressBar": {
        "refresh_rate": COUNT,
        "process_position": COUNT,
        "leave": flag,
    },
    "pytorch_lightning.callbacks.RichProgressBar": {"refresh_rate": COUNT, "leave": flag},
    "pytorch_lightning.callbacks.ModelSummary": {"max_depth": COUNT},
    "pytorch_lightning.callbacks.RichModelSummary": {"max_depth": COUNT},
    "lsr1_pl.report.StepTable": {"steps": listed(COUNT)},
    "lsr1_pl.report.FitsFigure": {},
    "lsr1_pl.report.IterationProgress": {},
}
"""Callbacks, each with its arguments."""

CALLBACKS_LEFT_OUT = {
    "dirpath": "it says where to write",
    "train_time_interval": "it is no number",
}
"""The arguments of those callbacks that are never taken, and why."""

TRAINER: dict[str, Kind] = {
    "accelerator": one_of("auto", "cpu", "gpu", "cuda", "mps"),
    "precision": one_of(
        *(16, 32, 64, "16", "bf16", "32", "64", "16-true", "16-mixed", "bf16-true", "bf16-mixed"),
        *("32-true", "64-true"),
    ),
    **dict.fromkeys(
        (
            *("max_epochs", "min_epochs", "max_steps", "min_steps", "check_val_every_n_epoch"),
            *("num_sanity_val_steps", "log_every_n_steps", "accumulate_grad_batches"),
            "reload_dataloaders_every_n_epochs",
        ),
        _ITERATIONS,
    ),
    "max_time": duration,
    "gradient_clip_val": number,
    "gradient_clip_algorithm": one_of("norm", "value"),
    **dict.fromkeys(
        (
            *("limit_train_batches", "limit_val_batches", "limit_test_batches"),
            *("limit_predict_batches", "overfit_batches", "val_check_interval"),
        ),
        number,
    ),
    "deterministic": one_of(True, False, "warn"),
    **dict.fromkeys(
        (
            *("enable_checkpointing", "enable_progress_bar", "enable_model_summary", "benchmark"),
            *("inference_mode", "use_distributed_sampler", "detect_anomaly", "sync_batchnorm"),
            "enable_autolog_hparams",
        ),
        flag,
    ),
}
"""Keys of ``trainer``; its ``callbacks`` stand above."""

TRAINER_LEFT_OUT: dict[str, tuple[str, tuple[object, ...]]] = {
    "logger": ("it says where to write or connect", (None, True, False)),
    "profiler": ("it writes files", (None,)),
    "plugins": ("it names code", (None, [])),
    "strategy": ("it starts processes", ("auto",)),
    "devices": ("it starts processes", ("auto",)),
    "num_nodes": ("it connects machines", (1,)),
    "model_registry": ("it connects", (None,)),
    "fast_dev_run": ("it is for a try", (False,)),
    "barebones": ("it is for a try", (False,)),
    "default_root_dir": ("it says where to write", ()),
}
"""Keys of ``trainer`` that are never taken, why, and the values that need no word about it."""

TOP: dict[str, Kind] = {
    "name": run_name,
    "seed_everything": lambda value: flag(value) and whole(0, 2**32 - 1)(value),
    "matmul_precision": one_of("highest", "high", "medium"),
}
"""Keys beside ``model``, ``data`` and ``trainer``."""
