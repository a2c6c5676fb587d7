"""What is fuzzed: each reader with sound files of its kind, small ones."""

from __future__ import annotations

import bz2
import contextlib
import io
import json
import shutil
import struct
import sys
import tempfile
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
import yaml

sys.path.insert(0, str(Path(__file__).parents[1] / "data"))

from amass_files import archive, clip, npz, smplh, smplx
from bvh_files import CHANNELS, bvh_text
from legacy_pickles import chumpy, dumps, sparse
from threedpw_files import sequence

from lsr1_pl.bench.hmr.learned import Learned, find_learned
from lsr1_pl.bench.hmr.people import Errors
from lsr1_pl.body import load_body_model
from lsr1_pl.body.files import read_body
from lsr1_pl.body.skeleton import LANDMARKS, PARENTS
from lsr1_pl.cli import main as command
from lsr1_pl.cli.verbs import run_verb
from lsr1_pl.data import Motion, MotionStore, read_bvh, read_detections, write_store
from lsr1_pl.data.sources.amass import read_recording
from lsr1_pl.data.sources.amass_conversion import convert_amass
from lsr1_pl.data.sources.legacy_pickle import read_legacy_pickle
from lsr1_pl.data.sources.skeletons.built_in import BUILT_IN
from lsr1_pl.data.sources.skeletons.retarget import retarget
from lsr1_pl.data.sources.smpl import convert_regressor
from lsr1_pl.data.sources.threedpw import read_sequence
from lsr1_pl.optim import LSR1
from lsr1_pl.pretrained import CONFIG_KEY, load_pretrained, shipped_folder

VERTICES = 24


class Kind(NamedTuple):
    """One reader."""

    samples: list[bytes]
    file: str
    """The name of a changed sample in the reader's folder."""
    read: Callable[[Path], Any]
    """Of that folder."""
    beside: Path | None = None
    """What else lies there."""
    share: float = 1.0
    """Of the inputs that others get: slow ones get fewer."""
    pack: Callable[[bytes], bytes] = bytes
    """What a changed sample goes through before it is written: compression has a checksum."""


def _saved(arrays: dict[str, Any], compressed: bool = False) -> bytes:
    buffer = io.BytesIO()
    (np.savez_compressed if compressed else np.savez)(buffer, **arrays)
    return buffer.getvalue()


def _npy(array: np.ndarray[Any, Any]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def _body() -> dict[str, Any]:
    draw = np.random.default_rng(0)
    return {
        "v_template": draw.normal(size=(VERTICES, 3)),
        "shapedirs": draw.normal(size=(VERTICES, 3, 10)).astype(np.float32),
        "posedirs": np.zeros((VERTICES, 3, 207), np.float16),
        "J_regressor": draw.random((24, VERTICES)),
        "weights": draw.random((VERTICES, 24)),
        "kintree_table": np.stack([np.array(PARENTS), np.arange(24)]),
        "f": draw.integers(0, VERTICES, (9, 3)),
        "landmark_names": np.array(LANDMARKS),
        "landmark_vertex_ids": draw.integers(0, VERTICES, len(LANDMARKS)),
    }


def _detections() -> tuple[list[bytes], list[bytes]]:
    points = np.random.default_rng(0).uniform(0, 900, (3, 18, 2))
    arrays = {"keypoints": points, "confidence": np.ones((3, 18), np.float32)}
    flat = [float(x) for x in np.arange(75)]
    people = [{"people": [{"pose_keypoints_2d": flat[:size]}] * 2} for size in (75, 54)]
    entry = {"image_id": 7, "keypoints": flat[:51], "num_keypoints": 17}
    images = [{"id": 7, "file_name": "a/b.jpg"}]
    texts = [*people, {"images": images, "annotations": [entry, entry]}, [entry]]
    archives = [_saved(arrays), _saved(arrays, True), _saved({"keypoints": points.astype("f4")})]
    return archives, [json.dumps(text).encode() for text in texts]


def _errors(folder: Path) -> list[bytes]:
    place, states = ("clean", "test"), np.arange(3.0)
    errors = Errors(np.random.default_rng(0).uniform(20, 90, (3, 4)), np.ones((3, 4)), states)
    Learned("a", "L-SR1", None, 9, {place: errors}, {place: 0.5}).keep(folder)
    return [(folder / "a.npz").read_bytes()]


def _sequence(folder: Path) -> None:
    people = read_sequence(folder / "a.pkl")
    if not all(np.isfinite(np.float32(person.seen["joints"])).all() for person in people):
        raise AssertionError("a joint is not finite")


def _recording(folder: Path) -> None:
    with (folder / "a_poses.npz").open("rb") as file:
        read_recording(file, "a_poses.npz")


def _archive(folder: Path) -> None:
    target = folder / "out"
    shutil.rmtree(target, ignore_errors=True)
    convert_amass(folder / "source", target, workers=1)
    MotionStore(target).verify()


def _regressor(folder: Path) -> None:
    convert_regressor(folder / "J_regressor_h36m.npy", folder / "out")


def _store(folder: Path) -> None:
    store = MotionStore(folder / "store")
    store.poses(np.arange(min(len(store), 99)))
    store.verify()


_REST: list[Any] = []


def _motion(folder: Path) -> None:
    if not _REST:
        body = load_body_model("open", dtype=torch.float64)
        zero = torch.zeros(1, 72).double(), torch.zeros(1, 10).double()
        _REST.append(body.joints(*zero)[0, :24].detach().numpy())
    poses = retarget(read_bvh(folder / "a.bvh"), BUILT_IN["cmu"], _REST[0]).poses
    if not np.isfinite(poses).all():
        raise AssertionError("a pose is not finite")


def _command(folder: Path) -> None:
    """The whole of ``lsr1 test`` up to the made config."""
    quiet = io.StringIO()
    with contextlib.redirect_stdout(quiet), contextlib.redirect_stderr(quiet):
        code = command(["test", "--ckpt", str(folder / "exported"), "--print_config"])
    if code not in (0, 2):
        raise AssertionError(f"exit code {code}")


def _doctor(folder: Path) -> None:
    quiet = io.StringIO()
    with contextlib.redirect_stdout(quiet), contextlib.redirect_stderr(quiet):
        command(["doctor", "--config", str(folder / "a.yaml")])


def kinds(work: Path) -> dict[str, Kind]:
    """Every reader; ``work`` is an empty folder for what lies beside."""
    made = work / "made"
    made.mkdir(parents=True)
    archives, texts = _detections()
    walk = clip("walk")[:6]
    recordings = [npz(smplh(walk)), npz(smplx(walk)), _saved(smplh(walk), True)]
    members = {f"CMU/01/01_0{i}_poses.npz": recordings[i] for i in (0, 2)}
    tar = archive(made / "CMU.tar.bz2", members).read_bytes()
    tar = bz2.decompress(tar)
    store = work / "beside" / "store"
    motion = Motion("a", "a", clip("walk")[:9], fps=30.0, source_frames=9)
    write_store(store, [motion], source="test", licence="none")
    pickled = {"J": sparse(np.eye(4)[:, :3]), "v": chumpy(np.ones((2, 3))), "n": [1, "x", None]}
    people = {k: v if k == "betas" else _shortened(v) for k, v in sequence(1).items()}
    exported, checkpoint = _checkpoints(work / "trained")
    rows = np.random.default_rng(0).random((17, 6890)).astype(np.float32)
    bvh = bvh_text(np.random.default_rng(0).normal(0, 5, (3, CHANNELS))).encode()
    weights = (exported / "model.safetensors").read_bytes()
    config = (exported / "config.yaml").read_bytes()
    configs = [p.read_bytes() for p in sorted(shipped_folder().glob("*/config.yaml"))]
    beside, trained = work / "beside", work / "trained"
    load = {name: partial(_pretrained, name=name) for name in ("exported", "a.ckpt")}
    return {
        "body npz": Kind([_saved(_body()), _saved(_body(), True)], "a.npz", _read_body),
        "keypoints npz": Kind(archives, "a.npz", lambda f: read_detections(f / "a.npz")),
        "keypoints JSON": Kind(texts, "a.json", lambda f: read_detections(f / "a.json")),
        "AMASS npz": Kind(recordings, "a_poses.npz", _recording),
        "AMASS archive": Kind([tar], "source/CMU.tar.bz2", _archive, pack=bz2.compress),
        "store manifest": Kind(
            [(store / "manifest.json").read_bytes()], "store/manifest.json", _store, beside
        ),
        "store npy": Kind(
            [(store / "poses_00000.npy").read_bytes()], "store/poses_00000.npy", _store, beside
        ),
        "BVH": Kind([bvh], "a.bvh", _motion),
        "pickle": Kind([dumps(pickled)], "a.pkl", lambda f: read_legacy_pickle(f / "a.pkl")),
        "3DPW pickle": Kind([dumps(people)], "a.pkl", _sequence),
        "safetensors": Kind([weights], "exported/model.safetensors", load["exported"], trained),
        "exported YAML": Kind([config], "exported/config.yaml", load["exported"], trained),
        "config YAML": Kind(configs, "a.yaml", _doctor),
        "command": Kind([config], "exported/config.yaml", _command, trained, share=0.02),
        "checkpoint": Kind([checkpoint], "a.ckpt", load["a.ckpt"]),
        "offline W&B run": Kind(_offline_runs(), "run-a.wandb", _offline_run, pack=_checked),
        "kept errors": Kind(_errors(made), "a.npz", lambda f: find_learned(str(f / "a.npz"))),
        "regressor npy": Kind([_npy(rows / rows.sum(1, keepdims=True))], _REGRESSOR, _regressor),
    }


def _offline_runs() -> list[bytes]:
    """A run of few records, and one with records that cross W&B's blocks of 32 KiB."""
    from wandb.proto import wandb_internal_pb2

    messages: Any = wandb_internal_pb2
    records = [messages.Record() for _ in range(6)]
    for name, value in (("model", '{"steps": 4}'), ("seed", "7")):
        records[0].run.config.update.add(key=name, value_json=value)
    records[1].metric.name, records[1].metric.summary.min = "val/pa_mpjpe", True
    for name, value in (("train/meta_loss", "0.5"), ("val/pa_mpjpe", "71.25")):
        records[2].history.item.add(key=name, value_json=value)
    for nested, value in ((["media/fits", "count"], "3"), (["media/fits", "_type"], '"images"')):
        records[2].history.item.add(nested_key=nested, value_json=value)
    artifact = records[3].request.log_artifact.artifact
    artifact.type, artifact.metadata = "model", '{"score": 71.25}'
    artifact.manifest.contents.add(path="best.ckpt")
    records[4].CopyFrom(records[2])
    records[5].exit.exit_code = 0
    few = [record.SerializeToString() for record in records]
    long = messages.Record()
    for number in range(1500):
        long.history.item.add(key=f"val/value_step_{number}", value_json="0.125")
    return [_framed(few), _framed([*few[:3], long.SerializeToString(), *few[3:]])]


def _framed(records: list[bytes]) -> bytes:
    """As W&B writes them: in parts that do not cross a block, each with its checksum."""
    file = bytearray(b":W&B\xe1\xbe\x00")
    for record in records:
        first = True
        while first or record:
            left = 2**15 - len(file) % 2**15
            if left < 7:
                file += bytes(left)
                continue
            part, record = record[: left - 7], record[left - 7 :]
            kind = (1 if first else 4) if not record else 2 if first else 3
            file += _part(kind, part)
            first = False
    return bytes(file)


def _part(kind: int, part: bytes) -> bytes:
    return struct.pack("<IHB", zlib.crc32(bytes([kind]) + part), len(part), kind) + part


def _checked(content: bytes) -> bytes:
    """Three times in four with right checksums, so that what is behind them is read, too."""
    if zlib.crc32(content) % 4 == 0:
        return content
    file, position = bytearray(content), 7
    while position + 7 <= len(file):
        left = 2**15 - position % 2**15
        if left < 7:
            position += left
            continue
        _, length, kind = struct.unpack_from("<IHB", file, position)
        part = bytes(file[position + 7 : position + 7 + length])
        struct.pack_into("<I", file, position, zlib.crc32(bytes([kind]) + part))
        position += 7 + length
    return bytes(file)


def _offline_run(folder: Path) -> None:
    """The whole of ``lsr1 dashboard --check``."""
    quiet = io.StringIO()
    with contextlib.redirect_stdout(quiet):
        run_verb("dashboard", ["--check", str(folder / "run-a.wandb")])


_REGRESSOR = "J_regressor_h36m.npy"


def _read_body(folder: Path) -> None:
    read_body(folder / "a.npz")


def _pretrained(folder: Path, name: str) -> None:
    load_pretrained(folder / name)


def _shortened(value: Any) -> Any:
    """The first three frames."""
    if isinstance(value, list):
        return [_shortened(each) for each in value]
    long = isinstance(value, np.ndarray) and value.ndim and len(value) > 20
    return value[:3] if long else value


def _checkpoints(folder: Path) -> tuple[Path, bytes]:
    """An exported folder of a small L-SR1, and a file of the same as Lightning writes it."""
    exported = folder / "exported"
    exported.mkdir(parents=True)
    config = yaml.safe_load((shipped_folder() / "quadratics" / "config.yaml").read_text())
    arguments = config["model"]["init_args"]["optimizer"]["init_args"]
    arguments["hidden_dim"] = 4
    learned = LSR1(**arguments)
    state = {f"optimizer.{key}": value for key, value in learned.state_dict().items()}
    text = yaml.safe_dump(config, sort_keys=False)
    from safetensors.torch import save_file

    save_file(state, exported / "model.safetensors")
    (exported / "config.yaml").write_text(text, encoding="utf-8")
    with tempfile.TemporaryFile() as file:
        torch.save({"state_dict": state, CONFIG_KEY: text, "global_step": 3}, file)
        file.seek(0)
        return exported, file.read()
