"""Studies of time and memory: over the number of variables, and against the peers."""
