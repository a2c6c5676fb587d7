"""``lsr1 data convert``: bring motion and bodies in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from rich.progress import track
from rich.table import Table

from lsr1_pl.data.amass_conversion import convert_amass
from lsr1_pl.data.conversion import ConversionReport, convert_cmu
from lsr1_pl.data.smpl import convert_regressor, convert_smpl
from lsr1_pl.data.threedpw import convert_3dpw
from lsr1_pl.ground.console import console, plain, shown
from lsr1_pl.ground.errors import ArgumentParser


def main(argv: Sequence[str]) -> int:
    """Run ``lsr1 data ...`` with the arguments after ``data``; the exit code.

    Raises:
        UserError: bad arguments, or nothing that can be converted.
    """
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
    options = parser.parse_args(argv)
    if options.kind == "smpl":
        for gender, path in convert_smpl(options.src, options.dst).items():
            print(plain(f"{path}: SMPL, {gender.lower()}"))
        return 0
    if options.kind == "regressor":
        path = convert_regressor(options.src, options.dst)
        print(plain(f"{path}: 17 joints of SMPL's vertices"))
        return 0
    if options.kind == "3dpw":
        reports = convert_3dpw(
            options.src, options.dst, workers=options.workers, track=_unit_progress
        )
        for split, found in reports.items():
            _print(found, options.dst / split, "at 30 a second")
            print(
                f"  {found.invalid} frames with an invalid camera pose and {found.undetected} "
                f"without a detection, all kept; {found.far} keypoints far outside the image"
            )
        return 0
    if options.kind == "amass":
        report = convert_amass(
            options.src, options.dst, workers=options.workers, track=_unit_progress
        )
        _print(report, options.dst, "each at its own rate")
        return 0
    report = convert_cmu(options.src, options.dst, strict=options.strict, track=_progress)
    _print(report, options.dst, "at 30 a second")
    return 0


def _progress(files: Iterable[Path]) -> Iterable[Path]:
    return track(files, description="reading recordings", transient=True, console=console())


def _unit_progress(units: Iterable[Any], total: int) -> Iterable[Any]:
    return track(units, description="reading", total=total, transient=True, console=console())


def _print(report: ConversionReport, dst: Path, rate: str) -> None:
    terminal = console()
    frames = sum(report.read.values())
    terminal.print(
        f"{shown(dst)}: {len(report.read)} recordings, {frames} frames, {rate} "
        f"(of {report.source_frames} in the source)"
    )
    if report.refused:
        table = Table(title=f"{len(report.refused)} files were refused", title_justify="left")
        table.add_column("file")
        table.add_column("why")
        for name, why in report.refused.items():
            table.add_row(shown(name), shown(why))
        terminal.print(table)
