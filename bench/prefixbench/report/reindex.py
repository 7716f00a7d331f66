"""Whether an index that was built without the prefix may stay: keep it, embed it again, or do so in the background."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from prefixbench.analysis.blocks import Place
from prefixbench.analysis.columns_explored import DRIFT
from prefixbench.errors import SpecError
from prefixbench.report.effects import INERT, SAME, Effect
from prefixbench.report.one_model import OneModel, load_model
from prefixbench.report.sentences import quote
from prefixbench.report.words import clean_text, join_words
from prefixbench.spec.tasks import ROLE_TASK_TYPES

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from prefixbench.report.effects import Pair
    from prefixbench.results.records import CellResult

WANTED = ("none", "correct", "query-only", "mixed:0.5")
"""Conditions without which the question is not answered."""


@dataclass(frozen=True, slots=True)
class Stage:
    """An index of which a share is still as it was, against one that was not touched, queries prefixed in both.

    Attributes:
        share: Of the documents that are still without prefix, 0–1.
        against_old: Against the old index; ``None`` where that was not compared.
        against_new: The finished index against it.
    """

    share: float
    against_old: Effect | None
    against_new: Effect | None


@dataclass(frozen=True, slots=True)
class IndexAnswer:
    """One task type's answer.

    Attributes:
        task_type: mteb's.
        decision: ``keep``, ``re-embed``, ``re-embed in the background`` or ``not shown``.
        why: One sentence.
        step: What the documents' prefix adds where queries have theirs; ``None`` where it was not measured.
        queries: What the queries' prefix alone does to the index as it stands.
        stages: Indexes half re-embedded, the least finished first.
    """

    task_type: str
    decision: str
    why: str
    step: Effect | None
    queries: Effect | None
    stages: tuple[Stage, ...]


@dataclass(frozen=True, slots=True)
class Bill:
    """What embedding all documents again takes.

    Attributes:
        documents: How many.
        tokens: Of all of them, with their prefix; ``None`` where no cell counted tokens.
        seconds: From the fastest to the slowest cell that embedded most of its texts; ``None`` where none did.
        device: Where that was measured.
        money: In the currency of the price; ``None`` without a price.
    """

    documents: int
    tokens: float | None
    seconds: tuple[float, float] | None
    device: str
    money: float | None


@dataclass(frozen=True, slots=True)
class Reindex:
    """The answer.

    Attributes:
        model: The model.
        run: The run's name.
        answers: One a task type that searches an index.
        thresholds: Rows of `prefixbench.analysis.drift` for the documented prefix.
        bill: What it takes; ``None`` where no number of documents is known.
        missing: What was not swept, with the command that sweeps it.
    """

    model: str
    run: str
    answers: tuple[IndexAnswer, ...]
    thresholds: tuple[dict[str, Any], ...]
    bill: Bill | None
    missing: tuple[str, ...]


def load_reindex(
    path: Path, model: str | None = None, documents: int | None = None, price: float | None = None
) -> Reindex:
    """Read a run and answer for one of its models.

    Args:
        path: The results folder.
        model: Which; not needed where the run holds one.
        documents: How many the index holds; as many as the run's largest task where absent.
        price: Of a million tokens; the run's own where absent.

    Raises:
        ResultsError: The folder cannot be read.
        SpecError: No such model, or several and none named; a number that is none.
    """
    if documents is not None and documents < 1:
        raise SpecError(f"--documents: {documents} is no number of documents; give 1 or more.")
    if price is not None and not 0 <= price < float("inf"):
        raise SpecError(f"--price: {price:g} is no price of a million tokens; give 0 or more.")
    one = load_model(path, model, _choose_pairs)
    types = [name for name in one.task_types if name in ROLE_TASK_TYPES]
    answers = tuple(_answer(one, name) for name in types)
    return Reindex(
        model=one.reading.model,
        run=one.run.name,
        answers=answers,
        thresholds=tuple(_find_thresholds(one)),
        bill=_write_bill(one, documents, price) if answers else None,
        missing=tuple(_list_missing(one, path, types)),
    )


def _choose_pairs(conditions: list[str]) -> tuple[Pair, ...]:
    return tuple((name, "query-only") for name in conditions if name.startswith("mixed:"))


def _answer(one: OneModel, task_type: str) -> IndexAnswer:
    left_out = one.reading.types("query-only", "correct").get(task_type)
    step = None if left_out is None else left_out.reverse()
    shares = sorted(
        {name for name, _ in one.reading.by_task if name.startswith("mixed:")}, key=_read_share, reverse=True
    )
    stages = tuple(
        Stage(
            _read_share(name),
            one.reading.types(name, "query-only").get(task_type),
            one.reading.types("correct", name).get(task_type),
        )
        for name in shares
        if task_type in one.reading.types(name)
    )
    decision, why = decide_index(step, stages)
    return IndexAnswer(task_type, decision, why, step, one.reading.types("query-only").get(task_type), stages)


def _read_share(condition: str) -> float:
    return float(condition.partition(":")[2].partition("+")[0])


def decide_index(step: Effect | None, stages: Iterable[Stage]) -> tuple[str, str]:
    """What to do, and why in a sentence; every claim is the word of a verdict.

    Args:
        step: ``correct`` against ``query-only``.
        stages: Indexes half re-embedded.
    """
    if step is None:
        return "not shown", "correct and query-only were not both measured."
    if step.verdict == INERT:
        return "not shown", f"nothing was measured: {step.reason}"
    if step.verdict == SAME:
        return "keep", "the documents take no prefix, so the index is what it would be."
    told = f"embedding the documents again: {quote(step)}"
    if step.verdict in {"hurts", "equivalent"}:
        tail = "hurts" if step.verdict == "hurts" else "makes no difference that matters"
        return "keep", f"{told}, which {tail}."
    if step.verdict != "helps":
        open_ones = {
            "positive": "gains, size open",
            "negative": "loses, size open",
            "described": "described, not tested",
        }
        return "not shown", f"{told}, {open_ones.get(step.verdict, 'the data cannot tell')}."
    compared = [stage.against_old for stage in stages if stage.against_old is not None]
    if compared and all(effect.verdict in {"helps", "equivalent", SAME} for effect in compared):
        return "re-embed in the background", f"{told}, which helps, and no mixture swept is worse by what matters."
    if any(effect.verdict in {"hurts", "negative"} for effect in compared):
        return (
            "re-embed",
            f"{told}, which helps; beside the old index, since a mixture of both is worse than the old one.",
        )
    what = "the data cannot tell whether a mixture is worse" if compared else "no mixture was swept"
    return "re-embed", f"{told}, which helps; beside the old index, since {what}."


def _find_thresholds(one: OneModel) -> list[dict[str, Any]]:
    """What a fixed threshold on similarities would do once texts have the prefix, by task of labelled pairs."""
    rows = one.evidence.drift.to_dict("records")
    labelled = [row for row in rows if row["share_alike"] == row["share_alike"]]  # graded pairs have no threshold
    return [
        {name: row[name] for name in DRIFT}
        for row in labelled
        if (row["model"], row["condition"]) == (one.reading.model, "correct")
    ]


def _write_bill(one: OneModel, documents: int | None, price: float | None) -> Bill | None:
    lengths = {  # the task, its documents, and their tokens with the prefix
        Place.of(row): (audit.n_texts, audit.n_tokens)
        for row in one.iterate_results()
        if "correct" in row.conditions
        for audit in row.audit
        if audit.role == "document"
    }
    if documents is None and not lengths:
        return None
    n_documents = documents or max(n_texts for n_texts, _ in lengths.values())
    counted = [(n_texts, n_tokens) for n_texts, n_tokens in lengths.values() if n_tokens]
    per_document = sum(n for _, n in counted) / sum(n for n, _ in counted) if counted else None
    tokens = None if per_document is None else per_document * n_documents
    rates = [rate for row in one.iterate_results() if (rate := _measure_rate(row)) is not None]
    devices = dict.fromkeys(row.provenance.device for row in one.iterate_results())
    own = next((spec.price_per_million_tokens for spec in one.run.spec.models if spec.name == one.reading.model), None)
    price = own if price is None else price
    return Bill(
        documents=n_documents,
        tokens=tokens,
        seconds=(tokens / max(rates), tokens / min(rates)) if tokens is not None and rates else None,
        device=join_words([clean_text(name) for name in devices]),
        money=None if price is None or tokens is None else price * tokens / 1e6,
    )


def _measure_rate(row: CellResult) -> float | None:
    """Tokens a second of a cell that embedded most of its texts; one that found them stored tells nothing.

    Rows of former versions do not hold the tokens; they are then the cell's mean a text for each text embedded.
    """
    cost = row.cost
    n_texts, n_tokens = sum(one.n_texts for one in row.audit), sum(one.n_tokens or 0 for one in row.audit)
    tokens = cost.tokens_used or (n_tokens / n_texts * cost.texts_embedded if n_texts else 0.0)
    if not tokens or cost.seconds_encode <= 0 or 2 * cost.texts_embedded < cost.texts_asked:
        return None
    return tokens / cost.seconds_encode


def _list_missing(one: OneModel, path: Path, types: list[str]) -> list[str]:
    """A sentence on each thing that was not swept, and how to sweep it."""
    if not types:
        return [
            "no task of this run searches an index; sweep one of type Retrieval, or your own with --data pairs.jsonl"
        ]
    present = set(one.evidence.conditions)
    lacking = [name for name in WANTED if name not in present]
    if any(name.startswith("mixed:") for name in present):
        lacking = [name for name in lacking if not name.startswith("mixed:")]
    said = []
    if lacking:
        spec = one.run.spec
        words = ["prefixbench", "sweep", "--models", one.reading.model]
        words += ["--tasks", ",".join(task.name for task in spec.tasks)] if spec.tasks else []
        for data in spec.data:
            words += ["--data", data.path]
        words += ["--conditions", ",".join(dict.fromkeys((*WANTED[:1], *lacking))), "--results", str(path)]
        said.append(f"{join_words(lacking)} not swept: {shlex.join(words)}")
    if "PairClassification" not in one.task_types:
        said.append(
            "thresholds on similarities not measured: they need labelled pairs, --data with columns text1,text2,label"
        )
    return said
