"""The claims of others beside the run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from prefixbench.analysis.names import format_contrast
from prefixbench.claims import Assessment
from prefixbench.claims.judge import Outcome
from prefixbench.claims.screen import ORDER
from prefixbench.report.markdown import escape
from prefixbench.report.words import format_interval, format_points

GLYPHS = {Outcome.REFUTED: "✗", Outcome.CONFIRMED: "✓", Outcome.CANNOT_TELL: "○"}


def tell_claims(assessments: Sequence[Assessment]) -> str:
    """A table of the claims that something was run for, and how many there are besides."""
    counts = Counter(one.outcome for one in assessments)
    told = ", ".join(f"{counts[word]} {word}" for word in ORDER)
    lines = [
        "## Whose claims hold",
        "",
        f"Of {len(assessments)} claims in `tasks/claims`, {told}. What a claim "
        "names decides what counts for it; a size measured on someone's own data is not judged on other data, its "
        "direction is (decision 1201). `prefixbench claims results/answer --all` has sources, every row, and the "
        "command that would test what was not run.",
        "",
        "| | who says what | what decides | n |",
        "|---|---|---|---|",
    ]
    judged = [one for one in assessments if one.outcome is not Outcome.NOT_RUN]
    lines += [_tell(one) for one in sorted(judged, key=lambda one: ORDER.index(one.outcome))]
    return "\n".join(lines) + "\n"


def _tell(one: Assessment) -> str:
    row = one.decisive[0]
    metric = f" {row.metric}" if row.metric else ""
    told = f"{row.model}, {row.place}{metric}, {format_contrast(row.pair)}: {format_points(row.delta)} points "
    told += format_interval(*row.interval)
    if len(one.rows) > 1:
        counts = Counter(other.outcome for other in one.rows)
        told += f"; of {len(one.rows)} rows {', '.join(f'{counts[word]} {word}' for word in ORDER if counts[word])}"
    n = f"{row.n_items:,}"
    if row.needed is not None and one.test is not None:
        n += f"; theirs {one.test.n_items}, for that size {row.needed:,}"
    said = f"**{escape(one.claim.vendor)}**: {escape(one.claim.says)} [source]({one.claim.source})"
    return f"| {GLYPHS[one.outcome]} {one.outcome} | {said} | {escape(told)} | {escape(n)} |"
