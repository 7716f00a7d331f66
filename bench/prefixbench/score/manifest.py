"""Which texts an evaluation asks to embed, found without a model and mostly without evaluating."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from mteb._create_dataloaders import _retrieval_texts
from mteb.abstasks import (
    AbsTask,
    AbsTaskBitextMining,
    AbsTaskClassification,
    AbsTaskClustering,
    AbsTaskClusteringLegacy,
    AbsTaskMultilabelClassification,
    AbsTaskPairClassification,
    AbsTaskRegression,
    AbsTaskRetrieval,
    AbsTaskSTS,
    AbsTaskSummarization,
)
from mteb.abstasks.retrieval import _filter_queries_without_positives
from mteb.abstasks.zeroshot_classification import AbsTaskZeroShotClassification
from mteb.types import PromptType

from prefixbench.errors import ScoreError
from prefixbench.score.capture import ignore_small_task_warnings
from prefixbench.score.columns import view_task_as_lists
from prefixbench.score.data import (
    fresh_task,
    get_split,
    list_pair_columns,
    list_splits,
    list_translation_columns,
    read_column,
    unpack_single_row,
)
from prefixbench.score.encoder import MtebEncoder
from prefixbench.score.sampling import (
    select_embedded_rows,
    select_evaluated_rows,
    select_training_rows,
)
from prefixbench.score.search import join_titles
from prefixbench.spec.conditions import Role

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from prefixbench.vectors.embedder import Vectors


@dataclass(frozen=True, slots=True)
class TextPart:
    """Texts of one role, in the order they are asked for, repeats included.

    Attributes:
        role: ``None`` in symmetric tasks.
        texts: As mteb joins them with titles and instructions.
        bodies: Documents without their titles, where the corpus has titles; shape of ``texts``.
        titles: The titles, ``""`` where a document has none; shape of ``texts``.
    """

    role: Role | None
    texts: tuple[str, ...]
    bodies: tuple[str, ...] | None = None
    titles: tuple[str, ...] | None = None

    def request(self, title_slot: bool) -> tuple[tuple[str, ...], tuple[str, ...] | None]:
        """Texts and titles as the embedder is asked for them by a side with or without a slot for titles."""
        if title_slot and self.bodies is not None and self.titles is not None:
            return tuple(body.strip() for body in self.bodies), self.titles
        return self.texts, None


@dataclass(frozen=True, slots=True)
class TextManifest:
    """All texts of one cell, whatever its condition."""

    parts: tuple[TextPart, ...]

    @property
    def n_texts(self) -> int:
        """Texts asked for, repeats included."""
        return sum(len(part.texts) for part in self.parts)


def list_texts(task: AbsTask, hf_split: str, hf_subset: str) -> TextManifest:
    """The texts that scoring this split and subset asks to embed.

    They are read from the data the way mteb reads them; a task with an evaluation of its own is run against an
    encoder that records what it is asked.

    Raises:
        ScoreError: The task has no such split or subset, or is an aggregate.
    """
    clone = fresh_task(task)
    get_split(clone, hf_split, hf_subset)
    view_task_as_lists(clone)
    for kind, list_parts in READERS:
        if isinstance(clone, kind) and _evaluates_like(clone, kind):
            return TextManifest(tuple(list_parts(clone, hf_split, hf_subset)))
    return record_texts(clone, hf_split, hf_subset)


def _evaluates_like(task: AbsTask, kind: type[AbsTask]) -> bool:
    return type(task)._evaluate_subset is kind._evaluate_subset and type(task).evaluate is kind.evaluate


def record_texts(task: AbsTask, hf_split: str, hf_subset: str) -> TextManifest:
    """Evaluate with vectors that mean nothing, and keep what was asked for."""
    clone = fresh_task(task)
    clone.hf_subsets = [hf_subset]
    recorder = _RecordingEncoder()
    with ignore_small_task_warnings():
        clone.evaluate(recorder, hf_split, [hf_subset], encode_kwargs={"batch_size": 32, "show_progress_bar": False})
    return TextManifest(tuple(recorder.parts))


class _RecordingEncoder(MtebEncoder):
    """Answers with seeded random vectors and remembers the questions."""

    def __init__(self) -> None:
        super().__init__(self._draw, "prefixbench/recorder")
        self.parts: list[TextPart] = []
        self._rng = np.random.default_rng(0)

    def _draw(self, texts: Sequence[str], _role: Role | None, _titles: Sequence[str] | None) -> Vectors:
        return self._rng.standard_normal((len(texts), 8)).astype(np.float32)

    def embed_texts(
        self,
        texts: Sequence[str],
        role: Role | None,
        bodies: Sequence[str] | None,
        titles: Sequence[str] | None,
        place: str,
    ) -> Vectors:
        self.parts.append(_make_part(role, texts, bodies, titles))
        return super().embed_texts(texts, role, bodies, titles, place)


def _make_part(
    role: Role | None, texts: Iterable[str], bodies: Iterable[str] | None = None, titles: Iterable[str] | None = None
) -> TextPart:
    return TextPart(
        role, tuple(texts), None if bodies is None else tuple(bodies), None if titles is None else tuple(titles)
    )


def _read_retrieval(task: AbsTaskRetrieval, hf_split: str, hf_subset: str) -> list[TextPart]:
    data = get_split(task, hf_split, hf_subset)
    _, queries = _filter_queries_without_positives(data["relevant_docs"], data["queries"])
    return [
        _make_part(Role.QUERY, _retrieval_texts(queries, PromptType.query)),
        _make_part(Role.DOCUMENT, *join_titles(data["corpus"])),
    ]


def _read_classification(task: AbsTaskClassification, hf_split: str, hf_subset: str) -> list[TextPart]:
    splits = list_splits(task, hf_subset)
    column = _one_column(task.input_column_name)
    if task.is_cross_validation:
        return [_make_part(None, read_column(splits[task.train_split], column))]
    trained = splits[task.train_split].select(select_training_rows(task, splits[task.train_split]))
    return [_make_part(None, read_column(trained, column)), _make_part(None, read_column(splits[hf_split], column))]


def _read_multilabel(task: AbsTaskMultilabelClassification, hf_split: str, hf_subset: str) -> list[TextPart]:
    splits = list_splits(task, hf_subset)
    column = _one_column(task.input_column_name)
    train, test = splits[task.train_split], splits[hf_split]
    return [
        _make_part(None, read_column(train.select(select_training_rows(task, train)), column)),
        _make_part(None, read_column(test.select(select_evaluated_rows(task, test)), column)),
    ]


def _read_pairs(task: AbsTaskSTS | AbsTaskPairClassification, hf_split: str, hf_subset: str) -> list[TextPart]:
    data = get_split(task, hf_split, hf_subset)
    if isinstance(task, AbsTaskPairClassification):
        data = unpack_single_row(data)
        columns = list_pair_columns((task.input1_column_name, task.input2_column_name))
    else:
        columns = list_pair_columns(task.column_names)
    prompts = (task.input1_prompt_type, task.input2_prompt_type)
    roles = [None if prompt is None else Role(prompt.value) for prompt in prompts]
    return [_make_part(role, read_column(data, column)) for role, column in zip(roles, columns, strict=True)]


def _read_clustering(task: AbsTaskClustering, hf_split: str, hf_subset: str) -> list[TextPart]:
    data = get_split(task, hf_split, hf_subset)
    texts = read_column(data, _one_column(task.input_column_name))
    return [_make_part(None, [texts[row] for row in select_embedded_rows(task, len(texts))])]


def _read_sets(task: AbsTaskClusteringLegacy, hf_split: str, hf_subset: str) -> list[TextPart]:
    data = get_split(task, hf_split, hf_subset)
    sets = zip(read_column(data, task.input_column_name), read_column(data, task.label_column_name), strict=True)
    return [_make_part(None, texts) for texts, labels in sets if len(set(labels)) > 1]


def _read_translations(task: AbsTaskBitextMining, hf_split: str, hf_subset: str) -> list[TextPart]:
    data = get_split(task, hf_split, hf_subset)
    return [_make_part(None, read_column(data, column)) for column in list_translation_columns(task, hf_subset)]


def _read_summaries(task: AbsTaskSummarization, hf_split: str, hf_subset: str) -> list[TextPart]:
    data = get_split(task, hf_split, hf_subset)
    columns = (task.human_summaries_column_name, task.machine_summaries_column_name)
    return [_make_part(None, itertools.chain.from_iterable(read_column(data, column))) for column in columns]


def _read_zero_shot(task: AbsTaskZeroShotClassification, hf_split: str, hf_subset: str) -> list[TextPart]:
    data = get_split(task, hf_split, hf_subset)
    return [
        _make_part(None, task.get_candidate_labels()),
        _make_part(None, read_column(data, _one_column(task.input_column_name))),
    ]


def _one_column(name: str | Sequence[str]) -> str:
    if isinstance(name, str):
        return name
    raise ScoreError(f"only tasks with one text column can be scored; this one has {', '.join(name)}.")


READERS: tuple[tuple[type[AbsTask], Callable[[Any, str, str], list[TextPart]]], ...] = (
    (AbsTaskRetrieval, _read_retrieval),
    (AbsTaskMultilabelClassification, _read_multilabel),
    (AbsTaskRegression, _read_classification),
    (AbsTaskClassification, _read_classification),
    (AbsTaskSTS, _read_pairs),
    (AbsTaskPairClassification, _read_pairs),
    (AbsTaskClustering, _read_clustering),
    (AbsTaskClusteringLegacy, _read_sets),
    (AbsTaskBitextMining, _read_translations),
    (AbsTaskSummarization, _read_summaries),
    (AbsTaskZeroShotClassification, _read_zero_shot),
)
