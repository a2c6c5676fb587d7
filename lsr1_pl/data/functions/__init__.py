"""Problems in closed form: random quadratics, starts of a function, mixtures of families."""
