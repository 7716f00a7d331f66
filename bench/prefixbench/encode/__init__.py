"""Texts to vectors: backends, the embedding store, batching and the audit of what was sent."""
