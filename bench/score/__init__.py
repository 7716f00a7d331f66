"""mteb's scoring over our vectors: one cell to scores and per-item scores."""

from bench.score.cell import CellScore, score_cell
from bench.score.data import fresh_task
from bench.score.digest import dataset_digest, item_texts
from bench.score.encoder import MtebEncoder
from bench.score.limit import limit_task
from bench.score.manifest import TextManifest, TextPart, rehearse

__all__ = [
    "CellScore",
    "MtebEncoder",
    "TextManifest",
    "TextPart",
    "dataset_digest",
    "fresh_task",
    "item_texts",
    "limit_task",
    "rehearse",
    "score_cell",
]
