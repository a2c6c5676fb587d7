"""``lsr1 data convert``: bring motion in."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import track
from rich.table import Table

from lsr1_pl.data.conversion import ConversionReport, convert_cmu
from lsr1_pl.errors import UserError


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:  # type: ignore[override]
        raise UserError(f"{message}\n{self.format_usage().strip()}")


def main(argv: Sequence[str]) -> int:
    """Run ``lsr1 data ...`` with the arguments after ``data``; the exit code.

    Raises:
        UserError: bad arguments, or nothing that can be converted.
    """
    parser = _Parser(prog="lsr1 data", description="Bring motion into a motion store.")
    verbs = parser.add_subparsers(dest="verb", required=True)
    convert = verbs.add_parser("convert", help="recordings into a motion store")
    kinds = convert.add_subparsers(dest="kind", required=True)
    cmu = kinds.add_parser("cmu", help="BVH recordings of the CMU motion capture database")
    cmu.add_argument("src", type=Path, help="folder of *.bvh files, T-pose first, 120 frames/s")
    cmu.add_argument("dst", type=Path, help="the store's folder: new, or empty")
    cmu.add_argument("--strict", action="store_true", help="let one broken file stop it all")
    options = parser.parse_args(argv)
    report = convert_cmu(options.src, options.dst, strict=options.strict, track=_progress)
    _print(report, options.dst)
    return 0


def _progress(files: Iterable[Path]) -> Iterable[Path]:
    return track(files, description="reading recordings", transient=True)


def _print(report: ConversionReport, dst: Path) -> None:
    console = Console()
    frames = sum(report.read.values())
    console.print(
        f"{dst}: {len(report.read)} recordings, {frames} frames at 30 a second "
        f"(of {report.source_frames} in the source)"
    )
    if report.refused:
        table = Table(title=f"{len(report.refused)} files were refused", title_justify="left")
        table.add_column("file")
        table.add_column("why")
        for name, why in report.refused.items():
            table.add_row(name, why)
        console.print(table)
