"""mteb's scoring over our vectors: one cell to scores and per-item scores."""

from prefixbench.score.cell import CellScore, score_cell
from prefixbench.score.data import fresh_task
from prefixbench.score.digest import dataset_digest, item_texts
from prefixbench.score.encoder import MtebEncoder
from prefixbench.score.facts import add_facts, describe_items
from prefixbench.score.limit import limit_task
from prefixbench.score.manifest import TextManifest, list_texts
from prefixbench.score.parts import TextPart, embed_part, make_part
from prefixbench.score.quoted import quote_documents

__all__ = [
    "CellScore",
    "MtebEncoder",
    "TextManifest",
    "TextPart",
    "add_facts",
    "dataset_digest",
    "describe_items",
    "embed_part",
    "fresh_task",
    "item_texts",
    "limit_task",
    "list_texts",
    "make_part",
    "quote_documents",
    "score_cell",
]
