"""The embedding store: never embed a text twice, never read a wrong vector."""

from bench.encode.store.folder import STORE_FOLDER, EmbeddingStore, changed_weights, find_unusable
from bench.encode.store.shelf import Damage

__all__ = ["STORE_FOLDER", "Damage", "EmbeddingStore", "changed_weights", "find_unusable"]
