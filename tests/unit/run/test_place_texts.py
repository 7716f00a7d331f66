from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from prefixbench.plan.place import Place
from prefixbench.run.texts import recall_texts, remember_texts
from prefixbench.score import TextManifest, TextPart
from prefixbench.spec.conditions import Role, Side
from prefixbench.spec.tasks import TaskFacts
from prefixbench.vectors.embedder import EmbedderIdentity
from prefixbench.vectors.keys import Namespace, keys_from_digests, list_keys, vector_keys

IDENTITY = EmbedderIdentity("org/model", "abc", "f" * 64, 256, "mean", "float32", "torch")
PLACE = Place(TaskFacts("Task", "Retrieval", "ndcg_at_10"), "default", "test", None, 42)
DOCUMENTS = TextPart(
    Role.DOCUMENT,
    texts=("One body", "Two body", "body", "body", "One body"),
    bodies=("body", "body ", "body", "body", "body"),
    titles=("One", "Two", "", "", "One"),
)
QUERIES = TextPart(Role.QUERY, ("a", "b", "a"))
MANIFEST = TextManifest((DOCUMENTS, QUERIES))


@pytest.mark.parametrize("side", [Side("passage: "), Side("title: {title} | text: ", title_slot=True)])
@pytest.mark.parametrize("part", [DOCUMENTS, QUERIES])
def test_the_keys_of_remembered_texts_are_those_a_sweep_stores(tmp_path: Path, side: Side, part: TextPart) -> None:
    assert recall_texts(tmp_path, PLACE) is None
    remember_texts(tmp_path, PLACE, MANIFEST)
    remembered = recall_texts(tmp_path, PLACE)
    assert remembered is not None
    assert remembered.n_texts == 8
    digests, titles = remembered.by_role[part.role].request(side.title_slot)
    planned = keys_from_digests(Namespace.of(IDENTITY, side), side, digests, titles)
    stored = vector_keys(IDENTITY, side, *part.request(side.title_slot))
    assert set(list_keys(planned)) == set(list_keys(stored))
    assert len(planned) == len(np.unique(stored, axis=0))
