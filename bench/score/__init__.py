"""mteb's scoring over our vectors: one cell to scores and per-item scores."""
