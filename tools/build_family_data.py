"""Make the tables and images that the families of problems draw from.

    pip install scikit-learn scikit-image
    python tools/build_family_data.py

It writes diabetes.npz and camera.npz into lsr1_pl/objectives/families/assets/; NOTICE says whence
they come.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

ASSETS = Path(__file__).parents[1] / "lsr1_pl" / "objectives" / "families" / "assets"


def main() -> None:
    """Write both files."""
    from skimage.data import camera  # type: ignore[import-not-found, unused-ignore]
    from sklearn.datasets import load_diabetes  # type: ignore[import-not-found, unused-ignore]

    from lsr1_pl.ground.files import written

    table, target = load_diabetes(return_X_y=True, scaled=False)
    # The rows lie in no order that is known; a fixed shuffle makes every part like the whole.
    order = np.random.default_rng(0).permutation(len(table))
    columns = {"inputs": table[order].astype(np.float32), "targets": target[order].astype(np.int16)}
    pixels = camera().astype(np.float64).reshape(256, 2, 256, 2).mean(axis=(1, 3))
    image = {"pixels": pixels.round().astype(np.uint8)}
    for name, arrays in (("diabetes", columns), ("camera", image)):
        with written(ASSETS / f"{name}.npz") as partial, partial.open("wb") as file:
            np.savez_compressed(file, **arrays)


if __name__ == "__main__":
    main()
