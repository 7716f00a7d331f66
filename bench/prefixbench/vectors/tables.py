"""The store's reports as plain text."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from prefixbench.vectors.stats import NamespaceStats, StoreStats
    from prefixbench.vectors.upkeep import PruneReport, VerifyReport


def render_stats(stats: StoreStats) -> str:
    """One line a namespace, under the folder and the sum."""
    if not stats.namespaces:
        return f"{stats.folder}: no vectors stored.\n"
    header = ("model", "how", "vectors", "size", "segments", "last used", "namespace")
    rows = [header, *(_row(one) for one in stats.namespaces)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(header))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    total = stats.to_json()
    summary = f"{stats.folder}: {total['vectors']:,} vectors, {format_bytes(total['bytes'])}"
    return "\n".join([summary, "", *lines]) + "\n"


def render_verify(report: VerifyReport) -> str:
    """The damage, if any, and what was read."""
    found = [str(damage) for damage in report.damage]
    verdict = "all are as written" if not found else f"damage in {len(found)}"
    return (
        "\n".join([*found, f"{report.n_vectors:,} vectors in {report.n_segments:,} segments read: {verdict}."]) + "\n"
    )


def render_prune(report: PruneReport) -> str:
    """What went."""
    text = f"{report.n_vectors:,} vectors in {report.n_segments:,} segments deleted, {format_bytes(report.n_bytes)}.\n"
    if report.n_bytes_waiting:
        text += f"{format_bytes(report.n_bytes_waiting)} of it are free once the store is pruned again in a day.\n"
    return text


def format_bytes(number: int) -> str:
    """A size for people, in powers of 1000."""
    size = float(number)
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


def _row(one: NamespaceStats) -> tuple[str, ...]:
    last_used = max(segment.last_used for segment in one.segments)
    how = "unknown"
    if one.record:
        identity, state = one.record.namespace.identity, one.record.namespace.state
        revision = (identity.revision or "no revision")[:8]
        steered = [f"adapter {state.adapter}"] if state.adapter else []
        steered += [f"{name}={value}" for name, value in state.api]
        steered += [f"prefix pooling {state.pooling}"] if state.pooling else []
        steered += [f"route {state.route}"] if state.route else []
        how = ", ".join(
            [revision, identity.dtype, f"{identity.max_seq_length} tokens", f"dim {one.record.dim}", *steered]
        )
    day = datetime.fromtimestamp(last_used, UTC).strftime("%Y-%m-%d")
    return one.model, how, f"{one.n_vectors:,}", format_bytes(one.n_bytes), str(len(one.segments)), day, one.name[:8]
