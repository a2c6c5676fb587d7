"""What makes L-SR1's networks fast changes no result."""

from __future__ import annotations

from functools import partial

import pytest
import torch

from lsr1_pl.ground.errors import UserError
from lsr1_pl.objectives import DiagonalQuadratic
from lsr1_pl.optim import LSR1, unroll
from lsr1_pl.optim.lsr1.networks import PReLU


def test_prelu_is_torchs() -> None:
    rows = torch.randn(7, 3, dtype=torch.float64, requires_grad=True)
    ours, theirs = PReLU().double(), torch.nn.PReLU().double()
    found = [
        torch.autograd.grad(prelu(rows).square().sum(), (rows, prelu.weight))
        for prelu in (ours, theirs)
    ]
    torch.testing.assert_close(ours(rows), theirs(rows))
    torch.testing.assert_close(*found)
    torch.autograd.gradgradcheck(ours, (rows,))


# torch.compile itself looks at .grad of every tensor that it is given.
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor:UserWarning")
def test_compiled_steps_are_the_plain_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    # What is traced is tested here; the default backend's code takes minutes to make.
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="aot_eager"))
    torch.manual_seed(0)
    plain = LSR1(hidden_dim=8, buffer_size=2).double()
    compiled = LSR1(hidden_dim=8, buffer_size=2, compiled=True).double()
    compiled.load_state_dict(plain.state_dict())
    x0 = torch.randn(3, 4, dtype=torch.float64)
    losses = []
    for optimizer in (plain, compiled):
        path = unroll(optimizer, DiagonalQuadratic(10.0), x0, 4)
        losses.append(path.values.mean() + path.secant_residuals.mean())
        losses[-1].backward()
    torch.testing.assert_close(losses[1], losses[0], rtol=1e-10, atol=0)
    for ours, theirs in zip(compiled.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-9, atol=1e-10)
    with torch.no_grad():
        paths = [unroll(each.eval(), DiagonalQuadratic(10.0), x0, 3) for each in (plain, compiled)]
    torch.testing.assert_close(paths[1].iterates, paths[0].iterates)


def test_a_mode_of_the_compiler_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    monkeypatch.setattr(torch, "compile", lambda step, **options: asked.append(options) or step)
    for compiled in (False, True, "reduce-overhead", "max-autotune"):
        LSR1(hidden_dim=4, compiled=compiled)
    assert asked == [{"mode": None}, {"mode": "reduce-overhead"}, {"mode": "max-autotune"}]
    with pytest.raises(UserError, match=r"compiled is 'faster'; .*reduce-overhead"):
        LSR1(hidden_dim=4, compiled="faster")  # type: ignore[arg-type]
