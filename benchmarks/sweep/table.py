"""The table of a comparison, from its figures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

SCALING = Path(__file__).parents[1] / "scaling" / "figures.json"

NAMES = {
    "plain-one": "one condition: plain loop",
    "cached-one": "one condition: plain loop, mteb's cache",
    "ours-one": "one condition: prefixbench",
    "ours-one-known": "one condition: prefixbench, a model it ran before",
    "ours-one-bfloat16": "one condition: prefixbench, bfloat16",
    "plain-eight": "eight conditions: plain loop",
    "cached-eight": "eight conditions: plain loop, mteb's cache",
    "ours-eight": "eight conditions: prefixbench",
    "ours-eight-bfloat16": "eight conditions: prefixbench, bfloat16",
    "ours-eight-stored": "eight conditions: prefixbench, all vectors stored",
}
HEADINGS = (
    "run",
    "wall s",
    "times faster",
    "CPU s",
    "times less",
    "peak MiB",
    "texts embedded",
    "largest score difference, points",
    "cores busy with other work",
)


def largest_difference(one: dict[str, float], other: dict[str, float]) -> float:
    """Largest change of a main score between two runs of the same cells, in points.

    Raises:
        ValueError: The runs scored different cells.
    """
    if one.keys() != other.keys():
        raise ValueError(f"cells of one run only: {sorted(one.keys() ^ other.keys())}")
    return max(100 * abs(one[key] - other[key]) for key in one)


def render_table(content: dict[str, Any]) -> str:
    """The figures as Markdown; every run against the plain loop over as many conditions."""
    runs = content["runs"]
    lines = [
        f"Tasks: {content['tasks']}. Ratios are to the plain loop over as many conditions.",
        "",
        "| " + " | ".join(HEADINGS) + " |",
        "|---|" + "---:|" * (len(HEADINGS) - 1),
    ]
    for name, label in NAMES.items():
        plain = runs.get("plain-eight" if "eight" in name else "plain-one")
        if name in runs:
            lines.append(_render_row(label, runs[name], plain))
    lines += ["", *_describe_repeats(runs), *_describe_limit(runs), *_describe_machine(runs)]
    return "\n".join(lines) + "\n"


def _render_row(label: str, run: dict[str, Any], plain: dict[str, Any] | None) -> str:
    """One run; what needs the plain loop over as many conditions is left open where that was not measured."""
    ratios = ["not measured"] * 3
    if plain is not None:
        ratios = [f"{plain[key] / run[key]:.1f}" for key in ("wall_seconds", "cpu_seconds")]
        ratios.append(f"{largest_difference(run['scores'], plain['scores']):.5f}")
    wall, cpu, difference = ratios
    cells = (
        label,
        f"{run['wall_seconds']:.1f}",
        wall,
        f"{run['cpu_seconds']:.1f}",
        cpu,
        f"{run['peak_pss_bytes'] / 2**20:.0f}",
        f"{run['texts_embedded']:,}",
        difference,
        f"{run['other_cores']:.2f}",
    )
    return "| " + " | ".join(cells) + " |"


def _describe_repeats(runs: dict[str, Any]) -> list[str]:
    """What the plain loop would take if its user left out conditions that send what another sends."""
    if "ours-eight" not in runs:
        return []
    if "plain-eight" not in runs:
        return _estimate_plain(runs)
    plain, ours = runs["plain-eight"], runs["ours-eight"]
    repeated = [key for key in plain["seconds"] if _is_repeat(key, plain["scores"], plain["seconds"])]
    wall = plain["wall_seconds"] - sum(plain["seconds"][key] for key in repeated)
    return [
        f"{len(repeated)} of the plain loop's {len(plain['seconds'])} evaluations repeat another: a task without roles "
        "is sent the same under `query-only` as under `correct`, and under `document-only` as under `none`. Without "
        f"them the plain loop takes {wall:.1f} s, {wall / ours['wall_seconds']:.1f} times prefixbench's.",
        "",
    ]


def _estimate_plain(runs: dict[str, Any]) -> list[str]:
    """What eight single conditions would take, where the plain loop over eight was not measured."""
    if "plain-one" not in runs:
        return []
    wall = 8 * runs["plain-one"]["wall_seconds"]
    ratios = [
        f"{wall / runs[name]['wall_seconds']:.1f} times as long as {label.partition(': ')[2]}"
        for name, label in NAMES.items()
        if name.startswith("ours-eight") and name in runs
    ]
    return [
        "The plain loop over eight conditions was not measured. By eight times its single condition, an estimate that "
        f"leaves out the longer prefixes and counts the imports eight times, it would take {wall:.0f} s: "
        f"{', and '.join(ratios)}.",
        "",
    ]


def _describe_limit(runs: dict[str, Any]) -> list[str]:
    """What an engine at the full rate of a matrix product could gain at most, by the share that is reached already."""
    scaling = json.loads(SCALING.read_text())
    pairs = [(runs.get(f"plain-{count}"), runs.get(f"ours-{count}"), count) for count in ("one", "eight")]
    measured = [(plain, ours, count) for plain, ours, count in pairs if plain and ours]
    machines = {(run["provenance"]["cpu"], run["provenance"].get("gpu")) for _, run, _ in measured}
    if machines != {(scaling["provenance"]["cpu"], None)}:
        return []
    points = [point for point in scaling["points"] if point["what"] == "conditions"]
    rate = sum(point["flops"] for point in points) / sum(point["cpu_seconds"] for point in points)
    share = rate / scaling["peak_flops_per_second"]
    limits = [
        f"{ours['embedding_seconds']:.1f} s of the {ours['wall_seconds']:.1f} s of {count}, so that at the full rate "
        f"and with all else for nothing it could be {plain['wall_seconds'] / (share * ours['embedding_seconds']):.1f} "
        "times faster than the plain loop"
        for plain, ours, count in measured
    ]
    return [
        f"Embedding runs at {share:.0%} of the processor's best float32 matrix product (`benchmarks/scaling`). It "
        f"takes {'; and '.join(limits)}. More than that is beyond this processor in float32.",
        "",
    ]


def _is_repeat(key: str, scores: dict[str, float], seconds: dict[str, float]) -> bool:
    task, condition = key.split(":", 1)
    twin = {"custom:query-only": "custom:correct", "custom:document-only": "none"}.get(condition)
    if twin is None or f"{task}:{twin}" not in seconds:
        return False
    places = [name for name in scores if name.startswith(f"{task}:") and name.endswith(f":{condition}")]
    return all(scores[name] == scores[name.removesuffix(condition) + twin] for name in places)


def _describe_machine(runs: dict[str, Any]) -> list[str]:
    packages = ("mteb", "sentence-transformers", "torch", "openvino")
    lines = []
    for one in (run["provenance"] for run in runs.values()):
        versions = ", ".join(f"{name} {one['packages'][name]}" for name in packages if name in one["packages"])
        where = one["cpu"] if one.get("gpu") is None else f"{one['gpu']}; {one['cpu']}"
        lines.append(f"{where}; {versions}.")
    return list(dict.fromkeys(lines))
