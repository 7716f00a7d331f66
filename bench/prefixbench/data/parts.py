"""Which column plays which part: as named, else by the names that people give such columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from prefixbench.errors import SpecError, describe_unknown_name
from prefixbench.spec.sweep import DataSpec

USUAL_NAMES: Mapping[str, tuple[str, ...]] = {
    "query": ("query", "question", "anchor", "search_query", "query_text"),
    "passage": ("passage", "positive", "answer", "document", "pos", "positives", "passage_text", "context"),
    "negative": ("negative", "negatives", "neg", "hard_negative", "hard_negatives"),
    "first": ("sentence1", "sentence_1", "text1", "text_1", "sentence_a", "text_a", "premise"),
    "second": ("sentence2", "sentence_2", "text2", "text_2", "sentence_b", "text_b", "hypothesis"),
    "score": ("score", "similarity", "similarity_score", "rating"),
    "similar": ("label", "labels", "similar", "is_duplicate", "duplicate", "is_similar", "is_paraphrase"),
    "source": ("source", "src", "source_text"),
    "target": ("target", "tgt", "translation", "target_text"),
    "text": ("text", "sentence", "utterance", "content", "body"),
    "cluster": ("cluster", "clusters", "cluster_name", "topic"),
    "label": ("label", "labels", "intent", "category", "class", "label_text"),
}
"""Parts of a table, and what their columns are usually called; the first that is there is taken."""


@dataclass(frozen=True, slots=True)
class Layout:
    """A kind of table.

    Attributes:
        task_type: What mteb calls the task it makes.
        parts: What it must have.
        means: What it is, in plain words.
    """

    task_type: str
    parts: tuple[str, ...]
    means: str


LAYOUTS = (
    Layout("Reranking", ("query", "passage", "negative"), "queries with passages and negatives"),
    Layout("Retrieval", ("query", "passage"), "query–passage pairs"),
    Layout("STS", ("first", "second", "score"), "scored sentence pairs"),
    Layout("PairClassification", ("first", "second", "similar"), "similar and dissimilar pairs"),
    Layout("BitextMining", ("first", "second"), "parallel sentences"),
    Layout("BitextMining", ("source", "target"), "parallel sentences"),
    Layout("Clustering", ("text", "cluster"), "texts with cluster names"),
    Layout("Classification", ("text", "label"), "labelled texts"),
    Layout("MultilabelClassification", ("text", "label"), "texts with several labels"),
)
"""Tried in this order; the first whose parts are all there is taken."""


@dataclass(frozen=True, slots=True)
class Table:
    """What a table was taken for.

    Attributes:
        layout: Its kind.
        columns: The column of each of its parts.
    """

    layout: Layout
    columns: Mapping[str, str]


def guess_table(spec: DataSpec, columns: Sequence[str], name: str) -> Table:
    """Tell what a table is from its columns and what was said of it.

    Args:
        spec: What was said; a type or columns named there are never overruled.
        columns: The table's columns.
        name: What the user calls the file.

    Raises:
        SpecError: It fits no layout, or a named column is not there.
    """
    named = dict(spec.columns)
    faults = [describe_unknown_name("part", part, USUAL_NAMES, name) for part in named if part not in USUAL_NAMES]
    faults += [describe_unknown_name("column", one, columns, name) for one in named.values() if one not in columns]
    if faults:
        raise SpecError(faults)
    folded = {column.strip().casefold(): column for column in reversed(columns)}
    for layout in LAYOUTS:
        if spec.type not in (None, layout.task_type) or not set(named) <= set(layout.parts):
            continue
        found = {part: column for part in layout.parts if (column := named.get(part) or _find(part, folded))}
        if len(found) == len(layout.parts):
            return Table(layout, found)
    wanted = [one for one in LAYOUTS if spec.type in (None, one.task_type)]
    needs = "; ".join(f"{one.task_type} needs {' and '.join(one.parts)}" for one in wanted)
    raise SpecError(
        f"{name}: its columns ({', '.join(columns)}) fit no layout. {needs}. "
        "Name them with --columns, such as --columns query=COLUMN,passage=COLUMN."
    )


def _find(part: str, folded: Mapping[str, str]) -> str | None:
    return next((folded[usual] for usual in USUAL_NAMES[part] if usual in folded), None)
