"""The page: every section in order, one file, nothing fetched."""

from __future__ import annotations

import re
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING

import jinja2
from markupsafe import Markup

from prefixbench.files import write_bytes
from prefixbench.report.chart import render_drawings
from prefixbench.report.evidence import gather_evidence
from prefixbench.report.inputs import ReportOptions
from prefixbench.report.palette import render_variables
from prefixbench.report.sections.answer import build_answer
from prefixbench.report.sections.controls import build_meaning, build_mixup, build_side, build_wording
from prefixbench.report.sections.cost import build_cost
from prefixbench.report.sections.example import build_example
from prefixbench.report.sections.matter import build_matter
from prefixbench.report.sections.method import build_method
from prefixbench.report.sections.sent import build_sent
from prefixbench.report.sections.side_by_side import build_side_by_side
from prefixbench.report.sections.space import build_space
from prefixbench.report.sections.where import build_where
from prefixbench.report.sections.winners import build_winners
from prefixbench.report.svg import gather_styles
from prefixbench.report.words import clean_text, count_noun, join_words, shorten

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from prefixbench.report.chart import Chart
    from prefixbench.report.evidence import Evidence
    from prefixbench.report.inputs import AnalysisFrames
    from prefixbench.report.sections.section import Section
    from prefixbench.results.run import Run

BUILDERS: tuple[Callable[[Evidence], Section | None], ...] = (
    build_answer,
    build_matter,
    build_side_by_side,
    build_where,
    build_mixup,
    build_meaning,
    build_side,
    build_wording,
    build_winners,
    build_space,
    build_example,
    build_cost,
    build_sent,
    build_method,
)
"""Every section, in the order a reader meets it."""


def _clean_value(value: object) -> object:
    """No control character reaches the page, whatever a name holds; markup of ours passes."""
    return value if isinstance(value, Markup) or not isinstance(value, str) else clean_text(value)


@lru_cache(maxsize=1)
def _open_templates() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.PackageLoader("prefixbench.report", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_clean_value,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def build_sections(
    runs: Sequence[Run], analyses: Sequence[AnalysisFrames], options: ReportOptions | None = None
) -> tuple[Evidence, list[Section]]:
    """Everything the report says, not yet set as a page."""
    evidence = gather_evidence(runs, analyses, options or ReportOptions())
    sections = [build(evidence) for build in BUILDERS]
    return evidence, [section for section in sections if section is not None]


def build_report(runs: Sequence[Run], analyses: Sequence[AnalysisFrames], options: ReportOptions | None = None) -> str:
    """One HTML file for one or more runs.

    Args:
        runs: Side by side, in the order given.
        analyses: One a run.
        options: How it is written.

    Raises:
        ValueError: There is no run, or not one analysis a run.
    """
    return render_page(*build_sections(runs, analyses, options))


def write_report(path: Path, content: str) -> None:
    """Publish the page whole or not at all."""
    write_bytes(path, content.encode())


def list_charts(sections: Sequence[Section]) -> list[Chart]:
    """Every figure, in the page's order."""
    return [chart for section in sections for chart in section.charts]


def render_page(evidence: Evidence, sections: Sequence[Section]) -> str:
    """Set the sections as one page."""
    environment = _open_templates()
    names = join_words([clean_text(name) for name in evidence.run_names])
    page = environment.get_template("page.html.j2").render(
        title=evidence.options.title or f"Does the prefix matter? {names}",
        heading="Does the task prefix matter?",
        names=names,
        descriptions=list(
            dict.fromkeys(clean_text(run.spec.description) for run in evidence.runs if run.spec.description)
        ),
        extent=_describe_extent(evidence),
        unfinished=_describe_unfinished(evidence),
        sections=sections,
        drawings=render_drawings(list_charts(sections), evidence.options.n_processes),
        style=Markup(render_variables() + _load_style()),  # noqa: S704 - our own files
        script=Markup(_load_text("script.js")),  # noqa: S704 - our own file
        version=evidence.version,
        shorten=shorten,
    )
    return gather_styles(page)


def _describe_extent(evidence: Evidence) -> str:
    rows = [row for run in evidence.runs for row in run.results]
    words = [
        count_noun(len({row.model for row in rows}), "model"),
        count_noun(len({(row.task, row.hf_subset) for row in rows}), "task"),
        count_noun(len(evidence.conditions), "condition"),
        count_noun(len(rows), "cell"),
    ]
    times = [row.provenance.utc for row in rows]
    finished = f"; measured {datetime.fromisoformat(max(times)):%-d %B %Y}" if times else ""
    return " × ".join(words[:3]) + f", {words[3]}{finished}"


def _describe_unfinished(evidence: Evidence) -> list[str]:
    """What is still missing, a sentence for each run that lacks cells."""
    return [clean_text(run.describe_missing()) for run in evidence.runs if run.missing]


def _load_text(name: str) -> str:
    loader = _open_templates().loader
    assert loader is not None
    return loader.get_source(_open_templates(), name)[0]


def _load_style() -> str:
    """The style sheet without its comments and line breaks."""
    without_comments = re.sub(r"/\*.*?\*/", "", _load_text("style.css"), flags=re.DOTALL)
    return re.sub(r"\s+", " ", without_comments)
