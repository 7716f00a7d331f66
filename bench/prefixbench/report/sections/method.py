"""Method and provenance: how to read a verdict, what was run where, what is missing, how to cite."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prefixbench.report.sections.section import Section
from prefixbench.report.table import Column, Entry, Line, Table, enter_count
from prefixbench.report.words import count_noun, is_number, join_words, name_briefly

if TYPE_CHECKING:
    from prefixbench.report.evidence import Evidence
    from prefixbench.results.records import CellResult
    from prefixbench.results.run import Run

LICENSE_UNKNOWN = "not stated"


def build_method(evidence: Evidence) -> Section:
    """The page's end."""
    tables = [
        _tabulate_missing(evidence),
        _tabulate_models(evidence),
        _tabulate_data(evidence),
        _tabulate_machines(evidence),
    ]
    if len(evidence.refusals):
        tables.insert(1, _tabulate_refusals(evidence))
    return Section(
        "method",
        "Method and provenance",
        tables=tuple(table for table in tables if table.lines),
        template="sections/method.html.j2",
        view={
            "margin": " or ".join(f"{margin:g}" for margin in evidence.smallest_effects) + " points",
            "methods": _list_methods(evidence),
            "resamples": _list_numbers(evidence, "n_resamples"),
            "seeds": sorted({run.spec.seed for run in evidence.runs}),
            "commands": [
                (name, run.manifest.command) for run, name in zip(evidence.runs, evidence.run_names, strict=True)
            ],
            "warnings": _list_warnings(evidence),
            "notes": _list_notes(evidence),
            "citation": _cite(evidence),
            "n_missing": count_noun(sum(len(run.failures) for run in evidence.runs), "cell"),
        },
    )


def _list_methods(evidence: Evidence) -> list[str]:
    frame = evidence.contrasts
    return sorted({str(method) for method in frame["method"]}) if len(frame) else []


def _list_numbers(evidence: Evidence, column: str) -> str:
    frame = evidence.contrasts
    values = sorted({int(value) for value in frame[column] if is_number(value) and value > 0}) if len(frame) else []
    return join_words([str(value) for value in values])


def _list_warnings(evidence: Evidence) -> list[str]:
    return list(dict.fromkeys(text for _, _, row in evidence.iterate_results() for text in row.provenance.warnings))


def _list_notes(evidence: Evidence) -> list[str]:
    """Notes of cells, and cells that are one and the same under two names."""
    notes = [
        f"{subject}, {row.task}: {join_words(list(row.conditions))} send the same strings and are one cell."
        for _, subject, row in evidence.iterate_results()
        if len(row.conditions) > 1
    ]
    notes += [f"{subject}, {row.task}: {note}" for _, subject, row in evidence.iterate_results() for note in row.notes]
    return list(dict.fromkeys(notes))


def _tabulate_missing(evidence: Evidence) -> Table:
    """Cells without a score; those of one model and condition that share a reason share a line."""
    groups: dict[tuple[str, str, str, str], list[str]] = {}
    for run, name in zip(evidence.runs, evidence.run_names, strict=True):
        for row in run.failures:
            key = (row.status, evidence.name_subject(row.model, name), ", ".join(row.conditions), row.reason)
            groups.setdefault(key, []).append(evidence.name_task(row.task, row.hf_subset, row.hf_split))
    lines = tuple(
        Line(
            (
                Entry(condition),
                Entry(name_briefly(subject, 60)),
                Entry(status),
                Entry(reason),
                Entry(_list_all(tasks, evidence)),
            )
        )
        for (status, subject, condition, reason), tasks in sorted(groups.items())
    )
    columns = (Column("Condition"), Column("Model"), Column("Status"), Column("Reason"), Column("Tasks"))
    return Table("missing", "Cells without a score", columns, lines)


def _tabulate_refusals(evidence: Evidence) -> Table:
    groups: dict[tuple[str, str, str], list[str]] = {}
    for row in evidence.refusals.to_dict("records"):
        key = (str(row["contrast"]), str(row["subject"]), str(row["reason"]))
        groups.setdefault(key, []).append(str(row["label"]))
    lines = tuple(
        Line((Entry(contrast), Entry(name_briefly(subject, 60)), Entry(reason), Entry(_list_all(tasks, evidence))))
        for (contrast, subject, reason), tasks in groups.items()
    )
    columns = (Column("Contrast"), Column("Model"), Column("Reason"), Column("Tasks"))
    return Table("refusals", "Contrasts that were not computed", columns, lines)


def _list_all(tasks: list[str], evidence: Evidence) -> str:
    distinct = sorted(set(tasks))
    known = {(row.task, row.hf_subset, row.hf_split) for run in evidence.runs for row in run.results}
    known |= {(row.task, row.hf_subset, row.hf_split) for run in evidence.runs for row in run.failures}
    if 1 < len(distinct) == len(known):
        return f"all {len(distinct)} tasks"
    return f"{len(distinct)}: {', '.join(distinct)}" if len(distinct) > 1 else distinct[0]


def _tabulate_models(evidence: Evidence) -> Table:
    seen: dict[tuple[str, ...], CellResult] = {}
    for _, subject, row in evidence.iterate_results():
        seen.setdefault((subject, row.encoder.weights_digest, row.encoder.engine, row.encoder.dtype), row)
    lines = tuple(
        Line(
            (
                Entry(key[0]),
                Entry(row.model_revision or row.encoder.revision or "–", style="exact"),
                Entry(row.encoder.weights_digest[:16], style="exact"),
                Entry(row.mechanism.value),
                Entry(row.encoder.pooling),
                enter_count(row.encoder.max_seq_length),
                Entry(f"{row.encoder.dtype}, {row.encoder.engine}"),
            )
        )
        for key, row in seen.items()
    )
    columns = (
        Column("Model"),
        Column("Revision"),
        Column("Weights (sha256)"),
        Column("Mechanism"),
        Column("Pooling"),
        Column("Tokens read", numeric=True),
        Column("Precision, engine"),
    )
    return Table("models", "Models", columns, lines)


def _tabulate_data(evidence: Evidence) -> Table:
    seen: dict[tuple[str, ...], CellResult] = {}
    for _, _, row in evidence.iterate_results():
        seen.setdefault((row.task, row.hf_subset, row.hf_split, row.dataset_revision, row.dataset_sha256), row)
    lines = tuple(
        Line(
            (
                Entry(row.task if row.hf_subset == "default" else f"{row.task}:{row.hf_subset}"),
                Entry(row.task_type),
                Entry(row.hf_split),
                Entry(row.main_score),
                enter_count(row.n_items),
                Entry(row.task_source),
                Entry(row.dataset_revision, style="exact"),
                Entry(row.dataset_sha256[:16], style="exact"),
                Entry(row.dataset_license or LICENSE_UNKNOWN),
            )
        )
        for row in seen.values()
    )
    columns = (
        Column("Task"),
        Column("Type"),
        Column("Split"),
        Column("Metric"),
        Column("Items", numeric=True),
        Column("From"),
        Column("Revision"),
        Column("Content (sha256)"),
        Column("Licence"),
    )
    return Table("data", "Tasks and data", columns, lines)


def _tabulate_machines(evidence: Evidence) -> Table:
    lines: dict[tuple[str, ...], Line] = {}
    for run, name in zip(evidence.runs, evidence.run_names, strict=True):
        for row in run.results:
            facts = _describe_machine(name, run, row)
            lines.setdefault(tuple(facts), Line(tuple(Entry(fact) for fact in facts)))
    columns = (
        Column("Run"),
        Column("Device"),
        Column("Processor"),
        Column("Platform"),
        Column("Commit"),
        Column("Packages"),
        Column("Seed"),
        Column("Limit"),
    )
    return Table("machines", "Where and with what", columns, tuple(lines.values()))


def _describe_machine(name: str, run: Run, row: CellResult) -> list[str]:
    where = row.provenance
    commit = (where.git_commit or "installed wheel")[:12] + (" (changed)" if where.git_dirty else "")
    packages = ", ".join(f"{package} {version}" for package, version in sorted(where.packages.items()))
    return [
        name,
        where.device,
        where.cpu,
        where.platform,
        commit,
        packages,
        str(run.spec.seed),
        str(row.limit or "all items"),
    ]


def _cite(evidence: Evidence) -> str:
    times = [row.provenance.utc[:10] for _, _, row in evidence.iterate_results()]
    day = max(times) if times else "undated"
    commits = {(row.provenance.git_commit or "")[:12] for _, _, row in evidence.iterate_results()} - {""}
    commit = f", commit {join_words(sorted(commits))}" if commits else ""
    return f"prefixbench {evidence.version}, run {join_words(list(evidence.run_names))}, measured {day}{commit}."
