"""``lsr1 compare``: several runs in the same figures, tables and page."""
