"""What the help of fit, test and validate says, on 80 columns."""

from __future__ import annotations

_START = {
    "fit": """\
usage: lsr1 fit --config NAME [--ckpt CKPT] [--KEY VALUE ...]

Meta-train an optimiser. The config says what, on which data, for how long; any
key of it is a flag, and flags override it.

  --config NAME   a YAML file, or the name of a packaged config; of several, the
                  later ones override
  --ckpt CKPT     go on from this checkpoint; last: where the newest run of this
                  name ended, exactly
""",
    "test": """\
usage: lsr1 test --ckpt CKPT [--config NAME] [--KEY VALUE ...]

Test a checkpoint on the test set of its config, beside its baselines: a table,
curves.csv and pictures.

  --ckpt CKPT     a file that lsr1 fit wrote, a run's folder (its best), what
                  lsr1 export wrote, a shipped name; or last, best: the newest
                  of the run --name
  --config NAME   in place of the config that the checkpoint carries
""",
    "validate": """\
usage: lsr1 validate --ckpt CKPT [--config NAME] [--KEY VALUE ...]

Evaluate a checkpoint on the validation set of its config.

  --ckpt CKPT     a file that lsr1 fit wrote, a run's folder (its best), what
                  lsr1 export wrote, a shipped name; or last, best: the newest
                  of the run --name
  --config NAME   in place of the config that the checkpoint carries
""",
}

_COMMON = """\
  --name NAME     of the run: it goes to runs/NAME/version_K (the config's name)
  --print_config  print the whole config and stop: every key there is
  --seed_everything INT
                  seed of networks and dropout (0); data have their own
  --seeds 0,1,2   the same once a seed, in runs NAME/seed_K; lsr1 compare NAME
                  draws them as one line with a band

  --trainer.KEY VALUE      Lightning's Trainer:
    max_steps, max_time DD:HH:MM:SS, val_check_interval, devices, accelerator,
    precision, num_nodes, sync_batchnorm, default_root_dir (runs), ...
  --model.init_args.KEY VALUE, --data.init_args.KEY VALUE
                           arguments of the config's classes, such as
    --model.init_args.unroll.steps 16 --data.init_args.batch_size 64
  --model.help CLASS       what a class takes, such as lsr1_pl.tasks.HMRTask

  --wandb.project NAME, --wandb.offline true, ...
                  log to Weights & Biases, too
  --matmul_precision highest|high|medium
                  of float32 products: high is TF32, where the GPU has it

  lsr1 {verb} --help_all    every option, Lightning's included
"""

TRAINING_OPTIONS = (
    *("--config", "--ckpt", "--name", "--print_config", "--seed_everything", "--seeds"),
    "--help_all",
    *("--trainer.max_steps", "--trainer.max_time", "--trainer.val_check_interval"),
    *("--trainer.devices", "--trainer.accelerator", "--trainer.precision", "--trainer.num_nodes"),
    *("--trainer.default_root_dir", "--trainer.sync_batchnorm"),
    *("--model.init_args.", "--model.help", "--data.init_args.", "--data.help"),
    *("--wandb.project", "--wandb.name", "--wandb.offline", "--wandb.group", "--wandb.tags"),
    *("--wandb.pictures_every", "--trust_checkpoint"),
    "--matmul_precision",
)
"""The options of fit, test and validate that are worth completing, of several hundred."""


def lightning_help(verb: str) -> str:
    """The short help of fit, test or validate."""
    return _START[verb] + _COMMON.format(verb=verb)
