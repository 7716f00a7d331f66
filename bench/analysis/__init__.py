"""Contrasts, paired inference, pooling and verdicts."""
