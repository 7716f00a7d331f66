"""Twins: the same model trained on the same batches with and without prefixes."""
