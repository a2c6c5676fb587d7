"""Studies on functions: quadratics, the 30 problems of the profiles, and any smooth function."""
