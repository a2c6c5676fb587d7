"""Splits, views and the motion data module."""

from __future__ import annotations

import hashlib
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lsr1_pl.body.rotations import rotation_matrix
from lsr1_pl.data import Motion, MotionBatch, MotionDataModule, write_store
from lsr1_pl.data.motion.views import random_views, random_visibility
from lsr1_pl.ground.errors import UserError


@pytest.fixture
def store(tmp_path: Path) -> str:
    """Recordings a_1 (20 rows), a_2 (30), b_1 (10), c_1 (15); row k of all has pose[3] = k."""
    rows = iter(np.arange(1000, dtype=float))

    def motion(name: str, count: int) -> Motion:
        poses = np.zeros((count, 72))
        poses[:, 3] = [next(rows) / 1000 for _ in range(count)]
        return Motion(name, name[0], poses, 30.0, 4 * count)

    motions = [motion("a_1", 20), motion("a_2", 30), motion("b_1", 10), motion("c_1", 15)]
    write_store(tmp_path / "store", motions, source="made", licence="none")
    return str(tmp_path / "store")


def data(store: str, **options: Any) -> MotionDataModule:
    defaults: dict[str, Any] = {
        "stores": [store],
        "batch_size": 8,
        "validation_subjects": ["b"],
        "test_recordings": ["c_*"],
        "validation_count": 20,
        "test_count": 20,
    }
    return MotionDataModule(**{**defaults, **options})


def rows_of(batches: Any) -> set[int]:
    return {int(row) for batch in batches for row in batch.rows}


def test_recordings_are_split_whole(store: str) -> None:
    module = data(store)
    train = rows_of(module.train_batch(number) for number in range(100))
    assert train == set(range(50))
    assert rows_of(module.val_dataloader()) == set(range(50, 60))
    assert rows_of(module.test_dataloader()) == set(range(60, 75))


def test_batches_hold_the_rows_they_name(store: str) -> None:
    batch = data(store).train_batch(0)
    torch.testing.assert_close(batch.pose[:, 3], batch.rows.float() / 1000)


def test_several_stores_read_as_one(store: str) -> None:
    module = data(store, stores=["open", store])
    batches = list(module.val_dataloader())
    rows = torch.cat([batch.rows for batch in batches])
    poses = torch.cat([batch.pose for batch in batches])
    assert rows.min() == 1200 + 50
    torch.testing.assert_close(poses[:, 3], (rows - 1200).float() / 1000)


def test_training_depends_on_seed_and_step_alone(store: str) -> None:
    one, same, other = data(store, seed=1), data(store, seed=1), data(store, seed=2)
    for left, right in zip(one.train_batch(7), same.train_batch(7), strict=True):
        assert torch.equal(left, right)
    assert not torch.equal(one.train_batch(7).rows, one.train_batch(8).rows)
    assert not torch.equal(one.train_batch(7).rows, other.train_batch(7).rows)


@pytest.mark.parametrize("batch_size", [7, 8, 50, 64])
def test_every_row_comes_once_before_one_comes_again(store: str, batch_size: int) -> None:
    module = data(store, batch_size=batch_size)
    rows = torch.cat([module.train_batch(number).rows for number in range(-(-150 // batch_size))])
    passes = rows[:150].reshape(3, 50)
    assert all(sorted(order.tolist()) == list(range(50)) for order in passes)
    assert not torch.equal(passes[0], passes[1])


def test_a_batch_does_not_depend_on_those_drawn_before(store: str) -> None:
    one, other = data(store), data(store)
    for number in (30, 2, 19):
        one.train_batch(number)
    assert torch.equal(one.train_batch(6).rows, other.train_batch(6).rows)


def test_fixed_sets_do_not_depend_on_the_training_seed_or_batch_size(store: str) -> None:
    def whole(module: MotionDataModule) -> MotionBatch:
        return MotionBatch(*map(torch.cat, zip(*module.val_dataloader(), strict=True)))

    for left, right in zip(
        whole(data(store, seed=1)), whole(data(store, seed=2, batch_size=5)), strict=True
    ):
        assert torch.equal(left, right)


def test_stored_betas_are_used_and_others_drawn(store: str, tmp_path: Path) -> None:
    assert data(store, betas_std=2.0).train_batch(0).betas.std() > 1.0
    betas = np.full((9, 10), 0.25)
    motions = [
        Motion(name, name, np.zeros((9, 72)), 30.0, 9, betas=betas) for name in ("x", "b", "c_1")
    ]
    write_store(tmp_path / "with_betas", motions, source="made", licence="none")
    batch = data(str(tmp_path / "with_betas")).train_batch(0)
    torch.testing.assert_close(batch.betas, torch.full((8, 10), 0.25))


def test_views_turn_the_root_within_lgds_ranges() -> None:
    pose = torch.randn(2000, 72, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    seen = random_views(pose, torch.Generator().manual_seed(1))
    assert torch.equal(seen[:, 3:], pose[:, 3:])
    view = rotation_matrix(seen[:, :3]) @ rotation_matrix(pose[:, :3]).mT
    # view = Rz Ry Rx: read its angles back.
    about_x = torch.atan2(view[:, 2, 1], view[:, 2, 2])
    about_z = torch.atan2(view[:, 1, 0], view[:, 0, 0])
    front = (view[:, 2, 2] > 0) & (view[:, 0, 0] > 0)
    limit = math.radians(20) + 1e-9
    assert about_x[front].abs().max() <= limit
    assert about_z[front].abs().max() <= limit
    assert about_x[front].abs().max() > 0.9 * limit
    # Seen from behind as often as from the front.
    assert 0.4 < (view[:, 2, 2] > 0).double().mean() < 0.6


def test_visibility_has_its_share_and_never_fewer_than_six() -> None:
    visibility = random_visibility(4000, 18, 0.8, torch.Generator().manual_seed(0))
    assert visibility.mean().item() == pytest.approx(0.8, abs=0.01)
    sparse = random_visibility(2000, 18, 0.3, torch.Generator().manual_seed(0))
    assert set(sparse.unique().tolist()) == {0.0, 1.0}
    assert sparse.sum(dim=1).min() >= 6


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"validation_subjects": ["z"]}, "validation_subjects names 'z'"),
        ({"test_recordings": ["nothing*"]}, r"test_recordings names 'nothing\*'"),
        ({"validation_subjects": ["c"]}, "'c_1' is in validation and in test"),
        ({"validation_subjects": []}, "the validation set is empty"),
        ({"validation_subjects": ["a", "b"]}, "the training set is empty"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"stores": []}, "stores is empty"),
        ({"stores": ["nowhere"]}, r"nowhere.*manifest\.json"),
    ],
)
def test_bad_options_are_named(options: dict[str, Any], message: str, store: str) -> None:
    with pytest.raises(UserError, match=message):
        data(store, **options)


@pytest.fixture
def subjects(tmp_path: Path) -> str:
    """A recording of one frame for each subject of the named splits, and of one beyond them."""
    train = [*("02", "03", "05", "06", "10", "11", "12", "14", "26", "27", "29", "32", "35")]
    train += ["60", "61", "131"]
    others = ["07", "16", "17", "08", "49", "127", "bd", "bk", "99"]
    motions = [Motion(f"{s}_01", s, np.zeros((1, 72)), 30.0, 1) for s in (*train, *others)]
    write_store(tmp_path / "subjects", motions, source="made", licence="none")
    return str(tmp_path / "subjects")


def test_named_splits_are_by_subject(subjects: str) -> None:
    module = MotionDataModule(stores=["open", subjects], split="open_2026")
    found = module.recordings()
    clips = ["crawl", "dance_b", "getup_faceup", "kick"]
    assert found["validation"] == ["07_01", "16_01", "17_01"]
    assert sorted(found["test"]) == sorted(["08_01", "49_01", "127_01", *clips])
    assert "walk" in found["train"]
    assert not set(clips) & set(found["train"])
    assert {"02_01", "61_01", "131_01"} < set(found["train"])
    assert len(found["train"]) == 16 + 16
    assert "99_01" not in found["train"]
    other = MotionDataModule(stores=["open", subjects], split="open_2026_hdm05").recordings()
    assert other["test"] == ["bd_01", "bk_01"]
    assert (other["train"], other["validation"]) == (found["train"], found["validation"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"split": "open_2025"}, "split is 'open_2025'.*did you mean 'open_2026'"),
        ({"split": "open_2026"}, "validation_subjects names '07', which no recording"),
        ({"split": "open_2026", "test_subjects": ["08"]}, "given beside it; give the name alone"),
    ],
)
def test_bad_splits_are_named(options: dict[str, Any], message: str, store: str) -> None:
    with pytest.raises(UserError, match=message):
        MotionDataModule(stores=["open", store], **options)


def test_people_of_the_fixed_sets_have_names(store: str) -> None:
    module = data(store, stores=["open", store])
    rows = torch.cat([batch.rows for batch in module.val_dataloader()]).tolist()
    names = module.person_names("val")
    # 1200 rows of the embedded motion, 50 of this store's first two recordings.
    assert names == [f"b_1, frame {row - 1250}" for row in rows]
    assert len(module.person_names("test")) == 20
    assert module.person_names("test")[-1] == "c_1, frame 14"


def test_the_fingerprint_is_that_of_the_manifest(store: str) -> None:
    found = data(store, stores=["open", store]).fingerprints()
    assert set(found) == {"open", store}
    assert found[store] == hashlib.sha256((Path(store) / "manifest.json").read_bytes()).hexdigest()
