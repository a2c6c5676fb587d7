"""``lsr1 dashboard``: the panels of a run on Weights & Biases."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from lsr1_pl.ground.console import plain
from lsr1_pl.ground.errors import UserError
from lsr1_pl.ground.files import written
from lsr1_pl.report.wandb.offline_run import read_offline_run
from lsr1_pl.report.wandb.panels import PANELS, DashboardPanel, logged_key
from lsr1_pl.report.wandb.workspace import build_workspace, workspace_spec


def run(options: Namespace) -> int:
    """Run ``lsr1 dashboard`` with the options of its parser; the exit code.

    Raises:
        UserError: options that do not fit, no ``wandb-workspaces``, or W&B refuses.
    """
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
        with written(options.out) as partial:
            partial.write_text(text, encoding="utf-8")
        print(plain(f"{options.out}: {len(PANELS)} panels; nothing was sent"))
    return 0


def _lines(panels: Sequence[DashboardPanel]) -> list[str]:
    return [f"{p.key:29} {p.title} ({', '.join(p.tasks)})" for p in panels]


def _check(path: Path) -> int:
    keys = read_offline_run(path).keys
    filled = [p for p in PANELS if p._replace(key=logged_key(p)).matches(keys)]
    missing = [p for p in PANELS if p not in filled]
    print(plain(f"{path}: fills {len(filled)} of {len(PANELS)} panels"))
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
    print(plain(f"Saved: {workspace.url}"))  # type: ignore[attr-defined]
    return 0
