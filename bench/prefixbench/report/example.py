"""The example that the question came from: is the answer nearer to a question than its rewording?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from prefixbench.report.table import Column, Entry, Line, Table
from prefixbench.report.ways import name_way
from prefixbench.report.words import name_briefly

if TYPE_CHECKING:
    from prefixbench.report.evidence import Evidence
    from prefixbench.results.records import ExampleDistance, ProbeRecord

SHOWN = ("none", "correct", "wrong")


def tabulate_example(evidence: Evidence) -> Table:
    """One line a model and condition: cosine of each question to its rewording and to its answer, as a search."""
    probes = [
        (evidence.name_subject(probe.model, name), probe)
        for run, name in zip(evidence.runs, evidence.run_names, strict=True)
        for probe in run.probes
        if probe.task_type == "Retrieval" and probe.condition in SHOWN
    ]
    questions = tuple(dict.fromkeys(example.question for _, probe in probes for example in probe.examples))
    seen: set[tuple[object, ...]] = set()
    lines = []
    rank = {subject: index for index, subject in enumerate(evidence.subjects)}
    for subject, probe in sorted(probes, key=lambda one: (rank.get(one[0], len(rank)), SHOWN.index(one[1].condition))):
        key = subject, probe.pair.query, probe.pair.document
        if key not in seen:
            seen.add(key)
            lines.append(_enter(subject, probe, questions))
    columns = (Column("Model"), Column("Sent"), *(Column(question) for question in questions))
    return Table("example", "Cosine to the rewording, and to the answer", columns, tuple(lines))


def _enter(subject: str, probe: ProbeRecord, questions: tuple[str, ...]) -> Line:
    found = {example.question: example for example in probe.examples}
    cells = (_show(found[question]) if question in found else Entry("n/a") for question in questions)
    return Line((Entry(name_briefly(subject, 40)), Entry(name_way(probe.condition)), *cells))


def _show(example: ExampleDistance) -> Entry:
    nearer = "answer" if example.similarity_answer > example.similarity_paraphrase else "rewording"
    return Entry(
        f"{example.similarity_paraphrase:.2f}, {example.similarity_answer:.2f}: {nearer} nearer",
        example.similarity_answer - example.similarity_paraphrase,
    )
