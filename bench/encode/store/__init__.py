"""The embedding store: never embed a text twice, never read a wrong vector."""

from bench.encode.store.folder import EmbeddingStore, changed_weights, find_unusable
from bench.encode.store.shelf import Damage

__all__ = ["Damage", "EmbeddingStore", "changed_weights", "find_unusable"]
