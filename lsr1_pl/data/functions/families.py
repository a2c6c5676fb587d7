"""Problems of one family, endless to train on and fixed to judge by."""

from __future__ import annotations

from pytorch_lightning import LightningDataModule
from torch.utils.data import DataLoader

from lsr1_pl.data.steps import fixed_loader, step_generator, step_loader, training_generator
from lsr1_pl.ground.errors import UserError
from lsr1_pl.objectives.families import ProblemFamily, Problems, Split, sampled
from lsr1_pl.optim.checks import check_counts

_TO_SOLVE = 3
_KEYS: dict[Split, int] = {"validation": 1, "test": 2}


class FamilyDataModule(LightningDataModule):
    """Endless training batches of a family; fixed validation and test sets; problems to solve.

    A training batch depends on (``seed``, its number) alone, and so do the problems that a task
    solves to learn from their solutions; the two fixed sets depend on ``evaluation_seed`` alone.
    Validation and test draw from the family's own parts for them, where it rests on data.

    Args:
        family: the problems.
        batch_size: problems in a training batch.
        evaluation_count: problems in each fixed set.
        seed: of the training batches.
        evaluation_seed: of the two fixed sets.

    Raises:
        UserError: a number is below 1, or ``family`` is none.
    """

    def __init__(
        self,
        family: ProblemFamily,
        batch_size: int = 256,
        evaluation_count: int = 256,
        seed: int = 0,
        evaluation_seed: int = 2026,
    ) -> None:
        super().__init__()
        self.save_hyperparameters(ignore=["family"])
        check_counts(self, batch_size=batch_size, evaluation_count=evaluation_count)
        if not isinstance(family, ProblemFamily):
            raise UserError(
                f"FamilyDataModule family is {family!r}; expected a "
                "lsr1_pl.objectives.families.ProblemFamily of the package or of yours"
            )
        self.family = family
        self.batch_size = batch_size
        self.evaluation_count = evaluation_count
        self.seed = seed
        self.evaluation_seed = evaluation_seed

    def train_batch(self, number: int) -> Problems:
        """The training batch of this number."""
        generator = training_generator(self.seed, number)
        return sampled(self.family.split("train"), self.batch_size, generator)

    def to_solve(self, count: int, number: int) -> Problems:
        """``count`` training problems whose solutions are to be learned from."""
        generator = step_generator(self.seed, _TO_SOLVE, number)
        return sampled(self.family.split("train"), count, generator)

    def fixed(self, part: Split) -> Problems:
        """The problems of validation or test."""
        generator = step_generator(self.evaluation_seed, _KEYS[part])
        return sampled(self.family.split(part), self.evaluation_count, generator)

    def train_dataloader(self) -> DataLoader[Problems]:
        """Endless; continues at the trainer's step."""
        return step_loader(self.train_batch, self.trainer)

    def val_dataloader(self) -> DataLoader[Problems]:
        """One batch: the fixed validation set."""
        return fixed_loader([self.fixed("validation")])

    def test_dataloader(self) -> DataLoader[Problems]:
        """One batch: the fixed test set."""
        return fixed_loader([self.fixed("test")])

    def on_after_batch_transfer(self, batch: Problems, dataloader_idx: int) -> Problems:
        """The batch in the precision of the task; Lightning cannot reach the objective."""
        task = None if self.trainer is None else self.trainer.lightning_module
        return batch if task is None else batch.to(task.dtype)
