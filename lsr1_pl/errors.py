"""The one exception that a user's bad input raises."""

from __future__ import annotations

import argparse
from typing import NoReturn


class UserError(Exception):
    """Bad input from a user: its message names file, key, what was expected, and the mend.

    The command line prints the message alone and exits with code 2.
    """


class ArgumentParser(argparse.ArgumentParser):
    """argparse's, whose complaints are UserErrors."""

    def error(self, message: str) -> NoReturn:
        """Raise ``message`` with the usage below it."""
        raise UserError(f"{message}\n{self.format_usage().strip()}")
