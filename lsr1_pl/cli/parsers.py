"""The parsers of the verbs that have options of their own; those of the studies stand apart.

A checkpoint's option has the metavar ``CKPT``, and what is a file or a folder has the type
``Path``: the completion knows them by that.
"""

from __future__ import annotations

from pathlib import Path

from lsr1_pl.ground.errors import ArgumentParser, add_trust

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
        "predictions.npz, AMASS's npz and a GLB of each person's motion, and a page that plays "
        "the people over time. All formats and options: docs/predict.md.",
    )
    parser.add_argument(
        "input",
        type=Path,
        help="keypoints of OpenPose, COCO, AlphaPose, MMPose, Ultralytics, MediaPipe, DeepLabCut, "
        "npz or npy (n, J, 2 or 3), a folder of such files (a frame each), or a photo or a folder "
        "of photos (needs the extra [photo])",
    )
    parser.add_argument(
        "--joints",
        metavar="NAME",
        help="joint set of the keypoints, as coco17, body25, h36m17 (the file's names, or their "
        "number)",
    )
    parser.add_argument(
        "--dimensions",
        type=int,
        choices=(2, 3),
        help="3: the arrays are joints in space, (n, J, 3) (an npz says it by its key 'joints3d')",
    )
    parser.add_argument(
        "--scale",
        choices=("fixed", "free"),
        help="of joints in space: fixed, in metres (cm and mm are recognised); or free, in any "
        "unit, each person with a scale of their own (fixed)",
    )
    parser.add_argument(
        "--cameras",
        type=Path,
        metavar="FILE",
        help="of several calibrated views: TOML, JSON, npz, or the folder of EasyMocap's intri.yml "
        "and extri.yml. The input is a folder with a folder a view, or npz (n, V, J, 3)",
    )
    parser.add_argument(
        "--image_size",
        nargs=2,
        type=float,
        metavar=("WIDTH", "HEIGHT"),
        help="of the images in pixels, for keypoints from 0 to 1",
    )
    parser.add_argument(
        "--sequence",
        choices=("yes", "no"),
        help="whether the frames follow each other in time (by their numbers, and by how people "
        "move)",
    )
    parser.add_argument(
        "--ckpt",
        metavar=CKPT,
        default="hmr_open_lifted",
        help="shipped name or path (hmr_open_lifted)",
    )
    add_trust(
        parser,
        "let its config name classes of any module, which runs their code; and files to read",
    )
    parser.add_argument(
        "--body",
        type=Path,
        metavar="FILE",
        help="your SMPL body, an npz of lsr1 data convert smpl, fitted in place of the "
        "checkpoint's; nothing is trained",
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
        metavar="FILE [CAMERA] | FX FY CX CY",
        help="the camera, in pixels: four numbers, or a file of JSON, npz, OpenCV's YAML or "
        "COLMAP's text; its distortion is undone",
    )
    parser.add_argument(
        "--track",
        action="store_true",
        help="number people over the frames by where they are, even if the detector did; mend left "
        "and right that jump, and who turns around between frames",
    )
    parser.add_argument(
        "--smooth",
        type=float,
        metavar="SECONDS",
        help="smooth over time, by a Gaussian of this width in seconds, such as 0.04",
    )
    parser.add_argument(
        "--least_confidence",
        type=float,
        help="of a keypoint that counts (by detector: OpenPose 0.01, MediaPipe 0.5, others 0.3)",
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
    parser.add_argument("--bvh", action="store_true", help="a BVH for each animated person")
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


def compare_parser() -> ArgumentParser:
    """The parser of ``lsr1 compare``."""
    parser = ArgumentParser(
        prog="lsr1 compare",
        description="Draw the trainings and the newest tests of several runs in the same figures "
        "(PNG and PDF), with tables, results.csv and a page. Of a run with several seeds: means, "
        "and a band of one standard deviation.",
    )
    parser.add_argument(
        "runs",
        nargs="+",
        metavar="RUN",
        help="a run's name or folder, or the folder of one of its versions or tests; as NAME=RUN, "
        "figures call it NAME",
    )
    parser.add_argument(
        "--out", type=Path, default=Path("compared"), help="folder (compared); is made"
    )
    parser.add_argument(
        "--metric",
        action="append",
        default=[],
        metavar="KEY",
        help="a further column of metrics.csv, beside train/meta_loss and what selects best.ckpt; "
        "may be repeated",
    )
    parser.add_argument(
        "--solver",
        action="append",
        default=[],
        metavar="NAME",
        help="of the tests, this solver only; may be repeated (all)",
    )
    return parser


def export_parser() -> ArgumentParser:
    """The parser of ``lsr1 export``."""
    parser = ArgumentParser(
        prog="lsr1 export",
        description="Weights (safetensors), config, curves and a card of a checkpoint, small and "
        "portable; the card marks with [Fill in: ...] what a person must add.",
    )
    parser.add_argument(
        "checkpoint", help="a file that lsr1 fit wrote, a run's folder (its best), a shipped name"
    )
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
    parser = ArgumentParser(prog="lsr1 data", description="Bring in motion, bodies and weights.")
    verbs = parser.add_subparsers(dest="verb", required=True)
    convert = verbs.add_parser("convert", help="a source into what the project reads")
    kinds = convert.add_subparsers(dest="kind", required=True)
    cmu = kinds.add_parser("cmu", help="CMU's motion capture: ASF/AMC, or any of its BVH releases")
    mocap = kinds.add_parser("mocap", help="BVH of any skeleton, ASF/AMC")
    for recordings in (cmu, mocap):
        recordings.add_argument("src", type=Path, help="folder of *.bvh, or of *.amc with *.asf")
        recordings.add_argument("dst", type=Path, help="the store's folder: new, or empty")
        recordings.add_argument(
            "--fps", type=float, help="frames a second of the files, whatever they say (AMC: 120)"
        )
        recordings.add_argument("--strict", action="store_true", help="stop at a broken file")
    mocap.add_argument(
        "--map",
        metavar="NAME|FILE",
        help="which joint is which: a YAML file, or cmu, asf, hdm05, mixamo, xsens, mvn, rokoko, "
        "lafan1, bandai-namco, 100style, smpl, ... (default: found by the joints' names)",
    )
    mocap.add_argument(
        "--licence", default="as its source says", help="of the recordings, kept in the store"
    )
    amass = kinds.add_parser("amass", help="AMASS's archives or data sets, SMPL+H or SMPL-X")
    amass.add_argument(
        "src",
        type=Path,
        help="folder of *.tar.bz2, or of the unpacked data sets; or LGD's AMASS.npz",
    )
    amass.add_argument("dst", type=Path, help="the store's folder: new, or empty")
    amass.add_argument("--workers", type=int, default=None, help="processes (one a core)")
    amass.add_argument(
        "--fraction", type=float, help="of LGD's AMASS.npz: its first rows alone, a share in (0, 1]"
    )
    threedpw = kinds.add_parser("3dpw", help="3DPW's sequenceFiles, a store for each split")
    threedpw.add_argument(
        "src",
        type=Path,
        help="the folder sequenceFiles, or what holds it; or LGD's 3DPW_valid.npz, 3DPW_test.npz",
    )
    threedpw.add_argument("dst", type=Path, help="folder for train, validation and test")
    threedpw.add_argument("--workers", type=int, default=None, help="processes (one a core)")
    smpl = kinds.add_parser("smpl", help="SMPL's model files into plain arrays")
    smpl.add_argument("src", type=Path, help="a model (.pkl, .npz), or a folder with several")
    smpl.add_argument("dst", type=Path, help="folder for SMPL_NEUTRAL.npz and the like")
    regressor = kinds.add_parser("regressor", help="J_regressor_h36m.npy, checked")
    regressor.add_argument("src", type=Path, help="the file")
    regressor.add_argument("dst", type=Path, help="folder for J_regressor_h36m.npy")
    official = kinds.add_parser("official", help="the checkpoint that L-SR1's authors published")
    official.add_argument("src", type=Path, help="lsr1__l4__best-model.ckpt")
    official.add_argument("dst", type=Path, help="folder of the checkpoint: new, or empty")
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
