"""What the twins say of the cause: the sentences that ``docs/findings.md`` leads with."""

from __future__ import annotations

from prefixbench.twins.findings_page import Findings


def tell_twins(findings: Findings) -> str:
    """The verdicts on models that differ in nothing but how training told them the task."""
    lines = [
        "## Why: models that differ in nothing but the prefix",
        "",
        "Models on a hub differ in everything at once. The twins are one small base model trained on the same pairs in "
        "the same order, with prefixes, without, or with adapters; a difference between them has that one cause. "
        "[findings.md](findings.md) has the tables.",
        "",
        *(f"- {one.sentence}" for one in findings.headlines),
        "",
        "![The twins: these differences on the task type of which most can be said](findings.png)",
    ]
    return "\n".join(lines) + "\n"
