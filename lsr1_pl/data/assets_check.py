"""What a user's data folder holds: bodies, regressor and motion stores, each checked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from lsr1_pl.body.files import OPEN_BODY, read_body
from lsr1_pl.data.motion.open_motion import open_frames_path, open_motion_path
from lsr1_pl.data.motion.shards import sha256
from lsr1_pl.data.motion.store import MotionStore
from lsr1_pl.ground.arrays import load_npy, load_npz
from lsr1_pl.ground.errors import DAMAGED_ARRAYS, UserError
from lsr1_pl.ground.files import check_regular

Status = Literal["present", "missing", "broken"]
Kind = Literal["body", "regressor", "store"]


@dataclass(frozen=True)
class Asset:
    """Something that a config may need, and how a user gets it."""

    name: str
    path: Path
    kind: Kind
    owner: str = ""
    """Where its owner offers it."""
    licence: str = ""
    command: str = ""
    """What makes it of the owner's files."""


@dataclass(frozen=True)
class Finding:
    """What stands at an asset's path."""

    asset: Asset
    status: Status
    details: str


_SMPL = ("https://smpl.is.tue.mpg.de", "SMPL: research, non-commercial; register to download")
_AMASS = ("https://amass.is.tue.mpg.de", "AMASS: research, non-commercial; register to download")
_3DPW = ("https://virtualhumans.mpi-inf.mpg.de/3DPW", "3DPW: research, non-commercial")
_CMU = ("http://mocap.cs.cmu.edu", "CMU: free for all uses")


def known_assets(folder: Path) -> list[Asset]:
    """Every asset of the project, at its place under ``folder``; the embedded ones first."""
    assets = [
        Asset("open body", OPEN_BODY, "body"),
        Asset("open motion", open_motion_path(), "store"),
        Asset("open frames", open_frames_path(), "store"),
    ]
    convert = "lsr1 data convert"
    for gender in ("NEUTRAL", "FEMALE", "MALE"):
        path = folder / "smpl" / f"SMPL_{gender}.npz"
        command = f"{convert} smpl FOLDER_OF_PKL {path.parent}"
        assets.append(Asset(f"SMPL, {gender.lower()}", path, "body", *_SMPL, command))
    path = folder / "smpl" / "J_regressor_h36m.npy"
    assets.append(
        Asset(
            "H36M regressor",
            path,
            "regressor",
            "the data of https://github.com/nkolot/SPIN",
            "as SMPL",
            f"{convert} regressor J_regressor_h36m.npy {path.parent}",
        )
    )
    path = folder / "amass"
    command = f"{convert} amass FOLDER_OF_TAR_BZ2 {path}"
    assets.append(Asset("AMASS", path, "store", *_AMASS, command))
    for split in ("train", "validation", "test"):
        path = folder / "3dpw" / split
        command = f"{convert} 3dpw sequenceFiles {path.parent}"
        assets.append(Asset(f"3DPW, {split}", path, "store", *_3DPW, command))
    path = folder / "cmu"
    assets.append(Asset("CMU", path, "store", *_CMU, f"{convert} cmu FOLDER_OF_BVH {path}"))
    return assets


def examine(asset: Asset, *, verify: bool = False) -> Finding:
    """Look at an asset; with ``verify``, read a store's every byte against its checksums."""
    if not asset.path.exists():
        return Finding(asset, "missing", "")
    try:
        return Finding(asset, "present", _EXAMINERS[asset.kind](asset.path, verify))
    except UserError as error:
        return Finding(asset, "broken", str(error))


def _body(path: Path, verify: bool) -> str:
    body = read_body(path)
    more = load_npz(path, ("shapedirs", "source"))
    betas = more["shapedirs"].shape[2]
    source = f", of {more['source']}" if "source" in more else ""
    return f"{body.num_vertices} vertices, {betas} betas{source}, sha256 {sha256(path)[:12]}"


def _regressor(path: Path, verify: bool) -> str:
    check_regular(path)
    try:
        array = load_npy(path)
    except DAMAGED_ARRAYS as error:
        raise UserError(f"{path}: not a readable .npy file ({error}); convert it again") from None
    if array.shape != (17, 6890):
        raise UserError(f"{path}: shaped {array.shape}; expected (17, 6890); convert it again")
    return f"17 joints of 6890 vertices, sha256 {sha256(path)[:12]}"


def _store(path: Path, verify: bool) -> str:
    store = MotionStore(path)
    if verify:
        store.verify()
    checked = "checksums verified" if verify else "checksums not read"
    return f"{len(store.recordings)} recordings, {len(store)} rows, {checked}"


_EXAMINERS: dict[str, Callable[[Path, bool], str]] = {
    "body": _body,
    "regressor": _regressor,
    "store": _store,
}
