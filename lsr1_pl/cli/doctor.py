"""``lsr1 doctor``: what data is there, what is missing, and how to get it."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

from lsr1_pl.cli.configs import resolve_config
from lsr1_pl.data.assets_check import Asset, Finding, Kind, examine, known_assets
from lsr1_pl.ground.console import console, plain, shown
from lsr1_pl.ground.errors import UserError
from lsr1_pl.ground.plain_yaml import load_yaml
from lsr1_pl.pretrained import migrated


def run(options: Namespace) -> int:
    """Run ``lsr1 doctor``; the exit code: 1 if something is broken, or the config cannot run.

    Raises:
        UserError: a config that is not there.
    """
    assets = known_assets(options.data)
    if options.config is not None:
        assets = _needed(resolve_config(options.config), assets)
    findings = [examine(asset, verify=options.verify) for asset in assets]
    _print(findings)
    bad = ("broken",) if options.config is None else ("broken", "missing")
    lacking = [finding for finding in findings if finding.status in bad]
    if options.config is not None:
        verdict = "cannot run" if lacking else "has all that it needs"
        print(plain(f"{options.config} {verdict}"))
    return 1 if lacking else 0


def _needed(config: Path, known: Sequence[Asset]) -> list[Asset]:
    """What a config names, with how to get what is known."""
    try:
        content = load_yaml(config.read_text(encoding="utf-8"))
        content = migrated(content) if isinstance(content, dict) else content
    except (OSError, ValueError) as error:
        raise UserError(f"--config {config}: {error}") from None
    by_path = {asset.path.resolve(): asset for asset in known}
    embedded = {
        ("body", "open"): known[0],
        ("store", "open"): known[1],
        ("store", "open_frames"): known[2],
    }
    needed = []
    for kind, name in dict.fromkeys(_named(content)):
        path = Path(name)
        known_one = embedded.get((kind, name)) or by_path.get(path.resolve())
        needed.append(known_one or Asset(name, path, kind))
    return needed


def _named(content: Any) -> Iterator[tuple[Kind, str]]:
    yield "body", str(_argument(content, "model", "body", default="open"))
    bodies = _argument(content, "model", "evaluate", "truth_bodies", default=None)
    for body in bodies.values() if isinstance(bodies, dict) else ():
        yield "body", str(body)
    regressor = _argument(content, "model", "evaluate", "regressor", default=None)
    if regressor is not None:
        yield "regressor", str(regressor)
    stores = _argument(content, "data", "stores", default=None)
    for store in stores if isinstance(stores, list) else ():
        yield "store", str(store)
    threedpw = _argument(content, "data", "threedpw", default=None)
    if threedpw is not None:
        for split in ("validation", "test"):
            yield "store", str(Path(threedpw) / split)


def _argument(content: Any, section: str, *keys: str, default: Any) -> Any:
    for step in (section, "init_args", *keys):
        if not isinstance(content, dict) or step not in content:
            return default
        content = content[step]
    return content


def _print(findings: Sequence[Finding]) -> None:
    table = Table()
    for name in ("asset", "status", "where", "what"):
        table.add_column(name, overflow="fold")
    for finding in findings:
        asset = finding.asset
        cells = (asset.name, finding.status, asset.path, finding.details)
        table.add_row(*(shown(cell) for cell in cells))
    console().print(table)
    wanted = [f for f in findings if f.status != "present" and f.asset.command]
    # One download often makes several assets.
    for command in dict.fromkeys(finding.asset.command for finding in wanted):
        same = [finding for finding in wanted if finding.asset.command == command]
        names = ", ".join(f"{finding.asset.name} ({finding.status})" for finding in same)
        owner = f"{same[0].asset.owner} [{same[0].asset.licence}]"
        print(plain(f"{names}: from {owner}, then\n  {command}"))
