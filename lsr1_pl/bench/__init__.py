"""The studies of the paper as commands."""

__all__: list[str] = []
