"""Documents alone, made to ask about themselves: a title searches its body, a heading its section, and so on."""

from __future__ import annotations

import csv
import itertools
import json
import re
import shutil
import tempfile
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xxhash

from prefixbench.data.faults import Faults
from prefixbench.data.layout_files import Source, list_files
from prefixbench.data.location import locate_data
from prefixbench.data.records import read_rows
from prefixbench.data.values import RowReader
from prefixbench.errors import SpecError, describe_unknown_name

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "id": ("_id", "id", "doc_id", "docid", "document_id", "url", "path"),
    "title": ("title", "heading", "headline", "name", "subject"),
    "text": ("text", "body", "content", "document", "passage", "contents"),
}
"""What the columns of documents are usually called; the first that is there is taken."""

FEWEST_LETTERS = {"query": 8, "body": 40}
"""Shorter ones ask, or answer, nothing."""

LONGEST_QUERY = 300
"""Letters; a first sentence beyond is a paragraph, not a question."""

_HEADING = re.compile(r"#{1,6}\s+(?P<title>.+?)\s*#*")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|(?<=[。！？])")


@dataclass(frozen=True, slots=True)
class Unit:
    """A document, or a part of one, and the text that should find it.

    Attributes:
        name: Its id.
        query: What should find it; ``None`` where it has none.
        body: What is searched, without the query.
    """

    name: str
    query: str | None
    body: str


@dataclass(frozen=True, slots=True)
class Made:
    """What was made.

    Attributes:
        folder: Where: ``corpus.jsonl``, ``queries.jsonl``, ``qrels/test.tsv``, ``README.md``.
        way: How: one of ``WAYS``.
        documents: Rows of the corpus.
        queries: Rows of the queries.
        left_out: Units without a query, and why, by reason.
        verbatim: Share of the queries that stand word for word in their own document all the same (0–1).
    """

    folder: Path
    way: str
    documents: int
    queries: int
    left_out: dict[str, int]
    verbatim: float


@dataclass(frozen=True, slots=True)
class _Document:
    name: str
    title: str
    text: str


def _split_titled(document: _Document) -> Iterator[Unit]:
    body = document.text.strip()
    if document.title and body.startswith(document.title):
        body = body[len(document.title) :].lstrip(" \t\r\n:.–—-")
    yield Unit(document.name, document.title or None, body or document.text)


def _split_headings(document: _Document) -> Iterator[Unit]:
    """Sections by Markdown headings; what looks like one inside a code block is none."""
    sections: list[tuple[str | None, list[str]]] = [(None, [])]
    fenced = False
    for line in document.text.splitlines():
        fenced ^= line.lstrip().startswith("```")
        found = None if fenced else _HEADING.fullmatch(line.strip())
        if found:
            sections.append((found["title"], []))
        else:
            sections[-1][1].append(line)
    kept = [(heading, body) for heading, lines in sections if (body := "\n".join(lines).strip())]
    for number, (heading, body) in enumerate(kept, start=1):
        yield Unit(f"{document.name}#{number}", heading, body)


def _split_sentence(document: _Document) -> Iterator[Unit]:
    first, *rest = _SENTENCE_END.split(document.text.strip(), maxsplit=1)
    has_rest = bool(rest and rest[0])
    yield Unit(document.name, first if has_rest else None, rest[0] if has_rest else document.text)


WAYS: dict[str, Callable[[_Document], Iterator[Unit]]] = {
    "title": _split_titled,
    "heading": _split_headings,
    "sentence": _split_sentence,
}
"""What searches: the title its body, a heading its section, the first sentence the rest."""


def make_data(folder: Path, documents: str, way: str | None = None, most: int = 1_000, seed: int = 42) -> Made:
    """Make a self-retrieval set in the BEIR layout that ``--data`` reads.

    Every document stays in the corpus; a query is kept only where one document answers it.

    Args:
        folder: Where it is put; must not exist yet.
        documents: A file or folder with documents, local or ``hf://``.
        way: One of ``WAYS``; told from the documents where absent.
        most: Queries kept at most, drawn by hash.
        seed: Of the draw.

    Raises:
        SpecError: Documents that cannot be read or are faulty, an unknown way, a folder that exists, too few queries.
    """
    if way is not None and way not in WAYS:
        raise SpecError(describe_unknown_name("way", way, WAYS, "--by"))
    if folder.exists():
        raise SpecError(f"{folder}: is there already; name a folder that is not.")
    source = list_files(locate_data(documents), documents, None).sources[0]
    columns = _find_columns(source)
    way = way or _guess_way(source, columns)
    chosen, left_out, verbatim = _choose(_read(source, columns, way, Faults()), most, seed)
    if chosen.sum() < 10:
        told = ", ".join(f"{count:,} {reason}" for reason, count in left_out.items())
        others = ", ".join(name for name in WAYS if name != way)
        raise SpecError(
            f"{documents}: only {int(chosen.sum())} queries come of it by {way} ({told}); 10 are the fewest that can "
            f"be compared. Try --by with another way: {others}."
        )
    made = Made(folder, way, len(chosen), int(chosen.sum()), left_out, verbatim)
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=".", suffix=".tmp", dir=folder.parent))
    try:
        _write(draft, _read(source, columns, way, Faults()), chosen)
        (draft / "README.md").write_text(describe_made(made), encoding="utf-8")
        draft.chmod(0o755)
        draft.replace(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return made


def _find_columns(source: Source) -> dict[str, str]:
    faults = Faults()
    first = next(read_rows(source.path, source.name, faults), None)
    faults.raise_any()
    if first is None:
        raise SpecError(f"{source.name}: holds no rows.")
    folded = {column.strip().casefold(): column for column in reversed(list(first[1]))}
    found = {part: next((folded[name] for name in names if name in folded), None) for part, names in COLUMNS.items()}
    columns = {part: column for part, column in found.items() if column is not None}
    if "text" not in columns:
        raise SpecError(
            f"{source.name}: has no column of text among {', '.join(first[1])}; it must be named one of "
            f"{', '.join(COLUMNS['text'])}."
        )
    return columns


def _guess_way(source: Source, columns: Mapping[str, str]) -> str:
    """``title`` where there is such a column, ``heading`` where half of the first texts have two, else ``sentence``."""
    if "title" in columns:
        return "title"
    rows = itertools.islice(read_rows(source.path, source.name, Faults()), 100)
    headed = [len(list(_split_headings(_Document("", "", str(row.get(columns["text"])))))) > 2 for _, row in rows]
    return "heading" if 2 * sum(headed) > len(headed) else "sentence"


def _read(source: Source, columns: Mapping[str, str], way: str, faults: Faults) -> Iterator[Unit]:
    """Yield the units of every document; faults are raised together at the end."""
    reader = RowReader(source.name, columns, faults)
    seen: set[int] = set()
    for number, (line, row) in enumerate(read_rows(source.path, source.name, faults), start=1):
        text = reader.text(line, row, "text")
        title = reader.text(line, row, "title", may_be_empty=True) if "title" in columns else ""
        name = reader.name(line, row, "id") if "id" in columns else str(number)
        if text is None or title is None or name is None:
            continue
        if (key := _digest(name)) in seen:
            reader.fault(line, "the id is another document's too")
        seen.add(key)
        yield from WAYS[way](_Document(name, " ".join(title.split()), text))
    faults.raise_any()


def _digest(text: str, seed: int = 0) -> int:
    return xxhash.xxh3_64_intdigest(text.encode(), seed)


def _choose(units: Iterator[Unit], most: int, seed: int) -> tuple[Any, dict[str, int], float]:
    """Which units keep their query: those with one of their own, of these the first ``most`` by hash."""
    queries, bodies, verbatim = array("Q"), array("Q"), array("b")
    reasons = {"without a query": 0, "too short or too long to ask": 0, "too short to answer": 0}
    for unit in units:
        reason = _refuse(unit)
        if reason:
            reasons[reason] += 1
        queries.append(0 if reason or unit.query is None else _digest(unit.query.casefold(), seed))
        bodies.append(_digest(unit.body))
        verbatim.append(unit.query is not None and unit.query.casefold() in unit.body.casefold())
    asked, answered = np.array(queries, dtype=np.uint64), np.array(bodies, dtype=np.uint64)
    has_query = asked != 0
    shared = has_query & ~(_is_single(asked) & _is_single(answered))
    reasons["with a query or a text that another has too"] = int(shared.sum())
    able = np.flatnonzero(has_query & ~shared)
    chosen = np.zeros(len(asked), dtype=bool)
    chosen[able[np.argsort(asked[able], kind="stable")[:most]]] = True
    reasons["beyond --queries"] = max(0, len(able) - most)
    share = float(np.array(verbatim, dtype=bool)[chosen].mean()) if chosen.any() else 0.0
    return chosen, {reason: count for reason, count in reasons.items() if count}, share


def _is_single(values: Any) -> Any:  # noqa: ANN401 - an array of digests in, one of truths out
    _, where, counts = np.unique(values, return_inverse=True, return_counts=True)
    return counts[where] == 1


def _refuse(unit: Unit) -> str:
    if unit.query is None:
        return "without a query"
    if not FEWEST_LETTERS["query"] <= len(unit.query) <= LONGEST_QUERY:
        return "too short or too long to ask"
    return "too short to answer" if len(unit.body) < FEWEST_LETTERS["body"] else ""


def _write(folder: Path, units: Iterator[Unit], chosen: Sequence[bool]) -> None:
    (folder / "qrels").mkdir()
    with ExitStack() as stack:
        corpus, queries, qrels = (
            stack.enter_context((folder / name).open("w", encoding="utf-8", newline="\n"))
            for name in ("corpus.jsonl", "queries.jsonl", "qrels/test.tsv")
        )
        judged = csv.writer(qrels, delimiter="\t", lineterminator="\n")
        judged.writerow(["query-id", "corpus-id", "score"])
        for unit, keeps in zip(units, chosen, strict=True):
            corpus.write(json.dumps({"_id": unit.name, "text": unit.body}, ensure_ascii=False) + "\n")
            if keeps:
                queries.write(json.dumps({"_id": f"q-{unit.name}", "text": unit.query}, ensure_ascii=False) + "\n")
                judged.writerow([f"q-{unit.name}", unit.name, 1])


_ASKS = {
    "title": ("a document's title", "its body, the title taken out"),
    "heading": ("a section's heading", "the section's text"),
    "sentence": ("a document's first sentence", "the rest of it"),
}


def describe_made(made: Made) -> str:
    """What was made, and what it can and cannot show."""
    query, answer = _ASKS[made.way]
    told = "".join(f"\n- {count:,} {reason}" for reason, count in made.left_out.items())
    return (
        "# Documents that are asked about themselves\n\n"
        f"{made.queries:,} queries over {made.documents:,} documents: {query} searches {answer}. "
        f"Left without a query, and kept in the corpus:\n{told or f'{chr(10)}- none'}\n\n"
        f"It can show which way of sending finds these documents better by {query}, and by how much: every way is "
        "compared on the same queries.\n\n"
        "It cannot show\n\n"
        f"- what your users' questions do: {query} is not a question, and a prefix made for questions may gain more, "
        "or less, on them;\n"
        f"- how good the search is: {query} shares words with {answer} ({made.verbatim:.0%} stand in it word for "
        "word), so every score is too high;\n"
        "- near-duplicates found: one document is right for each query, whatever else would answer it.\n\n"
        "A few hundred real questions with the passages that answer them say more. Take these until there are some.\n"
    )
