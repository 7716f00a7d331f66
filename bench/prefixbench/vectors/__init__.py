"""The embedding store: never embed a text twice, never read a wrong vector."""

from prefixbench.vectors.folder import STORE_FOLDER, VectorStore, changed_weights
from prefixbench.vectors.namespace_folder import Damage

__all__ = ["STORE_FOLDER", "Damage", "VectorStore", "changed_weights"]
