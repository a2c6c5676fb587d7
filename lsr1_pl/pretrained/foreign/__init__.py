"""What a checkpoint that may come from anywhere can say, and what holds it to that."""
