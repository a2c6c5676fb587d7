"""Stores of motion, and the data modules that draw people from them."""
