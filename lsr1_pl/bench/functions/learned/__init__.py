"""The study of learned optimisers of several papers, trained alike."""
