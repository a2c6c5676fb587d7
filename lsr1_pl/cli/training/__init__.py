"""The verbs of training: fit, validate and test, with what an exact resume needs."""
