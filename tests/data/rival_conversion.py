"""Convert when told to: a line of standard input names kind, source and destination, as JSON.

Prints ``ready``, then for each line, as JSON, the exit code and the message: 0 if it converted, 2
if it was refused, 1 for anything else.
"""

from __future__ import annotations

import json
import sys

from conversion_sources import convert

from lsr1_pl.ground.errors import UserError


def main() -> None:
    """See the module."""
    print("ready", flush=True)
    for line in sys.stdin:
        kind, src, dst = json.loads(line)
        code, message = 0, ""
        try:
            convert(kind, src, dst)
        except UserError as error:
            code, message = 2, str(error)
        except Exception as error:
            code, message = 1, repr(error)
        print(json.dumps([code, message]), flush=True)


if __name__ == "__main__":
    main()
