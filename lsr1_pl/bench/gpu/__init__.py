"""One prepared run on a GPU: is it right, does it wait, how fast is it at the paper's sizes."""
