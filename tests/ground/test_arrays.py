"""An npy is written whole, or an error says that it was not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from lsr1_pl.ground.arrays import load_npy, save_npy


@pytest.mark.parametrize(
    "array",
    [np.zeros((0, 82), np.float32), np.arange(12.0).reshape(3, 4).T, np.array(3), np.array(["a"])],
    ids=["empty", "transposed", "scalar", "text"],
)
def test_it_is_what_numpy_writes(array: np.ndarray, tmp_path: Path) -> None:
    save_npy(tmp_path / "ours.npy", array)
    np.save(tmp_path / "numpys.npy", np.ascontiguousarray(array))
    assert (tmp_path / "ours.npy").read_bytes() == (tmp_path / "numpys.npy").read_bytes()
    np.testing.assert_array_equal(load_npy(tmp_path / "ours.npy"), np.ascontiguousarray(array))


@pytest.mark.parametrize("room", [1, 127, 128, 500, 4095, 8127])
def test_no_byte_is_lost_in_silence(room: int, tmp_path: Path) -> None:
    code = (
        "import resource, sys; from pathlib import Path; import numpy as np\n"
        "from lsr1_pl.ground.arrays import save_npy\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]),) * 2)\n"
        "try: save_npy(Path(sys.argv[1]), np.zeros(1000))\n"
        "except OSError: print('raised')"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "a.npy"), str(room)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "raised\n"
