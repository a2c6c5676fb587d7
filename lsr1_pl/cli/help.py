"""What ``lsr1 --help`` and the help of Lightning's verbs say, on 80 columns."""

from __future__ import annotations

from lsr1_pl import __version__

TOP = f"""\
lsr1 {__version__}: learned symmetric-rank-one preconditioning (L-SR1)

usage: lsr1 VERB [OPTIONS]

  fit         meta-train:             lsr1 fit --config hmr_open.yaml
              go on from its end:     lsr1 fit --config quadratics --ckpt last
  test        test a checkpoint:      lsr1 test --name hmr_open --ckpt best
  validate    its validation set:     lsr1 validate --ckpt FILE
  predict     keypoints to bodies:    lsr1 predict OPENPOSE_FOLDER --out DIR
  bench       the paper's studies:    lsr1 bench profiles --fast
  profile     a step's time:          lsr1 profile --config quadratics.yaml
  dashboard   W&B's panels of a run:  lsr1 dashboard --list
  export      weights, config, card:  lsr1 export best.ckpt FOLDER
  doctor      what data is there:     lsr1 doctor --config hmr.yaml
  data        bring in bodies, motion:
                                      lsr1 data convert amass FOLDER data/amass
  completion  for the shell:          eval "$(lsr1 completion bash)"

A config is a file, or the name of one that comes with the package (an unknown
name lists them). A checkpoint knows its config, so test needs none; flags
override either:
  lsr1 fit --config quadratics.yaml --trainer.max_steps 2000
Results go to runs/NAME/version_K: metrics.csv, config.yaml, checkpoints, tables
and pictures.

  lsr1 VERB --help    the options of a verb
  lsr1 --version
"""

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

  --ckpt CKPT     a file that lsr1 fit wrote, a folder that lsr1 export wrote, a
                  shipped name; or last, best: the newest of the run --name
  --config NAME   in place of the config that the checkpoint carries
""",
    "validate": """\
usage: lsr1 validate --ckpt CKPT [--config NAME] [--KEY VALUE ...]

Evaluate a checkpoint on the validation set of its config.

  --ckpt CKPT     a file that lsr1 fit wrote, a folder that lsr1 export wrote, a
                  shipped name; or last, best: the newest of the run --name
  --config NAME   in place of the config that the checkpoint carries
""",
}

_COMMON = """\
  --name NAME     of the run: it goes to runs/NAME/version_K (the config's name)
  --print_config  print the whole config and stop: every key there is
  --seed_everything INT
                  seed of networks and dropout (0); data have their own

  --trainer.KEY VALUE      Lightning's Trainer:
    max_steps, max_time DD:HH:MM:SS, val_check_interval, devices, accelerator,
    precision, num_nodes, sync_batchnorm, default_root_dir (runs), ...
  --model.init_args.KEY VALUE, --data.init_args.KEY VALUE
                           arguments of the config's classes, such as
    --model.init_args.steps 16 --data.init_args.batch_size 64
  --model.help CLASS       what a class takes, such as lsr1_pl.tasks.HMRTask

  --wandb.project NAME, --wandb.offline true, ...
                  log to Weights & Biases, too
  --matmul_precision highest|high|medium
                  of float32 products: high is TF32, where the GPU has it

  lsr1 {verb} --help_all    every option, Lightning's included
"""


def lightning_help(verb: str) -> str:
    """The short help of fit, test or validate."""
    return _START[verb] + _COMMON.format(verb=verb)
