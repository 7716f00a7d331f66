"""mteb's scoring over our vectors: one cell to scores and per-item scores."""

from bench.score.cell import CellScore, score_cell
from bench.score.data import fresh_task
from bench.score.encoder import MtebEncoder

__all__ = ["CellScore", "MtebEncoder", "fresh_task", "score_cell"]
