"""The body against smplx on the same arrays, in values and derivatives."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from lsr1_pl.body import BodyModel, load_body_model, model
from lsr1_pl.body.skeleton import COCO18, COCO18_INDICES, JOINTS45, LANDMARKS

DTYPES = [torch.float32, torch.float64]
Arrays = dict[str, NDArray[np.generic]]
Write = Callable[[Arrays], Path]


@pytest.fixture(params=["open", "small"])
def source(
    request: pytest.FixtureRequest,
    small_body_arrays: Arrays,
    write_body: Write,
) -> str | Path:
    return "open" if request.param == "open" else write_body(small_body_arrays)


def some_bodies(model: BodyModel, count: int = 4, *, requires_grad: bool = False) -> list[Tensor]:
    generator = torch.Generator().manual_seed(1)
    dtype = model.weights.dtype
    pose = 0.6 * torch.randn(count, 72, generator=generator, dtype=torch.float64)
    betas = torch.randn(count, model.num_betas, generator=generator, dtype=torch.float64)
    return [x.to(dtype).requires_grad_(requires_grad) for x in (pose, betas)]


def of_smplx(model: BodyModel, pose: Tensor, betas: Tensor) -> tuple[Tensor, Tensor]:
    output = model.to_smplx()(
        global_orient=pose[:, :3],
        body_pose=pose[:, 3:],
        betas=betas,
        transl=pose.new_zeros(len(pose), 3),
    )
    return output.joints, output.vertices


@pytest.mark.parametrize("dtype", DTYPES)
def test_values_equal_smplx(source: str | Path, dtype: torch.dtype) -> None:
    model = load_body_model(source, dtype=dtype)
    inputs = some_bodies(model)
    joints, vertices = of_smplx(model, *inputs)
    torch.testing.assert_close(model.joints(*inputs), joints, rtol=0, atol=1e-5)
    torch.testing.assert_close(model.vertices(*inputs), vertices, rtol=0, atol=1e-5)
    selected = model.select(COCO18)(*inputs)
    torch.testing.assert_close(selected, joints[:, list(COCO18_INDICES)], rtol=0, atol=1e-5)


@pytest.mark.parametrize("dtype", DTYPES)
def test_gradients_equal_smplx(source: str | Path, dtype: torch.dtype) -> None:
    model = load_body_model(source, dtype=dtype)
    inputs = some_bodies(model, requires_grad=True)
    joints, vertices = of_smplx(model, *inputs)
    generator = torch.Generator().manual_seed(2)
    for ours, theirs in (
        (model.joints(*inputs), joints),
        (model.vertices(*inputs), vertices),
        (model.select(COCO18)(*inputs), joints[:, list(COCO18_INDICES)]),
    ):
        # A mean, so that the tolerance means the same for 18 joints and for a mesh.
        direction = torch.randn(theirs.shape, generator=generator, dtype=torch.float64).to(dtype)
        direction = direction / theirs[0].numel() ** 0.5
        got = torch.autograd.grad((ours * direction).sum(), inputs)
        expected = torch.autograd.grad((theirs * direction).sum(), inputs, retain_graph=True)
        for one, other in zip(got, expected, strict=True):
            torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-5)


def test_second_derivatives_equal_smplx(source: str | Path) -> None:
    model = load_body_model(source, dtype=torch.float64)
    inputs = some_bodies(model, count=2, requires_grad=True)
    results = []
    for joints in (model.joints(*inputs), of_smplx(model, *inputs)[0]):
        first = torch.autograd.grad(joints.square().sum(), inputs, create_graph=True)
        results.append(
            torch.autograd.grad(first[0].square().sum() + first[1].square().sum(), inputs)
        )
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-5)


def test_derivatives_are_right_at_the_zero_pose(
    small_body_arrays: Arrays, write_body: Write
) -> None:
    model = load_body_model(write_body(small_body_arrays), dtype=torch.float64, num_betas=2)
    selection = model.select(["nose", "left_wrist"])
    pose = torch.zeros(1, 72, dtype=torch.float64, requires_grad=True)
    betas = torch.zeros(1, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(selection, (pose, betas))
    assert torch.autograd.gradgradcheck(selection, (pose, betas))


def test_bodies_do_not_depend_on_their_neighbours() -> None:
    model = load_body_model(dtype=torch.float64)
    pose, betas = some_bodies(model)
    whole = model.joints(pose, betas)
    for row in range(len(pose)):
        alone = model.joints(pose[row : row + 1], betas[row : row + 1])
        torch.testing.assert_close(alone[0], whole[row], rtol=0, atol=1e-14)


def test_a_mesh_does_not_depend_on_how_it_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    body = load_body_model("open", dtype=torch.float64)
    pose, betas = torch.randn(3, 72).double(), torch.randn(3, 10).double()
    whole = body.vertices(pose, betas)
    monkeypatch.setattr(model, "_SKINNED", 3000)
    torch.testing.assert_close(body.vertices(pose, betas), whole, rtol=0, atol=1e-12)
    assert body.vertices(pose[:0], betas[:0]).shape == (0, *whole.shape[1:])


def test_selections_are_in_the_order_asked_for() -> None:
    model = load_body_model(dtype=torch.float64)
    inputs = some_bodies(model)
    names = ["LHeel", "left_hand", "nose", "pelvis", "LHeel", "rpinky"]
    expected = model.joints(*inputs)[:, [JOINTS45.index(name) for name in names]]
    torch.testing.assert_close(model.select(names)(*inputs), expected, rtol=0, atol=1e-14)


def test_a_selection_turns_only_what_it_needs() -> None:
    model = load_body_model()
    chain = model.select(["left_wrist"]).chain
    assert len(chain.joints) == 8
    # Everything above the wrist turns it; its own rotation does not move it.
    assert len(chain.rotating) == 7


def test_joints_that_nothing_turns(source: str | Path) -> None:
    model = load_body_model(source, dtype=torch.float64)
    pose, betas = some_bodies(model)
    for names in (["pelvis"], ["left_hip", "pelvis"]):
        expected = model.joints(pose, betas)[:, [JOINTS45.index(name) for name in names]]
        torch.testing.assert_close(model.select(names)(pose, betas), expected)


def test_unknown_joint_is_named() -> None:
    with pytest.raises(ValueError, match="left_toe"):
        load_body_model().select(["nose", "left_toe"])


@pytest.mark.parametrize("dtype", DTYPES)
def test_regressed_joints_equal_the_regressed_mesh(source: str | Path, dtype: torch.dtype) -> None:
    model = load_body_model(source, dtype=dtype)
    inputs = some_bodies(model, requires_grad=True)
    rng = np.random.default_rng(0)
    regressor = np.zeros((17, model.num_vertices))
    for row in regressor:
        # Some coefficients of published regressors are negative.
        row[rng.integers(0, model.num_vertices, 12)] = rng.normal(0.2, 0.4, 12)
        row /= row.sum()
    ours = model.regressed(regressor)(*inputs)
    expected = torch.tensor(regressor, dtype=dtype) @ model.vertices(*inputs)
    torch.testing.assert_close(ours, expected, rtol=0, atol=1e-5)
    for one, other in zip(
        torch.autograd.grad(ours.sum(), inputs),
        torch.autograd.grad(expected.sum(), inputs),
        strict=True,
    ):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)


def test_regressor_of_another_mesh_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\(17, 6890\).*expected \(R, "):
        load_body_model().regressed(torch.zeros(17, 6890))


def test_rest_joints_are_the_regressed_rest_mesh() -> None:
    model = load_body_model(dtype=torch.float64)
    pose, betas = some_bodies(model)
    mesh = model.vertices(torch.zeros_like(pose), betas)
    expected = torch.tensor(model._data.J_regressor) @ mesh
    torch.testing.assert_close(model.rest_joints(betas), expected)
    torch.testing.assert_close(model.joints(torch.zeros_like(pose), betas)[:, :24], expected)


def test_wrong_shapes_are_named() -> None:
    model = load_body_model()
    for pose, betas in ((69, 10), (72, 9)):
        for function in (model.joints, model.vertices, model.select(["nose"])):
            with pytest.raises(ValueError, match=rf"\(2, {pose}\).*\(2, {betas}\)"):
                function(torch.zeros(2, pose), torch.zeros(2, betas))


def test_nothing_to_train_and_nothing_to_save() -> None:
    model = load_body_model()
    assert not list(model.parameters())
    assert not model.state_dict()
    assert not model.select(COCO18).state_dict()


def test_a_moved_model_selects_in_its_own_dtype() -> None:
    model = load_body_model().double()
    inputs = some_bodies(model)
    assert model.select(["nose"])(*inputs).dtype == torch.float64
    assert model.regressed(torch.ones(1, model.num_vertices))(*inputs).dtype == torch.float64


def test_to_smplx_is_frozen_and_whole(
    source: str | Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = load_body_model(source, num_betas=9, dtype=torch.float64)
    body = model.to_smplx()
    assert capsys.readouterr().out == ""
    assert not any(parameter.requires_grad for parameter in body.parameters())
    assert body.num_betas == 9
    np.testing.assert_array_equal(body.faces, model.faces.numpy())


def test_more_than_ten_betas_reach_smplx(small_body_arrays: Arrays, write_body: Write) -> None:
    model = load_body_model(write_body(small_body_arrays), num_betas=12, dtype=torch.float64)
    pose, betas = some_bodies(model)
    joints, _ = of_smplx(model, pose, betas)
    torch.testing.assert_close(model.joints(pose, betas), joints, rtol=0, atol=1e-5)


def test_the_open_body_stands_as_documented() -> None:
    model = load_body_model()
    joints = model.joints(torch.zeros(1, 72), torch.zeros(1, model.num_betas))[0]
    place = {name: joints[JOINTS45.index(name)] for name in JOINTS45}
    assert place["head"][1] > place["pelvis"][1] > place["left_ankle"][1]
    assert place["nose"][2] > place["neck"][2]
    assert place["LBigToe"][2] > place["LHeel"][2]
    for name in ("hip", "shoulder", "wrist", "ankle"):
        assert place[f"left_{name}"][0] > 0 > place[f"right_{name}"][0]
    for name in LANDMARKS[1:]:
        if name[0] in "lL":
            assert place[name][0] > 0, name
