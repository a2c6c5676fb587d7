"""The house: which room may import which, what must work alone, and what nobody may call."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import lsr1_pl

PACKAGE = Path(lsr1_pl.__file__).parent
ROOT = PACKAGE.parent
ROOMS = sorted(path.name for path in PACKAGE.iterdir() if (path / "__init__.py").is_file())
SOURCES = sorted([*PACKAGE.rglob("*.py"), *(ROOT / "tools").rglob("*.py")])


def test_rooms_import_only_from_lower_floors() -> None:
    # In a process of its own: the linter's import graph should not see what pytest loaded.
    code = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports())"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_room_stands_on_a_floor() -> None:
    contract = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    layers = contract.split("layers = [")[1].split("]")[0]
    assert [room for room in ROOMS if f"lsr1_pl.{room}" not in layers] == []


@pytest.mark.parametrize("room", ROOMS)
def test_every_room_names_its_public_face(room: str) -> None:
    tree = ast.parse((PACKAGE / room / "__init__.py").read_text(encoding="utf-8"))
    assigned = {
        target.id
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    assert "__all__" in assigned


def test_optimisers_and_objectives_need_torch_alone() -> None:
    code = (
        "import sys, lsr1_pl.optim, lsr1_pl.objectives;"
        "from lsr1_pl import LSR1;"
        "heavy = {'pytorch_lightning', 'torchmetrics', 'smplx', 'matplotlib', 'wandb', 'rich'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_only_comparisons_import_smplx() -> None:
    found = {
        str(path.relative_to(PACKAGE))
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if (isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "smplx")
        or (isinstance(node, ast.Import) and any(a.name.startswith("smplx") for a in node.names))
    }
    # Its licence is non-commercial, so that nobody should run it without having asked for it.
    assert found == {"body/model.py"}


def test_a_body_can_be_posed_without_smplx() -> None:
    code = (
        "import sys; sys.modules['smplx'] = None\n"
        "import torch; from lsr1_pl.body import load_body_model\n"
        "print(load_body_model('open').joints(torch.zeros(1, 72), torch.zeros(1, 10)).shape[1])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "45"


def test_minimize_needs_torch_and_small_packages_alone() -> None:
    code = (
        "import sys\n"
        "for name in ('pytorch_lightning', 'torchmetrics', 'smplx', 'matplotlib', 'wandb', 'rich',"
        " 'scipy', 'sklearn', 'jsonargparse', 'jinja2', 'pygltflib', 'PIL'):\n"
        "    sys.modules[name] = None\n"
        "import torch, lsr1_pl\n"
        "print(lsr1_pl.minimize(lambda x: (x**2).sum(-1), torch.ones(1, 3)).status[0])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "Status.CONVERGED"


def _calls(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            yield f"{ast.unparse(node.func.value)}.{node.func.attr}", node
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield node.func.id, node


def _is_forbidden(name: str, call: ast.Call) -> bool:
    given = {word.arg: ast.unparse(word.value) for word in call.keywords}
    if given.get("allow_pickle", "False") != "False":
        return True
    if name.split(".")[0] in ("pickle", "dill", "joblib") and name.endswith((".load", ".loads")):
        return True
    if name == "torch.load":
        return given.get("weights_only") != "True"
    return name in ("eval", "exec", "os.system", "yaml.load", "yaml.unsafe_load")


def test_nothing_read_can_run_code() -> None:
    assert len(SOURCES) > 20
    found = [
        f"{path.relative_to(ROOT)}:{call.lineno}: {ast.unparse(call)}"
        for path in SOURCES
        for name, call in _calls(ast.parse(path.read_text(encoding="utf-8")))
        if _is_forbidden(name, call)
    ]
    assert found == []


def _is_hook(name: str) -> bool:
    owner, _, method = name.rpartition(".")
    steps = ("training_step", "validation_step", "test_step", "predict_step")
    return method in steps and owner != "super()"


def test_lightning_s_hooks_are_called_by_lightning_alone() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{call.lineno}: {ast.unparse(call)}"
        for path in SOURCES
        for name, call in _calls(ast.parse(path.read_text(encoding="utf-8")))
        if _is_hook(name)
    ]
    assert found == []
    assert [_is_hook(f"{owner}.predict_step") for owner in ("task", "super()")] == [True, False]


@pytest.mark.parametrize(
    "call",
    [
        "pickle.load(f)",
        "np.load(p, allow_pickle=True)",
        "torch.load(p)",
        "torch.load(p, weights_only=False)",
        "yaml.load(t)",
    ],
)
def test_the_search_for_forbidden_calls_finds_them(call: str) -> None:
    ((name, node),) = list(_calls(ast.parse(call)))
    assert _is_forbidden(name, node)


def _renames(tree: ast.AST) -> bool:
    names = [(name, len(call.args)) for name, call in _calls(tree)]
    # A path's method takes one argument; a text's replace takes two.
    return any(
        name in ("os.replace", "os.rename", "os.renames")
        or (name.endswith((".rename", ".replace")) and count == 1)
        for name, count in names
    )


def test_files_are_written_whole_in_one_way() -> None:
    found = {
        str(path.relative_to(ROOT))
        for path in PACKAGE.rglob("*.py")
        if _renames(ast.parse(path.read_text(encoding="utf-8")))
    }
    assert found == {"lsr1_pl/ground/files.py"}


@pytest.mark.parametrize("call", ["os.replace(a, b)", "os.rename(a, b)", "path.rename(b)"])
def test_the_search_for_renames_finds_them(call: str) -> None:
    assert _renames(ast.parse(call))
    assert not _renames(ast.parse("text.replace('a', 'b'); replace(x, y=1)"))


def test_no_folder_is_crowded() -> None:
    """A reader takes in about a dozen files at a glance; beyond, sub-folders show the subjects."""
    folders = [PACKAGE, *(path for path in PACKAGE.rglob("*") if path.is_dir())]
    crowded = {
        str(folder.relative_to(ROOT)): count
        for folder in folders
        if (count := len([file for file in folder.glob("*.py") if file.stem != "__init__"])) > 16
    }
    assert crowded == {}
