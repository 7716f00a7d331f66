"""Small deterministic stand-ins shared by tests."""

from __future__ import annotations

from typing import Any

import numpy as np
from prefixbench.items.table import ItemTable, Statistic
from prefixbench.results.records import CellResult, Cost, Provenance
from prefixbench.spec.conditions import Mechanism, PrefixPair, Side
from prefixbench.vectors.embedder import EmbedderIdentity

PROVENANCE = Provenance(
    git_commit=None,
    git_dirty=None,
    packages={"mteb": "2.26.24"},
    platform="test",
    device="cpu",
    cpu="test, 1 core",
    utc="2026-01-01T00:00:00+00:00",
)


def make_items(values: list[float]) -> ItemTable:
    """Items q0, q1, … with these scores, each a group of its own."""
    names = np.array([f"q{index}" for index in range(len(values))])
    return ItemTable(
        Statistic.MEAN, names, names, np.zeros(len(values), dtype=np.int32), np.array(values, dtype=np.float64)
    )


def make_result(cell_id: str = "cell", condition: str = "none", score: float = 0.5, **changes: Any) -> CellResult:
    """A finished cell with plausible fields, any of which can be changed."""
    prefix = "" if condition == "none" else "query: "
    fields: dict[str, Any] = {
        "cell_id": cell_id,
        "conditions": (condition,),
        "model": "org/model",
        "model_revision": "abc",
        "mechanism": Mechanism.PREFIX,
        "task": "Task",
        "task_type": "Retrieval",
        "task_source": "mteb",
        "dataset_revision": "r1",
        "dataset_sha256": "0" * 64,
        "dataset_license": "cc0-1.0",
        "hf_subset": "default",
        "hf_split": "test",
        "main_score": "ndcg_at_10",
        "score": score,
        "scores": {"ndcg_at_10": score},
        "statistic": Statistic.MEAN,
        "n_items": 3,
        "items_sha256": "0" * 64,
        "pair": PrefixPair(Side(prefix), Side()),
        "sources": {},
        "audit": (),
        "encoder": EmbedderIdentity(
            model="org/model",
            revision="abc",
            weights_digest="w",
            max_seq_length=256,
            pooling="mean",
            dtype="float32",
            engine="torch",
        ),
        "limit": None,
        "seed": 42,
        "scoring_version": 1,
        "cost": Cost(seconds_encode=1, seconds_score=1, texts_asked=3, texts_embedded=3, texts_reused=0),
        "provenance": PROVENANCE,
    }
    return CellResult(**(fields | changes))
