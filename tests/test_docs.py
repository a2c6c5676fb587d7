"""What the documentation shows must run as it is written."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import lsr1_pl
from lsr1_pl.report.dashboard import CURVES, PANELS

DOCS = Path(__file__).parents[1] / "docs"


def blocks(page: str, language: str) -> list[str]:
    text = (DOCS / page).read_text(encoding="utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def test_a_task_of_ones_own(tmp_path: Path) -> None:
    (code,) = blocks("your_own_task.md", "python")
    (config,) = blocks("your_own_task.md", "yaml")
    (commands,) = blocks("your_own_task.md", "sh")
    (tmp_path / "circles.py").write_text(code, encoding="utf-8")
    (tmp_path / "circles.yaml").write_text(config, encoding="utf-8")
    for line in commands.strip().splitlines():
        words = line.split()
        assert words[0] == "lsr1"
        if words[1] == "fit":
            words += ["--trainer.max_steps", "20", "--trainer.val_check_interval", "10"]
        # As the installed script: without the folder on the path that -m would add.
        start = "import sys; sys.path.remove(''); from lsr1_pl.cli import main; sys.exit(main())"
        done = subprocess.run(
            [sys.executable, "-c", start, *words[1:]],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    assert "L-BFGS" in done.stdout
    best = tmp_path / "runs/circles/version_0/checkpoints/best.ckpt"
    optimizer = lsr1_pl.load_pretrained(best)
    assert sum(p.numel() for p in optimizer.parameters()) > 0


def test_every_panel_of_the_dashboard_is_explained() -> None:
    text = (DOCS / "dashboards.md").read_text(encoding="utf-8")
    keys = {f"{p.section}/{CURVES}/..." if p.kind == "chart" else p.key for p in PANELS}
    assert [key for key in sorted(keys) if f"`{key}`" not in text] == []
