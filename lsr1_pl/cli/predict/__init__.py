"""``lsr1 predict``: what it reads, what it writes, and the page that shows it."""
