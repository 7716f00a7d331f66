"""Which texts an evaluation asks to embed, found without a model and mostly without evaluating."""

from __future__ import annotations

import contextlib
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
from prefixbench.score.parts import TextPart, make_part
from prefixbench.score.sampling import (
    select_embedded_rows,
    select_evaluated_rows,
    select_training_rows,
)
from prefixbench.score.search import hold_documents
from prefixbench.spec.conditions import Role
from prefixbench.vectors.mapped_texts import MappedTexts

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from prefixbench.vectors.embedder import Vectors


@dataclass(frozen=True, slots=True)
class TextManifest:
    """All texts of one cell, whatever its condition."""

    parts: tuple[TextPart, ...]

    @property
    def n_texts(self) -> int:
        """Texts asked for, repeats included."""
        return sum(len(part.texts) for part in self.parts)

    @property
    def is_held(self) -> bool:
        """Whether some of the texts are in a file."""
        return any(isinstance(part.texts, MappedTexts) for part in self.parts)

    def in_memory(self) -> TextManifest:
        """The same texts without a file."""
        if not self.is_held:
            return self
        parts = [
            TextPart(
                part.role,
                tuple(part.texts),
                None if part.bodies is None else tuple(part.bodies),
                None if part.titles is None else tuple(part.titles),
            )
            for part in self.parts
        ]
        return TextManifest(tuple(parts))

    def discard(self) -> None:
        """Delete such files; what has been read of them stays readable here."""
        for part in self.parts:
            if isinstance(part.texts, MappedTexts):
                with contextlib.suppress(OSError):
                    part.texts.path.unlink(missing_ok=True)


def list_texts(task: AbsTask, hf_split: str, hf_subset: str, folder: Path | None = None) -> TextManifest:
    """The texts that scoring this split and subset asks to embed.

    They are read from the data the way mteb reads them; a task with an evaluation of its own is run against an
    encoder that records what it is asked.

    Args:
        task: Whose texts; its data are loaded if they are not.
        hf_split: mteb's split.
        hf_subset: mteb's subset.
        folder: Where a large corpus may be held in a file, until ``TextManifest.discard``.

    Raises:
        ScoreError: The task has no such split or subset, or is an aggregate.
    """
    clone = fresh_task(task)
    get_split(clone, hf_split, hf_subset)
    view_task_as_lists(clone)
    for kind, list_parts in READERS:
        if isinstance(clone, kind) and _evaluates_like(clone, kind):
            if isinstance(clone, AbsTaskRetrieval):
                return TextManifest(tuple(_read_retrieval(clone, hf_split, hf_subset, folder)))
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

    def _draw(self, part: TextPart) -> Vectors:
        self.parts.append(part)
        return self._rng.standard_normal((len(part.texts), 8)).astype(np.float32)


def _read_retrieval(
    task: AbsTaskRetrieval, hf_split: str, hf_subset: str, folder: Path | None = None
) -> list[TextPart]:
    data = get_split(task, hf_split, hf_subset)
    _, queries = _filter_queries_without_positives(data["relevant_docs"], data["queries"])
    return [
        make_part(Role.QUERY, _retrieval_texts(queries, PromptType.query)),
        hold_documents(data["corpus"], folder),
    ]


def _read_classification(task: AbsTaskClassification, hf_split: str, hf_subset: str) -> list[TextPart]:
    splits = list_splits(task, hf_subset)
    column = _one_column(task.input_column_name)
    if task.is_cross_validation:
        return [make_part(None, read_column(splits[task.train_split], column))]
    trained = splits[task.train_split].select(select_training_rows(task, splits[task.train_split]))
    return [make_part(None, read_column(trained, column)), make_part(None, read_column(splits[hf_split], column))]


def _read_multilabel(task: AbsTaskMultilabelClassification, hf_split: str, hf_subset: str) -> list[TextPart]:
    splits = list_splits(task, hf_subset)
    column = _one_column(task.input_column_name)
    train, test = splits[task.train_split], splits[hf_split]
    return [
        make_part(None, read_column(train.select(select_training_rows(task, train)), column)),
        make_part(None, read_column(test.select(select_evaluated_rows(task, test)), column)),
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
    return [make_part(role, read_column(data, column)) for role, column in zip(roles, columns, strict=True)]


def _read_clustering(task: AbsTaskClustering, hf_split: str, hf_subset: str) -> list[TextPart]:
    data = get_split(task, hf_split, hf_subset)
    texts = read_column(data, _one_column(task.input_column_name))
    return [make_part(None, [texts[row] for row in select_embedded_rows(task, len(texts))])]


def _read_sets(task: AbsTaskClusteringLegacy, hf_split: str, hf_subset: str) -> list[TextPart]:
    data = get_split(task, hf_split, hf_subset)
    sets = zip(read_column(data, task.input_column_name), read_column(data, task.label_column_name), strict=True)
    return [make_part(None, texts) for texts, labels in sets if len(set(labels)) > 1]


def _read_translations(task: AbsTaskBitextMining, hf_split: str, hf_subset: str) -> list[TextPart]:
    data = get_split(task, hf_split, hf_subset)
    return [make_part(None, read_column(data, column)) for column in list_translation_columns(task, hf_subset)]


def _read_summaries(task: AbsTaskSummarization, hf_split: str, hf_subset: str) -> list[TextPart]:
    data = get_split(task, hf_split, hf_subset)
    columns = (task.human_summaries_column_name, task.machine_summaries_column_name)
    return [make_part(None, itertools.chain.from_iterable(read_column(data, column))) for column in columns]


def _read_zero_shot(task: AbsTaskZeroShotClassification, hf_split: str, hf_subset: str) -> list[TextPart]:
    data = get_split(task, hf_split, hf_subset)
    return [
        make_part(None, task.get_candidate_labels()),
        make_part(None, read_column(data, _one_column(task.input_column_name))),
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
