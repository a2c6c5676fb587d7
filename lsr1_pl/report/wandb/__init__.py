"""What a run shows on Weights & Biases, and how it is read back."""
