"""The table of panels as a W&B workspace."""

from __future__ import annotations

import warnings
from typing import Any

from lsr1_pl.ground.errors import UserError
from lsr1_pl.report.wandb.panels import (
    GOALS,
    INNER_STEP,
    PANELS,
    SECTIONS,
    DashboardPanel,
    logged_key,
)

NAME = "L-SR1"
_LINES, _ITERATION = "wandb/lineseries/v0", "trainer/global_step"


def build_workspace(entity: str, project: str) -> Any:
    """The workspace of a project: a section for each prefix, its panels in the table's order.

    Raises:
        UserError: ``wandb-workspaces`` is not installed.
    """
    with warnings.catch_warnings():
        # Version 0.4 is written in pydantic's old style.
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            import wandb_workspaces.reports.v2 as reports
            import wandb_workspaces.workspaces as workspaces
        except ImportError:
            raise UserError(
                'dashboard needs wandb-workspaces: pip install "lsr1_pl[dashboard]", or '
                "pip install wandb-workspaces; lsr1 dashboard --list works without"
            ) from None
        sections = [
            workspaces.Section(
                name=name,
                panels=[_panel(reports, p) for p in PANELS if p.section == name],
                is_open=True,
            )
            for name in SECTIONS
        ]
        return workspaces.Workspace(
            entity=entity,
            project=project,
            name=NAME,
            sections=sections,
            settings=workspaces.WorkspaceSettings(x_axis=_ITERATION),
            runset_settings=workspaces.RunsetSettings(
                pinned_columns=[f"summary:{goal}" for goal in GOALS]
            ),
        )


def workspace_spec(workspace: Any) -> dict[str, Any]:
    """What would be sent to W&B, as plain data."""
    spec: dict[str, Any] = workspace._to_model().model_dump(
        mode="json", by_alias=True, exclude_none=True
    )
    return spec


def _panel(reports: Any, panel: DashboardPanel) -> Any:
    if panel.kind == "media":
        return reports.MediaBrowser(title=panel.title, media_keys=[panel.key], num_columns=4)
    if panel.kind == "scalar":
        return reports.ScalarChart(title=panel.title, metric=panel.key)
    if panel.kind == "chart":
        chart = reports.CustomChart.from_table(
            logged_key(panel),
            chart_fields={"step": "step", "lineKey": "lineKey", "lineVal": "lineVal"},
            chart_strings={"title": panel.title, "xname": "inner step"},
        )
        chart.chart_name = _LINES
        return chart
    if panel.key.endswith("*"):
        # No such key holds a character that a regular expression would read otherwise.
        pattern = f"^{panel.key[:-1]}.*$"
        axis = INNER_STEP if panel.by_inner_step else _ITERATION
        return reports.LinePlot(title=panel.title, x=axis, metric_regex=pattern)
    return reports.LinePlot(title=panel.title, x=_ITERATION, y=[panel.key])
