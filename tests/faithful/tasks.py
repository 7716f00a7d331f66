"""Tasks that a sweep can import: short and long texts, with titles where there are documents."""

from __future__ import annotations

from typing import Any

import numpy as np
from datasets import Dataset, DatasetDict
from mteb.mocks.mock_tasks.retrieval import MockRetrievalTask
from mteb.mocks.mock_tasks.sts import MockSTSTask

from tests.score_fakes import draw_texts


def draw_uneven(n_texts: int, seed: int) -> list[str]:
    """Texts of 3 to 24 words, so that batches are padded and some texts are cut; no two are the same."""
    lengths = np.random.default_rng(seed).integers(3, 25, n_texts)
    return [draw_texts(1, seed + row, int(length))[0] for row, length in enumerate(lengths)]


class MatrixSTS(MockSTSTask):
    """30 pairs of sentences."""

    metadata = MockSTSTask.metadata.model_copy(update={"name": "MatrixSTS", "eval_splits": ["test"]})

    def load_data(self, num_proc: int | None = None, **_: Any) -> None:
        """Make them."""
        scores = np.round(np.random.default_rng(3).uniform(0, 5, 30), 1).tolist()
        pairs = {"sentence1": draw_uneven(30, 100), "sentence2": draw_uneven(30, 200), "score": scores}
        self.dataset = DatasetDict({"test": Dataset.from_dict(pairs)})
        self.data_loaded = True


class MatrixRetrieval(MockRetrievalTask):
    """20 queries over 30 documents, a third of them without a title."""

    k_values = (1, 10)  # the curves at each cutoff are most of the time that such a task takes
    metadata = MockRetrievalTask.metadata.model_copy(update={"name": "MatrixRetrieval", "eval_splits": ["test"]})

    def load_data(self, num_proc: int | None = None, **_: Any) -> None:
        """Make them."""
        rng = np.random.default_rng(4)
        titles = ["", "the dog", "music paper"] * 10
        documents = {"id": [f"d{row}" for row in range(30)], "title": titles, "text": draw_uneven(30, 300)}
        queries = {"id": [f"q{row}" for row in range(20)], "text": draw_uneven(20, 400)}
        relevant = {name: {f"d{document}": 1 for document in rng.choice(30, 3)} for name in queries["id"]}
        data: Any = {"queries": Dataset.from_dict(queries), "corpus": Dataset.from_dict(documents)}
        data |= {"relevant_docs": relevant, "top_ranked": None}
        self.dataset = {"default": {"test": data}}
        self.data_loaded = True
