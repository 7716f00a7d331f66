"""Models that are called, not loaded: one small module for each kind of endpoint, behind one contract."""
