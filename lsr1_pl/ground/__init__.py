"""What every room may use: errors, types, files, plain arrays and YAML, the terminal.

Its modules are imported by name, so that a command that prints help does not wait for torch.
"""

__all__ = [
    "arrays",
    "console",
    "errors",
    "files",
    "plain_yaml",
    "precision",
    "together",
    "types",
]
