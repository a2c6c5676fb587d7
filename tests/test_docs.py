"""What the documentation shows must run as it is written."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import torch

import lsr1_pl
from lsr1_pl.body import PinholeCamera, load_body_model, normalize_keypoints
from lsr1_pl.body.skeleton import COCO18, PARENTS, SMPL_JOINTS
from lsr1_pl.hmr.protocols import H36M14
from lsr1_pl.tasks.hmr_evaluation import EVALUATED_KEYPOINTS

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


def test_orders_of_the_conventions_are_the_skeletons() -> None:
    text = (DOCS / "conventions.md").read_text(encoding="utf-8")
    pose, keypoints = text.split("## Keypoints")
    triples = re.findall(r"\| (\d+) \| (\w+) \| ?(\d*) ", pose)
    joints = {int(number): (name, int(parent or -1)) for number, name, parent in triples}
    assert joints == dict(enumerate(zip(SMPL_JOINTS, PARENTS, strict=True)))
    pairs = re.findall(r"\| (\d+) \| (\w+) (?=\|)", keypoints.split("## Camera")[0])
    assert {int(number): name for number, name in pairs} == dict(enumerate(COCO18))
    rows = re.search(r"rows ([\d, \n]+) of the H36M regressor", text)
    assert rows is not None
    assert tuple(int(row) for row in rows.group(1).split(",")) == H36M14
    assert EVALUATED_KEYPOINTS == 14
    assert COCO18[:14] == tuple(name for name in COCO18 if name[1:] not in ("eye", "ear"))


def test_axes_and_camera_of_the_conventions() -> None:
    body = load_body_model()

    def joint(name: str, pose: torch.Tensor) -> torch.Tensor:
        return body.select([name])(pose, torch.zeros(1, 10))[0, 0]

    rest, turned = torch.zeros(1, 72), torch.zeros(1, 72)
    turned[0, 1] = 0.5
    assert joint("head", rest)[1] > 0.5
    assert joint("left_wrist", rest)[0] > 0.5
    assert joint("nose", rest)[2] > 0.1
    assert joint("nose", turned)[0] > 0.05
    assert joint("pelvis", rest).norm() < 0.01
    camera = PinholeCamera(focal=1000.0, centre_u=320.0, centre_v=240.0, depth=4.0)
    point = torch.tensor([[[0.5, 0.3, 1.0]]])
    expected = torch.tensor([[[1000 * 0.5 / 3 + 320, -1000 * 0.3 / 3 + 240]]])
    torch.testing.assert_close(camera.project(point), expected)
    assert PinholeCamera() == (256.0, 0.0, 0.0, 6.0)
    seen = torch.tensor([[1.0, 1.0, 0.0]])
    points = torch.tensor([[[10.0, 0.0], [30.0, 10.0], [99.0, 99.0]]])
    inside = torch.tensor([[[0.0, 0.25], [1.0, 0.75], [0.5, 0.5]]])
    torch.testing.assert_close(normalize_keypoints(points, seen), inside)
