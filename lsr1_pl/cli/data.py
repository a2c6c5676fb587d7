"""``lsr1 data convert``: bring in motion, bodies and the authors' checkpoint."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from rich.progress import track
from rich.table import Table

from lsr1_pl.cli.configs import packaged_configs
from lsr1_pl.data.sources.amass_conversion import convert_amass
from lsr1_pl.data.sources.conversion import ConversionReport, convert_cmu, convert_mocap
from lsr1_pl.data.sources.lgd_amass import convert_lgd_amass
from lsr1_pl.data.sources.lgd_threedpw import convert_lgd_3dpw
from lsr1_pl.data.sources.smpl import convert_regressor, convert_smpl
from lsr1_pl.data.sources.threedpw import convert_3dpw
from lsr1_pl.ground.console import console, plain, shown
from lsr1_pl.ground.errors import UserError
from lsr1_pl.ground.plain_yaml import load_yaml
from lsr1_pl.pretrained.official_folder import convert_official

_OFFICIAL = "hmr_official.yaml"
"""The packaged config of the authors' published code."""


def run(options: Namespace) -> None:
    """Run ``lsr1 data`` with the options of its parser.

    Raises:
        UserError: there is nothing that can be converted.
    """
    if options.kind == "smpl":
        for gender, path in convert_smpl(options.src, options.dst).items():
            print(plain(f"{path}: SMPL, {gender.lower()}"))
        return
    if options.kind == "official":
        config = load_yaml((packaged_configs() / _OFFICIAL).read_text(encoding="utf-8"))
        convert_official(options.src, options.dst, {"name": Path(_OFFICIAL).stem, **config})
        folder = plain(options.dst)
        print(f"{folder}: weights, config and card; test it: lsr1 test --ckpt {folder}")
        return
    if options.kind == "regressor":
        path = convert_regressor(options.src, options.dst)
        print(plain(f"{path}: 17 joints of SMPL's vertices"))
        return
    if options.kind == "3dpw":
        _threedpw(options)
        return
    if options.kind == "amass":
        _amass(options)
        return
    how: dict[str, Any] = {"fps": options.fps, "strict": options.strict, "track": _progress}
    if options.kind == "cmu":
        report = convert_cmu(options.src, options.dst, **how)
    else:
        how |= {"joint_map": options.map, "licence": options.licence}
        report = convert_mocap(options.src, options.dst, **how)
    _print(report, options.dst, "at 30 a second or fewer")
    for found_out, files in report.read_as.items():
        print(plain(f"  {files} read with {found_out}"))


def _threedpw(options: Namespace) -> None:
    if options.src.is_file():
        for split, found in convert_lgd_3dpw(options.src, options.dst).items():
            _print(found, options.dst / split, "at 30 a second")
            print(f"  {found.undetected} frames without a detection, all kept; no joints")
        return
    reports = convert_3dpw(options.src, options.dst, workers=options.workers, track=_unit_progress)
    for split, found in reports.items():
        _print(found, options.dst / split, "at 30 a second")
        print(
            f"  {found.invalid} frames with an invalid camera pose and {found.undetected} "
            f"without a detection, all kept; {found.far} keypoints far outside the image"
        )


def _amass(options: Namespace) -> None:
    if options.src.is_file():
        fraction = 1.0 if options.fraction is None else options.fraction
        report = convert_lgd_amass(
            options.src, options.dst, fraction=fraction, track=_unit_progress
        )
        _print(report, options.dst, "as they stand in LGD's file")
        return
    if options.fraction is not None:
        raise UserError(
            "--fraction is a share of the rows of LGD's AMASS.npz, and "
            f"{options.src} is no file; leave it out, and train on a share of the recordings with "
            "--data.init_args.fraction"
        )
    report = convert_amass(options.src, options.dst, workers=options.workers, track=_unit_progress)
    _print(report, options.dst, "each at its own rate")


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
    for title, files in (
        ("files have frames that were left out", report.left_out),
        ("files were refused", report.refused),
    ):
        if not files:
            continue
        table = Table(title=f"{len(files)} {title}", title_justify="left")
        table.add_column("file")
        table.add_column("why")
        for name, why in files.items():
            table.add_row(shown(name), shown(why))
        terminal.print(table)
