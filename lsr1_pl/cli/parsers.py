"""The parsers of the verbs that have options of their own; those of the studies stand apart.

A checkpoint's option has the metavar ``CKPT``, and what is a file or a folder has the type
``Path``: the completion knows them by that.
"""

from __future__ import annotations

from pathlib import Path

from lsr1_pl.ground.errors import ArgumentParser

CKPT = "CKPT"
"""The metavar of an option that takes checkpoints."""

MOST_ANIMATED = 100
"""People who get a GLB, half a megabyte or more each, unless asked for each."""

_WORKSPACE = """\
The workspace 'L-SR1' of a W&B project: every panel of a run, in sections. Saves it there, or
writes it to a file, or shows what there is. See docs/dashboards.md."""


def predict_parser() -> ArgumentParser:
    """The parser of ``lsr1 predict``."""
    parser = ArgumentParser(
        prog="lsr1 predict",
        description="Fit bodies to detected 2D keypoints, or to the people in photos. Writes "
        "predictions.npz, one GLB a person's number (animated over the frames), and a page that "
        "turns the bodies. All formats: docs/predict.md.",
    )
    parser.add_argument(
        "input",
        type=Path,
        help="OpenPose JSON (BODY_25, COCO's 18), a folder of them (a frame each), COCO keypoint "
        "JSON, npz with keypoints (n, 18, 2), or a photo or a folder of photos (needs the extra "
        "[photo])",
    )
    parser.add_argument(
        "--ckpt", metavar=CKPT, default="hmr_open", help="shipped name or path (hmr_open)"
    )
    parser.add_argument(
        "--trust_checkpoint",
        type=lambda word: {"true": True, "false": False}[word.lower()],
        default=False,
        metavar="true",
        help="let its config name classes of any module, which runs their code; and files to read",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("fits"),
        help="folder (fits); it replaces the results of an earlier run there",
    )
    parser.add_argument("--steps", type=int, help="of the optimiser (the checkpoint's evaluation)")
    parser.add_argument(
        "--once",
        action="store_true",
        help="fit each person once: not the mirror image too, in no other roll of the image, and "
        "with left and right as detected; five times as fast",
    )
    parser.add_argument(
        "--intrinsics",
        nargs="+",
        metavar="FILE | FX FY CX CY",
        help="the camera, in pixels: four numbers, or JSON or npz with fx, fy, cx, cy or K (3, 3)",
    )
    parser.add_argument(
        "--track",
        action="store_true",
        help="number people over the frames by where they are",
    )
    parser.add_argument(
        "--smooth", type=float, metavar="SECONDS", help="smooth over time, by this Gaussian width"
    )
    parser.add_argument(
        "--least_confidence", type=float, default=0.01, help="of a keypoint that counts (0.01)"
    )
    parser.add_argument("--fps", type=float, default=30.0, help="frames a second of the input (30)")
    parser.add_argument("--batch_size", type=int, default=256, help="people at once (256)")
    parser.add_argument("--vertices", action="store_true", help="meshes in the npz, too")
    parser.add_argument("--obj", action="store_true", help="an OBJ mesh for each person")
    parser.add_argument(
        "--glb",
        choices=("none", "one", "each"),
        help="animations: none; one, of whoever is in most frames; each person's "
        f"(each, but of {MOST_ANIMATED} people at most)",
    )
    return parser


def profile_parser() -> ArgumentParser:
    """The parser of ``lsr1 profile``; what it does not know goes to ``lsr1 fit``."""
    parser = ArgumentParser(
        prog="lsr1 profile",
        description="Runs a few training steps and writes where their time goes: profile.txt, and "
        "trace.json for chrome://tracing or ui.perfetto.dev. Other options are those of lsr1 fit.",
        epilog="lsr1 profile --config quadratics.yaml --out profile",
    )
    parser.add_argument("--config", required=True, help="a file, or the name of a packaged one")
    parser.add_argument("--out", type=Path, default=Path("runs/profile"), help="(runs/profile)")
    parser.add_argument("--iterations", type=int, default=3, help="that are profiled (3)")
    parser.add_argument("--warmup", type=int, default=3, help="before them (3)")
    return parser


def dashboard_parser() -> ArgumentParser:
    """The parser of ``lsr1 dashboard``."""
    parser = ArgumentParser(prog="lsr1 dashboard", description=_WORKSPACE)
    parser.add_argument("--project", default="lsr1", help="of W&B (default: lsr1)")
    parser.add_argument("--entity", help="the user or team that owns it")
    parser.add_argument("--out", type=Path, help="write the workspace to this JSON file instead")
    parser.add_argument("--print", action="store_true", help="print it instead")
    parser.add_argument("--list", action="store_true", help="print the panels and their keys")
    parser.add_argument(
        "--check", type=Path, metavar="RUN", help="which panels an offline run's folder fills"
    )
    return parser


def export_parser() -> ArgumentParser:
    """The parser of ``lsr1 export``."""
    parser = ArgumentParser(
        prog="lsr1 export",
        description="Weights (safetensors), config, curves and a card of a checkpoint, small and "
        "portable; the card marks with [Fill in: ...] what a person must add.",
    )
    parser.add_argument("checkpoint", type=Path, help="a file that lsr1 fit wrote")
    parser.add_argument("folder", type=Path, help="is made")
    parser.add_argument("--half", action="store_true", help="large tensors in half precision")
    return parser


def doctor_parser() -> ArgumentParser:
    """The parser of ``lsr1 doctor``."""
    parser = ArgumentParser(prog="lsr1 doctor", description="Look at the data that configs need.")
    parser.add_argument("--config", help="only what this config needs; exit code 1 if it lacks")
    parser.add_argument("--data", type=Path, default=Path("data"), help="the data folder (data)")
    parser.add_argument("--verify", action="store_true", help="read stores against checksums")
    return parser


def data_parser() -> ArgumentParser:
    """The parser of ``lsr1 data``: a word for each source that can be brought in."""
    parser = ArgumentParser(prog="lsr1 data", description="Bring in motion and bodies.")
    verbs = parser.add_subparsers(dest="verb", required=True)
    convert = verbs.add_parser("convert", help="a source into what the project reads")
    kinds = convert.add_subparsers(dest="kind", required=True)
    cmu = kinds.add_parser("cmu", help="BVH recordings of the CMU motion capture database")
    cmu.add_argument("src", type=Path, help="folder of *.bvh files, T-pose first, 120 frames/s")
    cmu.add_argument("dst", type=Path, help="the store's folder: new, or empty")
    cmu.add_argument("--strict", action="store_true", help="let one broken file stop it all")
    amass = kinds.add_parser("amass", help="AMASS's archives or data sets, SMPL+H or SMPL-X")
    amass.add_argument("src", type=Path, help="folder of *.tar.bz2, or of the unpacked data sets")
    amass.add_argument("dst", type=Path, help="the store's folder: new, or empty")
    amass.add_argument("--workers", type=int, default=None, help="processes (one a core)")
    threedpw = kinds.add_parser("3dpw", help="3DPW's sequenceFiles, a store for each split")
    threedpw.add_argument("src", type=Path, help="the folder sequenceFiles, or what holds it")
    threedpw.add_argument("dst", type=Path, help="folder for train, validation and test")
    threedpw.add_argument("--workers", type=int, default=None, help="processes (one a core)")
    smpl = kinds.add_parser("smpl", help="SMPL's model files into plain arrays")
    smpl.add_argument("src", type=Path, help="a model (.pkl, .npz), or a folder with several")
    smpl.add_argument("dst", type=Path, help="folder for SMPL_NEUTRAL.npz and the like")
    regressor = kinds.add_parser("regressor", help="J_regressor_h36m.npy, checked")
    regressor.add_argument("src", type=Path, help="the file")
    regressor.add_argument("dst", type=Path, help="folder for J_regressor_h36m.npy")
    return parser


def completion_parser() -> ArgumentParser:
    """The parser of ``lsr1 completion``."""
    parser = ArgumentParser(
        prog="lsr1 completion",
        description="Print a script that completes lsr1's verbs, options, configs and checkpoints. "
        'In ~/.bashrc or ~/.zshrc: eval "$(lsr1 completion bash)", or zsh; in fish: '
        "lsr1 completion fish > ~/.config/fish/completions/lsr1.fish",
    )
    parser.add_argument("shell", choices=("bash", "zsh", "fish"))
    return parser
