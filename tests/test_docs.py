"""What the documentation shows must run as it is written."""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

import pytest
import torch
import yaml
from forks import in_a_fork

import lsr1_pl
from lsr1_pl.body import PinholeCamera, load_body_model, normalize_keypoints
from lsr1_pl.body.calibrated import project_calibrated
from lsr1_pl.body.skeleton import COCO18, LANDMARKS, PARENTS, SMPL_JOINTS
from lsr1_pl.cli import main
from lsr1_pl.cli.completion import offer
from lsr1_pl.cli.configs import packaged_configs
from lsr1_pl.hmr.evaluation.protocols import H36M14
from lsr1_pl.hmr.fitting.prediction import LEAST_KEYPOINTS, Prediction
from lsr1_pl.hmr.losses import EVALUATED_KEYPOINTS
from lsr1_pl.optim.minimize import Status
from lsr1_pl.pretrained import shipped
from lsr1_pl.report.wandb.panels import CURVES, PANELS

DOCS = Path(__file__).parents[1] / "docs"
MKDOCS = DOCS.parent / "mkdocs.yml"
WORDS = offer().words


def blocks(page: str, language: str) -> list[str]:
    text = (DOCS / page).read_text(encoding="utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def in_turn(folder: Path, *parts: list[str] | str) -> str:
    """What commands and programs print that are started in ``folder``, one after the other.

    All run in one fork, as the start of a process takes longer than a command. Each finds the path
    as the installed script has it, without the folder that ``python -m`` would add, and none of
    the modules of ``folder``.
    """

    def run() -> int:
        path, own = [each for each in sys.path if each], {file.stem for file in Path().glob("*.py")}
        for part in parts:
            sys.path[:] = path
            for name in own:
                sys.modules.pop(name, None)
            if isinstance(part, str):
                exec(part, {})
            elif code := main(part):
                return code
        return 0

    done = in_a_fork(run, folder)
    assert done.code == 0, done.err
    return done.out


def as_installed(folder: Path, words: list[str]) -> None:
    """Run a command in ``folder`` in a new process, as the installed script does."""
    code = "import sys; from lsr1_pl.cli import main; sys.path.remove(''); "
    code += "sys.exit(main(sys.argv[1:]))"
    done = subprocess.run(
        [sys.executable, "-c", code, *words],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def commands_of(page: str) -> list[list[str]]:
    """The words of the commands of a page, each without its first, ``lsr1``."""
    (commands,) = blocks(page, "sh")
    lines = [line.split() for line in commands.strip().splitlines()]
    assert all(words[0] == "lsr1" for words in lines)
    return [words[1:] for words in lines]


def test_a_task_of_ones_own(tmp_path: Path) -> None:
    (code,) = blocks("your_own_task.md", "python")
    config, evolved = blocks("your_own_task.md", "yaml")
    (tmp_path / "circles.py").write_text(code, encoding="utf-8")
    (tmp_path / "circles.yaml").write_text(config, encoding="utf-8")
    (tmp_path / "evolved.yaml").write_text(evolved, encoding="utf-8")
    fit, test = commands_of("your_own_task.md")
    fit += ["--trainer.max_steps", "20", "--trainer.val_check_interval", "10"]
    general = ["fit", "--config", "lsr1_general.yaml", "--config", "evolved.yaml"]
    general += ["--name", "evolved", "--trainer.max_steps", "1", "--data.init_args.batch_size", "2"]
    as_installed(tmp_path, fit)
    assert "L-BFGS" in in_turn(tmp_path, test, general)
    assert (tmp_path / "runs/evolved/version_0/checkpoints/last.ckpt").is_file()
    best = tmp_path / "runs/circles/version_0/checkpoints/best.ckpt"
    optimizer = lsr1_pl.load_pretrained(best)
    assert sum(p.numel() for p in optimizer.parameters()) > 0


def test_a_learned_optimiser_of_ones_own(tmp_path: Path) -> None:
    (code,) = blocks("your_own_optimizer.md", "python")
    (config,) = blocks("your_own_optimizer.md", "yaml")
    (tmp_path / "momentum.py").write_text(code, encoding="utf-8")
    (tmp_path / "momentum.yaml").write_text(config, encoding="utf-8")
    short = ["--trainer.max_steps", "2", "--trainer.val_check_interval", "2"]
    commands = [
        [word.replace("0,1,2", "0,1") for word in words] + (short if words[0] == "fit" else [])
        for words in commands_of("your_own_optimizer.md")
    ]
    in_turn(tmp_path, *commands)
    assert "LearnedMomentum" in (tmp_path / "compared/results.csv").read_text(encoding="utf-8")
    assert (tmp_path / "compared/test.pdf").is_file()


def test_a_family_of_problems_of_ones_own(tmp_path: Path) -> None:
    family, use = blocks("your_own_problems.md", "python")
    (config,) = blocks("your_own_problems.md", "yaml")
    fit, test = commands_of("your_own_problems.md")
    (tmp_path / "mine.py").write_text(family, encoding="utf-8")
    # The same parts for a shorter time.
    short = yaml.safe_load(config)
    short["model"]["init_args"]["phases"] = {
        "start_iterations": 20,
        "metric_iterations": 20,
        "solved": 64,
        "solve_steps": 10,
    }
    short["model"]["init_args"]["unroll"] = {"steps": 2}
    short["trainer"].update(max_steps=41, val_check_interval=41)
    short["data"]["init_args"].update(batch_size=16, evaluation_count=8)
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(short), encoding="utf-8")
    # A program that is started in a folder finds the modules of the folder.
    printed = in_turn(tmp_path, fit, test, f"import sys; sys.path.insert(0, '')\n{use}")
    assert "L-BFGS" in printed
    assert "tensor" in printed
    optimizer = lsr1_pl.load_pretrained(tmp_path / "runs/mine")
    assert type(optimizer).__name__ == "FamilyOptimizer"
    assert (optimizer.variables, optimizer.features) == (4, 24)


def test_every_panel_of_the_dashboard_is_explained() -> None:
    text = (DOCS / "dashboards.md").read_text(encoding="utf-8")
    keys = {f"{p.section}/{CURVES}/..." if p.kind == "chart" else p.key for p in PANELS}
    assert [key for key in sorted(keys) if f"`{key}`" not in text] == []


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


def test_landmarks_and_statuses_of_the_conventions() -> None:
    text = (DOCS / "conventions.md").read_text(encoding="utf-8")
    landmarks = re.search(r"21 landmarks: ([\w,\s]+)\.", text)
    assert landmarks is not None
    assert tuple(re.split(r",\s+", landmarks.group(1))) == LANDMARKS
    statuses = text.split("## Statuses")[1].split("\n## ")[0]
    assert re.findall(r"^\| (\d) \|", statuses, re.MULTILINE) == ["0", "1", "2"]
    assert f"fewer than {LEAST_KEYPOINTS} visible" in statuses
    assert re.findall(r"^\| `(\w+)` \| [^|]", statuses, re.MULTILINE) == [s.value for s in Status]
    assert "status" in Prediction._fields


def test_camera_of_a_prediction_is_that_of_a_fit() -> None:
    points = 0.3 * torch.randn(3, 18, 3, generator=torch.Generator().manual_seed(0))
    intrinsics = torch.tensor([[256.0, 256.0, 3.0, 4.0]]).expand(3, 4)
    translation = torch.tensor([[0.0, 0.0, 6.0]]).expand(3, 3)
    seen = project_calibrated(points, translation, intrinsics)
    torch.testing.assert_close(seen, PinholeCamera(256.0, 3.0, 4.0, 6.0).project(points))


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


SHORTER = {
    "fit": [
        "--trainer.val_check_interval=10",
        "--data.init_args.batch_size=4",
        "--data.init_args.evaluation_count=3",
        "--model.init_args.steps=2",
        "--model.init_args.test_steps=2",
        "--model.init_args.test_buffer_sizes=[1]",
        "--model.init_args.optimizer.init_args.networks.width=8",
    ],
    "predict": ["--steps=2"],
}
"""Flags that make the quickstart's commands take a second each."""


def test_quickstart_runs_from_top_to_bottom(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    text = (DOCS / "quickstart.md").read_text(encoding="utf-8")
    for language, block in re.findall(r"```(python|sh)\n(.*?)```", text, re.DOTALL):
        if language == "python":
            exec(compile(block, "quickstart.md", "exec"), {})
            continue
        for line in block.strip().splitlines():
            command, *words = line.split()
            assert command == "lsr1"
            words = [str(int(w) // 20) if w in ("200", "400") else w for w in words]
            assert main([*words, *SHORTER.get(words[0], [])]) == 0, capsys.readouterr().err
    run = tmp_path / "runs/quadratics"
    assert (run / "version_0/metrics.csv").is_file()
    last = torch.load(run / "version_0/checkpoints/last.ckpt", weights_only=True)
    assert last["global_step"] == 20
    assert not (run / "version_1").exists()
    assert list((run / "test/version_0").glob("curves.csv"))
    for name in ("predictions.npz", "index.html", "person_00.glb"):
        assert (tmp_path / "fits" / name).is_file()


def test_python_of_the_pages_runs() -> None:
    pages = {page: blocks(page, "python") for page in ("data.md", "extending.md", "minimize.md")}
    assert all(pages.values())
    # This one is a program from top to bottom; the blocks of the others stand alone.
    pages["minimize.md"] = ["\n".join(pages["minimize.md"])]

    def run() -> int:
        for page, programs in pages.items():
            for program in programs:
                exec(compile(program, page, "exec"), {"__name__": "__main__"})
        return 0

    # In a process of their own: a class that a page defines would stay among the known parts.
    done = in_a_fork(run, Path.cwd())
    assert done.code == 0, done.err


def test_every_config_is_described() -> None:
    text = (DOCS / "configs.md").read_text(encoding="utf-8")
    table = text.split("\n## ")[0]
    rows = re.findall(r"^\| `(\w+\.yaml)` \|(.*)\|$", table, re.MULTILINE)
    configs = {path.name: path for path in packaged_configs().glob("*.yaml")}
    assert sorted(name for name, _ in rows) == sorted(configs)
    made = []
    for name, row in rows:
        content = yaml.safe_load(configs[name].read_text(encoding="utf-8"))
        *_, iterations, _, checkpoint = (cell.strip() for cell in row.split("|"))
        assert iterations.startswith(f"{content['trainer']['max_steps']:,}"), name
        made += [] if checkpoint == "none" else [checkpoint.strip("`")]
    assert sorted(made) == shipped()


def test_commands_page_shows_every_help() -> None:
    text = (DOCS / "commands.md").read_text(encoding="utf-8")
    shown = set(re.findall(r"^<!-- help: ?(.*?) ?-->$", text, re.MULTILINE))
    # What only leads on to other verbs, and what is said to take the same, needs no place.
    assert set(offer().words) - shown == {"validate", "data", "data convert"}
    assert shown <= set(offer().words)


def test_every_help_comes_with_an_example_of_its_verb() -> None:
    text = (DOCS / "commands.md").read_text(encoding="utf-8")
    rooms = re.split(r"^##+ ", text, flags=re.MULTILINE)[1:]
    for verb in re.findall(r"^<!-- help: (.+) -->$", text, re.MULTILINE):
        (room,) = (room for room in rooms if f"<!-- help: {verb} -->" in room)
        (example, *_) = re.findall(r"^    (.+)$", room.split("<!--")[0], re.MULTILINE) or [""]
        assert f"lsr1 {verb}" in example
        flags = set(re.findall(r" (--\w+) ", f"{example} "))
        assert flags <= set(offer().words[verb]), example


def test_every_study_and_every_kept_run_is_among_the_results() -> None:
    text = (DOCS / "results.md").read_text(encoding="utf-8")
    studies = [verb for verb in offer().words if verb.startswith("bench ")]
    assert studies
    assert [verb for verb in studies if f"| `lsr1 {verb}` |" not in text] == []
    kept = [path.relative_to(DOCS).as_posix() for path in (DOCS / "results").glob("*/*.*")]
    assert [path for path in kept if path[-4:] != ".csv" and f"]({path})" not in text] == []


def test_every_config_stands_among_the_departures() -> None:
    text = (DOCS / "configs.md").read_text(encoding="utf-8")
    table = text.split("## Where they leave the paper")[1].split("\n## ")[0]
    patterns = re.findall(r"`([\w*]+\.yaml)`", table)
    names = [path.name for path in packaged_configs().glob("*.yaml")]
    assert [n for n in names if not any(fnmatch(n, pattern) for pattern in patterns)] == []
    assert [p for p in patterns if not any(fnmatch(name, p) for name in names)] == []


PAGES = runpy.run_path(str(DOCS.parent / "tools/pages.py"))
HOOKS = runpy.run_path(str(DOCS.parent / "tools/site_hooks.py"))


def test_no_page_is_stale() -> None:
    stale = [page.name for page in PAGES["pages"]() if PAGES["is_stale"](page)]
    assert stale == [], "make pages"


def test_a_stale_page_is_found_and_mended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "docs/some.md"
    page.parent.mkdir()
    page.write_text("# T\n\n<!-- help: export -->\nSTALE\n<!-- end -->\n\nmine\n", encoding="utf-8")
    main_of_pages = PAGES["main"]
    monkeypatch.setitem(main_of_pages.__globals__, "DOCS", page.parent)
    monkeypatch.setitem(main_of_pages.__globals__, "ROOT", tmp_path)
    assert main_of_pages(["--check"]) == 1
    assert "STALE" in page.read_text(encoding="utf-8")
    assert main_of_pages([]) == 0
    text = page.read_text(encoding="utf-8")
    assert "usage: lsr1 export" in text
    assert "STALE" not in text
    assert text.endswith("<!-- end -->\n\nmine\n")
    assert main_of_pages(["--check"]) == 0
    assert capsys.readouterr().out == (
        "docs/some.md is stale: make pages\ndocs/some.md is written anew\n"
    )


def test_what_a_page_can_show() -> None:
    made = PAGES["made"]
    assert "learned symmetric-rank-one" in made("help", "", DOCS)
    assert "\n### lsr1_general\n" in made("cards", "", DOCS)
    assert "| `unroll` | Run `steps` iterations from `x0` (B, N). |" in made(
        "api", "lsr1_pl.optim", DOCS
    )
    assert made("api", "lsr1_pl.ground.errors.UserError", DOCS).count("\n") == 2
    moved = PAGES["with_links"]("[a](b.md#c) [d](https://e.f)", DOCS.parent, DOCS / "api")
    assert moved == "[a](../../b.md#c) [d](https://e.f)\n"


def test_the_site_has_the_whole_api_and_no_link_out_of_itself() -> None:
    for_site = HOOKS["for_site"]
    assert for_site("[`a.py`](../examples/a.py) [b](c.md)", "x.md") == "`a.py` [b](c.md)"
    assert for_site("[a](../x.md) ![p](../../p.png)", "results/y.md") == "[a](../x.md) p"
    api = for_site((DOCS / "api/index.md").read_text(encoding="utf-8"), "api/index.md")
    assert "::: lsr1_pl.ground.types\n    options:\n      heading_level: 3" in api
    assert "show_root_heading: true" in api.split("::: lsr1_pl.ground.errors.UserError")[1]
    for page in DOCS.rglob("*.md"):
        text = page.read_text(encoding="utf-8")
        uri = page.relative_to(DOCS).as_posix()
        assert "<!-- " not in for_site(text, uri), page
        assert ":::" not in text, f"{page}: on GitHub this is a placeholder"


def test_the_paths_that_pages_name_exist() -> None:
    root = DOCS.parent
    rooms = "lsr1_pl|tests|tools|examples|configs"
    for page in (root / "README.md", root / "CONTRIBUTING.md", *DOCS.rglob("*.md")):
        text = page.read_text(encoding="utf-8")
        named = re.findall(rf"(?<![\w/.])((?:{rooms})/[\w./-]*\w)", text)
        assert [path for path in named if not (root / path).exists()] == [], page


def test_every_page_is_in_the_menu_and_every_link_leads_somewhere() -> None:
    menu = set(
        re.findall(
            r"^ +- (?:\w+: )?([\w/]+\.md)$", MKDOCS.read_text(encoding="utf-8"), re.MULTILINE
        )
    )
    pages = {page.relative_to(DOCS).as_posix(): page for page in DOCS.rglob("*.md")}
    assert set(pages) <= menu
    assert menu - set(pages) <= {"dashboards.md", "promises.md", "scaling.md"}
    for name, page in pages.items():
        for link in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8")):
            assert "://" in link or (page.parent / link).exists(), f"{name}: {link}"
