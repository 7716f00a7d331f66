from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pytest
from mteb.abstasks import AbsTask
from mteb.mocks import MOCK_TASK_TEST_GRID
from prefixbench.score import MtebEncoder, TextManifest, list_texts, score_cell
from prefixbench.score.manifest import READERS, record_texts
from prefixbench.spec.conditions import Role

from tests.score_fakes import WordEmbed
from tests.score_tasks import MADE_TASKS, make_retrieval, make_similarity, score_made

MOCKS = sorted({type(task) for task in MOCK_TASK_TEST_GRID}, key=lambda kind: kind.__name__)


def count_texts(manifest: TextManifest) -> Counter[tuple[str | None, str, str | None, str | None]]:
    counts: Counter[tuple[str | None, str, str | None, str | None]] = Counter()
    for part in manifest.parts:
        bodies: Sequence[str | None] = part.bodies or (None,) * len(part.texts)
        titles: Sequence[str | None] = part.titles or (None,) * len(part.texts)
        for text, body, title in zip(part.texts, bodies, titles, strict=True):
            counts[part.role, text, body, title] += 1
    return counts


@pytest.mark.parametrize("kind", MOCKS, ids=lambda kind: kind.__name__)
def test_texts_read_from_mock_data_are_those_mteb_asks_for(kind: type[AbsTask]) -> None:
    task = kind()
    task.load_data()
    hf_split, hf_subset = task.eval_splits[0], task.hf_subsets[0]
    manifest = list_texts(task, hf_split, hf_subset)
    assert manifest.n_texts > 0
    assert count_texts(manifest) == count_texts(record_texts(task, hf_split, hf_subset))


@pytest.mark.parametrize("name", MADE_TASKS)
def test_texts_read_from_made_data_are_those_mteb_asks_for(name: str) -> None:
    task = MADE_TASKS[name]()
    asked = Counter((role, text) for role, texts, _ in score_made(name)[1].asked for text in texts)
    read = Counter((part.role, text) for part in list_texts(task, "test", "default").parts for text in part.texts)
    assert read == asked


def test_a_title_slot_asks_for_bodies_and_titles() -> None:
    task = make_retrieval()
    embed = WordEmbed(title_slot=True)
    score_cell(task, MtebEncoder(embed, "org/model"), "test", "default")
    requests = [(part.role, *part.request(title_slot=True)) for part in list_texts(task, "test", "default").parts]
    assert requests == embed.asked
    assert [titles is not None for _, _, titles in requests] == [False, True]
    assert requests[0][0] is Role.QUERY


def test_a_task_with_an_evaluation_of_its_own_is_recorded() -> None:
    task = make_similarity("cosine_spearman")
    kind = type(task)
    own = type("Own", (kind,), {"_evaluate_subset": lambda self, *a, **k: kind._evaluate_subset(self, *a, **k)})()
    own.dataset, own.data_loaded = task.dataset, True
    assert count_texts(list_texts(own, "test", "default")) == count_texts(list_texts(task, "test", "default"))


def test_every_kind_has_a_reader() -> None:
    assert len(READERS) == 11
