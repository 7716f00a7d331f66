"""Provenance: what was run where and with what, what is missing, how to cite."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from prefixbench.report.endpoints import tabulate_endpoints
from prefixbench.report.table import Column, Entry, Line, Table, enter_count
from prefixbench.report.words import count_noun, join_words, name_briefly

if TYPE_CHECKING:
    from prefixbench.report.evidence import Evidence
    from prefixbench.results.records import CellResult
    from prefixbench.results.run import Run

LICENSE_UNKNOWN = "not stated"


@dataclass(frozen=True, slots=True)
class Method:
    """The page's end.

    Attributes:
        methods: How intervals and tests came about, as the analysis names them.
        seeds: Of the runs.
        commands: Run and the command that made it.
        citation: How to cite this.
        missing: Cells without a score, one sentence for those left out by rule, inert, and failed.
        notes: Warnings and notes of cells.
        tables: Reasons, models, data and machines.
    """

    methods: tuple[str, ...]
    seeds: str
    commands: tuple[tuple[str, str], ...]
    citation: str
    missing: tuple[str, ...]
    notes: tuple[str, ...]
    tables: tuple[Table, ...]


def describe_method(evidence: Evidence) -> Method:
    """Everything that makes the numbers reproducible."""
    tables = [
        _tabulate_missing(evidence),
        *([_tabulate_refusals(evidence)] if len(evidence.refusals) else []),
        _tabulate_models(evidence),
        tabulate_endpoints(evidence),
        _tabulate_data(evidence),
        _tabulate_machines(evidence),
    ]
    return Method(
        methods=tuple(_list_methods(evidence)),
        seeds=join_words([str(seed) for seed in sorted({run.spec.seed for run in evidence.runs})]),
        commands=tuple(
            (name, run.manifest.command) for run, name in zip(evidence.runs, evidence.run_names, strict=True)
        ),
        citation=_cite(evidence),
        missing=describe_missing(evidence),
        notes=(*_list_warnings(evidence), *_list_notes(evidence)),
        tables=tuple(table for table in tables if table.lines),
    )


def describe_missing(evidence: Evidence) -> tuple[str, ...]:
    """Cells without a score: a sentence for those left out by rule, those that are inert, and those that failed."""
    told = []
    for status, words in (("skipped", "left out by rule"), ("inert", "inert"), ("failed", "failed")):
        rows = [row for run in evidence.runs for row in run.failures if row.status == status]
        if rows:
            counts = Counter(name for row in rows for name in row.conditions)
            named = [f"{name} {n}" for name, n in counts.most_common(4)]
            more = f" and {count_noun(len(counts) - 4, 'more condition')}" if len(counts) > 4 else ""
            told.append(f"{count_noun(len(rows), 'cell')} {words}: {', '.join(named)}{more}.")
    return tuple(told)


def _list_methods(evidence: Evidence) -> list[str]:
    frame = evidence.contrasts
    return sorted({str(method) for method in frame["method"]}) if len(frame) else []


def _list_warnings(evidence: Evidence) -> list[str]:
    return list(dict.fromkeys(text for _, _, row in evidence.iterate_results() for text in row.provenance.warnings))


def _list_notes(evidence: Evidence) -> list[str]:
    """Notes of cells."""
    notes = [f"{subject}, {row.task}: {note}" for _, subject, row in evidence.iterate_results() for note in row.notes]
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
    columns = (Column("Condition"), Column("Model"), Column("Status", wide=True), Column("Reason"), Column("Tasks"))
    return Table("missing", "Cells without a score", columns, lines)


def _tabulate_refusals(evidence: Evidence) -> Table:
    groups: dict[tuple[str, str, str], list[str]] = {}
    for row in evidence.refusals.to_dict("records"):
        if " was skipped: " in str(row["reason"]):
            continue  # the cell itself is listed with that reason
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
        Column("Revision", wide=True),
        Column("Weights (sha256)", wide=True),
        Column("Mechanism", wide=True),
        Column("Pooling", wide=True),
        Column("Tokens read", numeric=True, wide=True),
        Column("Precision, engine", wide=True),
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
        Column("Split", wide=True),
        Column("Metric", wide=True),
        Column("Items", numeric=True),
        Column("From", wide=True),
        Column("Revision", wide=True),
        Column("Content (sha256)", wide=True),
        Column("Licence"),
    )
    return Table("data", "Tasks and data", columns, lines)


def _tabulate_machines(evidence: Evidence) -> Table:
    machines: dict[tuple[object, ...], list[str]] = {}
    for run, name in zip(evidence.runs, evidence.run_names, strict=True):
        for row in run.results:
            where = row.provenance
            commit = where.git_commit, where.git_dirty
            key = (name, where.device, where.cpu, where.platform, *commit, tuple(where.packages.items()), row.limit)
            if key not in machines:
                machines[key] = _describe_machine(name, run, row)
    lines = tuple(Line(tuple(Entry(fact) for fact in facts)) for facts in dict.fromkeys(map(tuple, machines.values())))
    columns = (
        Column("Run"),
        Column("Device"),
        Column("Processor", wide=True),
        Column("Platform", wide=True),
        Column("Commit"),
        Column("Packages", wide=True),
        Column("Seed"),
        Column("Limit"),
    )
    return Table("machines", "Where and with what", columns, lines)


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
