"""The tables of how cost grows, from the figures."""

from __future__ import annotations

from typing import Any

HEADINGS = {"conditions": "conditions", "texts": "texts", "size": "layers × width"}


def render_table(content: dict[str, Any]) -> str:
    """One table for each of what grows, as Markdown."""
    peak = content["peak_flops_per_second"]
    machine = content["provenance"]
    clock = "processor seconds" if machine["device"] == "cpu" else "seconds"
    lines = [
        f"{machine['cpu']}, device {machine['device']}, {content['threads']} torch threads; the best float32 matrix "
        f"product ran at {peak / 1e9:,.0f} GFLOP/s. Rates and shares are by {clock} and by real tokens.",
    ]
    for what, heading in HEADINGS.items():
        lines += [
            "",
            f"| {heading} | texts embedded | tokens | seconds | processor seconds | texts/s | GFLOP/s | share "
            "| cores of other work |",
            "|---|" + "---:|" * 8,
        ]
        lines += [_render_point(point, peak, machine["device"]) for point in content["points"] if point["what"] == what]
    return "\n".join(lines) + "\n"


def _render_point(point: dict[str, Any], peak: float, device: str) -> str:
    seconds = point["cpu_seconds" if device == "cpu" else "seconds"]
    rate = point["flops"] / seconds
    return (
        f"| {point['value']} | {point['texts_embedded']:,} | {point['tokens']:,} | {point['seconds']:.2f} "
        f"| {point['cpu_seconds']:.2f} | {point['texts_embedded'] / seconds:,.0f} "
        f"| {rate / 1e9:,.0f} | {rate / peak:.0%} | {point['other_cores']:.2f} |"
    )
