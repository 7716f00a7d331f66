"""From rows to the tables that tasks are made of, one function a layout; every fault is noted and none stops it."""

from __future__ import annotations

import hashlib
import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from prefixbench.data.faults import Faults
from prefixbench.data.layout_files import SPLITS, Folder, Source
from prefixbench.data.parts import Table
from prefixbench.data.records import read_rows
from prefixbench.data.seen import Seen, digest_name
from prefixbench.data.tables import TableWriter
from prefixbench.data.values import RowReader


@dataclass
class Filled:
    """Tables written.

    Attributes:
        folder: Where.
        rows: Number of rows of each.
        digests: sha256 of each.
        extra: What else the task must know.
    """

    folder: Path
    rows: dict[str, int] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)
    extra: dict[str, Any] = field(default_factory=dict)

    def open(self, stack: ExitStack, name: str, **columns: str) -> TableWriter:
        """Start a table; it is finished when the stack is left."""
        writer = stack.enter_context(TableWriter(self.folder / f"{name}.arrow", **columns))

        def finish() -> None:
            self.digests[name] = writer.close()
            self.rows[name] = writer.n_rows

        stack.callback(finish)
        return writer


def name_text(text: str) -> str:
    """Return a text's id, which depends on nothing but the text."""
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def fill_query_pairs(filled: Filled, folder: Folder, table: Table, faults: Faults) -> None:
    """Queries, documents and judgements of query–passage pairs, equal texts being one; negatives are candidates."""
    tested = [one for one in folder.tables if one.split == folder.tables[0].split]
    with ExitStack() as stack:
        queries = _Distinct(filled.open(stack, "queries", id="text", text="text"))
        corpus = _Distinct(filled.open(stack, "corpus", id="text", text="text"))
        qrels = filled.open(stack, "qrels", query="text", document="text", score="whole")
        judged = Seen()
        with_negatives = "negative" in table.columns
        for line, row, reader in _read_sources(tested, table, faults):
            query = reader.text(line, row, "query")
            passages = reader.texts(line, row, "passage")
            negatives = reader.texts(line, row, "negative") if with_negatives else []
            if query is None:
                continue
            if shared := set(passages) & set(negatives):
                reader.fault(line, f"{len(shared)} of the query's passages are among its negatives")
            for score, texts in ((1, passages), (0, negatives)):
                for text in texts:
                    names = queries.add(query), corpus.add(text)
                    if judged.add("\0".join(names)):
                        qrels.add(*names, score)


class _Distinct:
    """Writes each text once, under its own name."""

    def __init__(self, writer: TableWriter) -> None:
        self._writer = writer
        self._seen = Seen()

    def add(self, text: str) -> str:
        name = name_text(text)
        if self._seen.add(name):
            self._writer.add(name, text)
        return name


CORPUS_COLUMNS = {"id": ("_id", "id", "doc_id", "docid", "corpus-id"), "text": ("text", "body", "contents", "content")}
QUERY_COLUMNS = {"id": ("_id", "id", "query_id", "qid", "query-id"), "text": ("text", "query", "question")}
QREL_COLUMNS = {
    "query": ("query-id", "query_id", "qid", "query"),
    "document": ("corpus-id", "corpus_id", "doc-id", "doc_id", "docid", "document"),
    "score": ("score", "relevance", "rel", "label"),
}


def fill_corpus(filled: Filled, folder: Folder, faults: Faults) -> None:
    """A corpus, its queries and the judgements, as BEIR keeps them."""
    with ExitStack() as stack:
        corpus = filled.open(stack, "corpus", id="text", title="text", text="text")
        documents = Seen()
        filled.extra["has_titles"] = False
        for line, row, reader in _read_columns(folder.corpus, CORPUS_COLUMNS, faults):
            title = reader.title(line, row)
            text = reader.text(line, row, "text", may_be_empty=bool(title))  # mteb joins title and text
            name = _read_id(line, row, reader, documents)
            if name is not None and text is not None:
                corpus.add(name, title, text)
                filled.extra["has_titles"] |= bool(title)
        queries = filled.open(stack, "queries", id="text", text="text")
        asked = Seen()
        for line, row, reader in _read_columns(folder.queries, QUERY_COLUMNS, faults):
            text, name = reader.text(line, row, "text"), _read_id(line, row, reader, asked)
            if name is not None and text is not None:
                queries.add(name, text)
        qrels = filled.open(stack, "qrels", query="text", document="text", score="whole")
        _fill_judgements(qrels, folder.qrels, asked, documents, faults)


def _read_sources(
    sources: Iterable[Source], table: Table, faults: Faults
) -> Iterator[tuple[int, dict[str, Any], RowReader]]:
    for source in sources:
        reader = RowReader(source.name, table.columns, faults)
        for line, row in read_rows(source.path, source.name, faults):
            yield line, row, reader


def _read_columns(
    sources: Iterable[Source], usual: Mapping[str, tuple[str, ...]], faults: Faults
) -> Iterator[tuple[int, dict[str, Any], RowReader]]:
    for source in sources:
        yield from _read_file(source, usual, faults)


def _read_file(
    source: Source, usual: Mapping[str, tuple[str, ...]], faults: Faults
) -> Iterator[tuple[int, dict[str, Any], RowReader]]:
    rows = read_rows(source.path, source.name, faults)
    first = next(rows, None)
    if first is None:
        faults.add(source.name, 0, "holds no rows")
        return
    columns = {part: name for part, names in usual.items() for name in reversed(names) if name in first[1]}
    for part in usual.keys() - columns.keys():
        faults.add(source.name, 0, f"has no column for the {part}; valid choices: {', '.join(usual[part])}")
    if columns.keys() == usual.keys():
        reader = RowReader(source.name, columns, faults)
        for line, row in itertools.chain([first], rows):
            yield line, row, reader


def _read_id(line: int, row: Mapping[str, Any], reader: RowReader, seen: Seen) -> str | None:
    name = reader.name(line, row, "id")
    if name is not None and not seen.add(name):
        reader.fault(line, "the id stands further up already")
        return None
    return name


def _fill_judgements(
    writer: TableWriter, sources: Sequence[Source], queries: Seen, documents: Seen, faults: Faults
) -> None:
    judged = Seen()
    n_relevant = 0
    for line, row, reader in _read_columns(sources, QREL_COLUMNS, faults):
        query, document = reader.name(line, row, "query"), reader.name(line, row, "document")
        grade = reader.number(line, row, "score")
        if query is None or document is None or grade is None:
            continue
        if not grade.is_integer():
            reader.fault(line, "the score is no whole number")
        if query not in queries:
            reader.fault(line, "judges a query that is not among the queries")
        if document not in documents:
            reader.fault(line, "judges a document that is not in the corpus")
        if not judged.add(f"{query}\0{document}"):
            reader.fault(line, "judges a query and document that were judged further up")
            continue
        n_relevant += grade > 0
        writer.add(query, document, int(grade))
    if judged and not n_relevant:
        faults.add(sources[0].name, 0, "judges no document as relevant: every score is 0 or less")


def fill_rows(filled: Filled, folder: Folder, table: Table, faults: Faults) -> None:
    """Sentence pairs and texts with labels: a table that keeps its rows, by split."""
    columns, take = TAKERS[table.layout.task_type]
    halves = _Halves() if "label" in columns else None
    with ExitStack() as stack:
        writers: dict[str, TableWriter] = {}
        for source in folder.tables:
            reader = RowReader(source.name, table.columns, faults)
            for line, row in read_rows(source.path, source.name, faults):
                values = take(reader, line, row)
                if values is None:
                    continue
                split = (
                    source.split
                    or _name_split(row, reader, line)
                    or ("test" if halves is None else halves.choose(*values))
                )
                if split not in writers:
                    writers[split] = filled.open(stack, split, **columns)
                writers[split].add(*values)


class _Halves:
    """Parts labelled texts that come without splits: every other text of a label trains; equal texts stay together."""

    def __init__(self) -> None:
        self._of_text: dict[int, str] = {}
        self._counts: Counter[str] = Counter()

    def choose(self, text: str, labels: str | list[str]) -> str:
        key = digest_name(text)
        if key not in self._of_text:
            label = labels if isinstance(labels, str) else " ".join(labels)
            self._of_text[key] = ("train", "test")[self._counts[label] % 2]
            self._counts[label] += 1
        return self._of_text[key]


def _name_split(row: Mapping[str, Any], reader: RowReader, line: int) -> str | None:
    """The split that a row's own column names."""
    split = row.get("split")
    if split is None:
        return None
    if split in ("train", "test"):
        return str(split)
    if split in SPLITS:
        return "other"
    reader.fault(line, f"the split is none of {', '.join(SPLITS)}")
    return "other"


def _take_scored(reader: RowReader, line: int, row: Mapping[str, Any]) -> tuple[Any, ...] | None:
    values = reader.text(line, row, "first"), reader.text(line, row, "second"), reader.number(line, row, "score")
    return None if None in values else values


def _take_similar(reader: RowReader, line: int, row: Mapping[str, Any]) -> tuple[Any, ...] | None:
    values = reader.text(line, row, "first"), reader.text(line, row, "second"), reader.similar(line, row)
    return None if None in values else values


def _take_parallel(reader: RowReader, line: int, row: Mapping[str, Any]) -> tuple[Any, ...] | None:
    first, second = ("source", "target") if "source" in reader.columns else ("first", "second")
    values = reader.text(line, row, first), reader.text(line, row, second)
    return None if None in values else values


def _take_clustered(reader: RowReader, line: int, row: Mapping[str, Any]) -> tuple[Any, ...] | None:
    values = reader.text(line, row, "text"), reader.name(line, row, "cluster")
    return None if None in values else values


def _take_labelled(reader: RowReader, line: int, row: Mapping[str, Any]) -> tuple[Any, ...] | None:
    values = reader.text(line, row, "text"), reader.name(line, row, "label")
    return None if None in values else values


def _take_multilabelled(reader: RowReader, line: int, row: Mapping[str, Any]) -> tuple[Any, ...] | None:
    text, labels = reader.text(line, row, "text"), reader.names(line, row, "label")
    return None if text is None or labels is None else (text, labels)


PAIR = {"sentence1": "text", "sentence2": "text"}

TAKERS: dict[str, tuple[dict[str, str], Callable[[RowReader, int, Mapping[str, Any]], tuple[Any, ...] | None]]] = {
    "STS": ({**PAIR, "score": "number"}, _take_scored),
    "PairClassification": ({**PAIR, "labels": "whole"}, _take_similar),
    "BitextMining": (PAIR, _take_parallel),
    "Clustering": ({"sentences": "text", "labels": "text"}, _take_clustered),
    "Classification": ({"text": "text", "label": "text"}, _take_labelled),
    "MultilabelClassification": ({"text": "text", "label": "texts"}, _take_multilabelled),
}
"""Columns as mteb's task of each type reads them, and how a row is taken apart into them."""
