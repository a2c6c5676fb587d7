"""The parser of ``lsr1 bench``: a word for each study, with the study's options."""

from __future__ import annotations

from argparse import ArgumentParser as Parser
from pathlib import Path

from lsr1_pl.bench.table import STUDIES
from lsr1_pl.cli.parsers import CKPT
from lsr1_pl.ground.errors import ArgumentParser, add_trust

_FAMILIES = ("quadratics", "rosenbrock", "rastrigin")


def bench_parser() -> ArgumentParser:
    """The parser of every study, without loading any."""
    parser = ArgumentParser(
        prog="lsr1 bench",
        description="The paper's studies. Each writes results.csv, "
        "summary.json, PNG figures and index.html.",
    )
    verbs = parser.add_subparsers(dest="study", required=True, metavar="NAME")
    for name, study in STUDIES.items():
        verb = verbs.add_parser(name, help=study.shows, description=study.shows)
        verb.add_argument("--out", type=Path, default=Path("runs/bench") / name, help="folder")
        verb.add_argument("--fast", action="store_true", help="under 3 minutes on 2 cores; says so")
        _OPTIONS[name](verb)
    return parser


def _quadratics(verb: Parser) -> None:
    _seed(verb)
    _checkpoint(verb, "--projected", "quadratics")
    _checkpoint(verb, "--unprojected", "quadratics_unprojected")
    _solver(verb, "NAME=CKPT", "")


def _profiles(verb: Parser) -> None:
    _seed(verb)
    for family in _FAMILIES:
        for suffix in ("", "_unprojected"):
            name = f"{family}{suffix}"
            _checkpoint(verb, f"--{name}".replace("_", "-"), f"profiles_{name}")
    families = f", one checkpoint for each of {', '.join(_FAMILIES)}"
    _solver(verb, "NAME=CKPT,CKPT,CKPT", families)


def _trajectories(verb: Parser) -> None:
    """This study has no options of its own."""


def _ablations(verb: Parser) -> None:
    _seed(verb)
    _runs(verb, 1000)
    verb.add_argument(
        "--only", default="", metavar="TEXT", help="train only the rows whose name has this text"
    )


def _learned(verb: Parser) -> None:
    _seed(verb)
    _runs(verb, 1000)


def _families_of_problems(verb: Parser) -> None:
    _seed(verb)
    for name in ("arm", "gaussian_process", "deblurring"):
        verb.add_argument(
            f"--{name}".replace("_", "-"),
            nargs="+",
            metavar=CKPT,
            default=[name],
            help=f"checkpoints, one a training seed, path or shipped ({name})",
        )
    verb.add_argument("--only", default="", metavar="FAMILY", help="measure this family alone")


def _hmr(verb: Parser) -> None:
    _seed(verb)
    one_a_seed = "checkpoints, one a seed; or OUT/measured/*.npz, which stand for some"
    for option, default, what in (
        ("--lsr1", ["hmr_open"], one_a_seed),
        ("--lgd", ["lgd_open"], one_a_seed),
        ("--faithful", [], "of the paper's recipe, likewise"),
        ("--lgd-noise", [], "LGD trained with detection noise, likewise"),
        ("--refining", [], "L-SR1 that begins at LGD's fits, likewise"),
        ("--lgd4", [], "LGD trained for 4 updates"),
        ("--lgd8", [], "LGD trained for 8 updates"),
    ):
        verb.add_argument(option, nargs="+", default=default, metavar=CKPT, help=what)
    for option, method in (("--fraction", "L-SR1"), ("--lgd-fraction", "LGD")):
        verb.add_argument(
            option,
            nargs="+",
            default=[],
            metavar="SHARE=CKPT",
            help=f"{method} trained on a share of the motion, such as 0.1=runs/f/best.ckpt",
        )
    _device(verb, "of Table 3: cpu, or cuda (cpu)")


def _hmr_ablations(verb: Parser) -> None:
    verb.add_argument(
        "--initial",
        metavar=CKPT,
        default="lgd_open",
        help="checkpoint whose initial estimate all start from",
    )
    _runs(verb, 400)
    verb.add_argument("--seeds", type=int, default=1, help="training seeds of each row (1)")


def _real(verb: Parser) -> None:
    _checkpoint(verb, "--ckpt", "hmr_open_lifted")
    verb.add_argument("--steps", type=int, help="of the optimiser (the checkpoint's evaluation)")
    verb.add_argument(
        "--views",
        type=Path,
        metavar="FILE",
        help="your own: npz with keypoints (n, 18, 2), confidence (n, 18), truth (n, 18, 3)",
    )


def _fitters(verb: Parser) -> None:
    _seed(verb)
    verb.add_argument(
        "--fitter",
        nargs="+",
        metavar="NAME=CKPT",
        default=["hmr_open_lifted", "hmr_open", "lgd_open"],
        help="checkpoints, path or shipped; the untrained optimisers begin where the first begins "
        "(hmr_open_lifted hmr_open lgd_open)",
    )
    verb.add_argument(
        "--data", type=Path, default=Path("data"), help="folder of the motion stores (data)"
    )
    verb.add_argument(
        "--stores",
        nargs="+",
        metavar="NAME",
        default=["cmu", "cmu30", "cmu_dance30"],
        help="stores in it that hold CMU (cmu cmu30 cmu_dance30); hdm05 is read where it is there",
    )


def _general(verb: Parser) -> None:
    _seed(verb, 424242)
    verb.add_argument(
        "--general",
        nargs="+",
        metavar=CKPT,
        default=["lsr1_general"],
        help="checkpoints, one a training seed",
    )


def _minimizers(verb: Parser) -> None:
    """This study has no options of its own: its problems are fixed."""


def _compute(verb: Parser) -> None:
    _device(verb, "cpu, or cuda (cpu)")


def _speed(verb: Parser) -> None:
    _device(verb, "cpu, or cuda (cpu)")
    verb.add_argument("--threads", type=int, default=1, help="of torch on the CPU (1)")


def _gpu(verb: Parser) -> None:
    _device(verb, "cuda, or cpu to try the run itself (cuda)", "cuda")
    verb.add_argument("--minutes", type=float, default=8.0, help="for all parts together (8)")
    verb.add_argument(
        "--only",
        nargs="+",
        metavar="PART",
        help="these parts alone; those that --out holds of the same card stay on the page",
    )


def _tune(verb: Parser) -> None:
    # Not the profiles' own: rates are not tuned on the starts that they are judged by.
    _seed(verb, 7)


_OPTIONS = {
    "quadratics": _quadratics,
    "profiles": _profiles,
    "trajectories": _trajectories,
    "ablations": _ablations,
    "learned": _learned,
    "families": _families_of_problems,
    "hmr": _hmr,
    "hmr_ablations": _hmr_ablations,
    "fitters": _fitters,
    "real": _real,
    "general": _general,
    "minimizers": _minimizers,
    "compute": _compute,
    "speed": _speed,
    "gpu": _gpu,
    "tune": _tune,
}


def _seed(verb: Parser, default: int = 2026) -> None:
    verb.add_argument("--seed", type=int, default=default, help=f"of the problems ({default})")


def _checkpoint(verb: Parser, option: str, default: str) -> None:
    verb.add_argument(
        option,
        metavar=CKPT,
        default=default,
        help=f"trained optimiser, path or shipped ({default})",
    )


def _solver(verb: Parser, form: str, checkpoints: str) -> None:
    verb.add_argument(
        "--solver",
        action="append",
        default=[],
        metavar=form,
        help=f"one more trained optimiser of any class{checkpoints}; may come again",
    )
    add_trust(verb, "let a --solver's config name classes of any module, which runs their code")


def _runs(verb: Parser, iterations: int) -> None:
    verb.add_argument("--iterations", type=int, default=None, help=f"a run ({iterations})")
    verb.add_argument(
        "--share",
        default="1/1",
        metavar="I/N",
        help="train only the I-th of N shares of the runs, beside N - 1 other processes on --out",
    )


def _device(verb: Parser, what: str, default: str = "cpu") -> None:
    verb.add_argument("--device", choices=("cpu", "cuda"), default=default, help=what)
