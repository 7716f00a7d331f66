"""How cost grows, and where the limit is."""
