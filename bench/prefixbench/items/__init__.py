"""Per-item scores and the statistic that rebuilds a main score from them."""
