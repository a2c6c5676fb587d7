"""The one exception that a user's bad input raises."""

from __future__ import annotations


class UserError(Exception):
    """Bad input from a user: its message names file, key, what was expected, and the mend.

    The command line prints the message alone and exits with code 2.
    """
