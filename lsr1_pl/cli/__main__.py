"""``python -m lsr1_pl.cli``: the same as the ``lsr1`` command."""

import sys

from lsr1_pl.cli import main

if __name__ == "__main__":
    sys.exit(main())
