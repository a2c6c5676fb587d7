"""Makes the long runs importable: tests run small versions of them."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "tests/long"))
