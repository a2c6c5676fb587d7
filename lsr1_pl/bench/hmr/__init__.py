"""Studies on human mesh recovery: methods side by side, and what each departure brings."""
