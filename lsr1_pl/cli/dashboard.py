"""``lsr1 dashboard``: the panels of a run on Weights & Biases."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

from lsr1_pl.ground.errors import ArgumentParser, UserError
from lsr1_pl.report.wandb.offline_run import read_offline_run
from lsr1_pl.report.wandb.panels import PANELS, DashboardPanel, logged_key
from lsr1_pl.report.wandb.workspace import NAME, build_workspace, workspace_spec

_DESCRIPTION = f"""\
The workspace {NAME!r} of a W&B project: every panel of a run, in sections. Saves it there, or
writes it to a file, or shows what there is. See docs/dashboards.md."""


def main(arguments: Sequence[str]) -> int:
    """Run the command.

    Raises:
        UserError: options that do not fit, no ``wandb-workspaces``, or W&B refuses.
    """
    options = _parser().parse_args(list(arguments))
    if options.list:
        print("\n".join(_lines(PANELS)))
        return 0
    if options.check is not None:
        return _check(options.check)
    workspace = build_workspace(options.entity or "", options.project)
    if options.out is None and not options.print:
        return _save(workspace, options.entity)
    text = json.dumps(workspace_spec(workspace), indent=1) + "\n"
    if options.print:
        print(text, end="")
    if options.out is not None:
        partial = options.out.with_name(f".{options.out.name}.partial")
        try:
            partial.write_text(text, encoding="utf-8")
            os.replace(partial, options.out)
        except OSError as error:
            raise UserError(f"--out {options.out}: cannot be written ({error.strerror})") from None
        print(f"{options.out}: {len(PANELS)} panels; nothing was sent")
    return 0


def _parser() -> ArgumentParser:
    parser = ArgumentParser(prog="lsr1 dashboard", description=_DESCRIPTION)
    parser.add_argument("--project", default="lsr1", help="of W&B (default: lsr1)")
    parser.add_argument("--entity", help="the user or team that owns it")
    parser.add_argument("--out", type=Path, help="write the workspace to this JSON file instead")
    parser.add_argument("--print", action="store_true", help="print it instead")
    parser.add_argument("--list", action="store_true", help="print the panels and their keys")
    parser.add_argument(
        "--check", type=Path, metavar="RUN", help="which panels an offline run's folder fills"
    )
    return parser


def _lines(panels: Sequence[DashboardPanel]) -> list[str]:
    return [f"{p.key:29} {p.title} ({', '.join(p.tasks)})" for p in panels]


def _check(path: Path) -> int:
    keys = read_offline_run(path).keys
    filled = [p for p in PANELS if p._replace(key=logged_key(p)).matches(keys)]
    missing = [p for p in PANELS if p not in filled]
    print(f"{path}: fills {len(filled)} of {len(PANELS)} panels")
    print("\n".join(_lines(filled)))
    if missing:
        print("and not, as it is of another task or verb, or too short:")
        print("\n".join(_lines(missing)))
    return 0


def _save(workspace: object, entity: str | None) -> int:
    import requests
    import wandb

    if not entity:
        raise UserError(
            "dashboard needs --entity, the user or team of the project; --out FILE.json or "
            "--print build it without sending anything"
        )
    try:
        workspace.save()  # type: ignore[attr-defined]
    except (wandb.Error, requests.RequestException, ValueError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UserError(
            f"dashboard: W&B refuses or cannot be reached ({reason}); run `wandb login`, or keep "
            "the workspace here with --out FILE.json"
        ) from None
    print(f"Saved: {workspace.url}")  # type: ignore[attr-defined]
    return 0
