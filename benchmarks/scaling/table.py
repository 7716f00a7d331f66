"""The tables of how cost grows, from the figures."""

from __future__ import annotations

from typing import Any

HEADINGS = {"conditions": "conditions", "texts": "texts", "size": "layers × width"}


def render_table(content: dict[str, Any]) -> str:
    """One table for each of what grows, as Markdown."""
    peak = content["peak_flops_per_second"]
    machine = content["provenance"]
    lines = [
        f"{machine['cpu']}, device {machine['device']}, {content['threads']} torch threads; the best float32 matrix "
        f"product ran at {peak / 1e9:,.0f} GFLOP/s. Its share counts what real tokens need.",
    ]
    for what, heading in HEADINGS.items():
        lines += [
            "",
            f"| {heading} | texts embedded | tokens | seconds | texts/s | GFLOP/s | share | cores of other work |",
            "|---|" + "---:|" * 7,
        ]
        lines += [_render_point(point, peak) for point in content["points"] if point["what"] == what]
    return "\n".join(lines) + "\n"


def _render_point(point: dict[str, Any], peak: float) -> str:
    rate = point["flops"] / point["seconds"]
    return (
        f"| {point['value']} | {point['texts_embedded']:,} | {point['tokens']:,} | {point['seconds']:.2f} "
        f"| {point['texts_embedded'] / point['seconds']:,.0f} | {rate / 1e9:,.0f} | {rate / peak:.0%} "
        f"| {point['other_cores']:.2f} |"
    )
