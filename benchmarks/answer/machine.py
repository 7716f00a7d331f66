"""Where the numbers come from: against the leaderboard, against another engine, on which machine, by which commands."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

from prefixbench.results import Run
from prefixbench.results.records import CellResult

from benchmarks.answer.evidence import WEIGHTS, Draws, Published

TOLERANCE = 0.05
"""Points within which two scores are the same."""


def compare_published(run: Run, published: Published, draws: Draws) -> str:
    """Published scores beside ours, every other condition that gives the published one, and how far draws move it."""
    lines = [
        "## Against the leaderboard",
        "",
        "| model | task | split | published | correct | none | mteb's registry | also |",
        "|---|---|---|---|---|---|---|---|",
    ]
    open_ones, others = [], []
    for key, score in sorted(published.items()):
        own = {name: 100 * cell.score for cell in run.results if _key(cell) == key for name in cell.conditions}
        if not own:
            continue
        also = [name for name, value in own.items() if abs(value - score) <= TOLERANCE and name not in _SHOWN]
        cells = [_mark(own.get(name), score) for name in _SHOWN]
        told = f"`{'`, `'.join(also)}`" if also else ""
        lines.append(f"| {key[0]} | {key[1]} | {key[3]} | {score:.2f} | {' | '.join(cells)} | {told} |")
        place = f"{key[1]} ({key[3]})"
        if not also and not any(abs(own[name] - score) <= TOLERANCE for name in own):
            open_ones.append(key)
        elif also and abs(own.get("correct", 0.0) - score) > TOLERANCE:
            others.append(
                f" On {place} the published score of {key[0]} is that of {told}: what was submitted, it seems, was "
                "sent with that prefix and not with the one documented for the task."
            )
    named = dict.fromkeys(f"{task} ({split})" for _, task, _, split in open_ones)
    lines += [
        "",
        f"Bold: within {TOLERANCE:g} points of the published score.{''.join(others)} No condition of the run gives the "
        f"published score on: {', '.join(named) or 'none'}.",
        "",
        *_tell_draws({key: published[key] for key in open_ones}, draws),
    ]
    return "\n".join(lines) + "\n"


def _tell_draws(open_ones: Published, draws: Draws) -> Iterator[str]:
    """Of the places that no condition explains: whether what mteb draws does."""
    drawn = {key: (score, draws[key]) for key, score in open_ones.items() if key in draws}
    if drawn:
        yield (
            "mteb before 2, which the published scores are from, drew the first training sample of a classification "
            "from numpy's global state, which depends on what the process did before; and the draws of a clustering "
            "follow the order of rows, which is another in the copy of the data used. The same vectors, drawn anew "
            "(`python -m benchmarks.answer.draws`):"
        )
        yield "\n| model | task | split | draws | lowest | highest | published | within |"
        yield "|---|---|---|---:|---:|---:|---:|---|"
    for (model, task, _, split), (score, scores) in drawn.items():
        row = (len(scores), f"{min(scores):.2f}", f"{max(scores):.2f}", f"{score:.2f}", _tell_within(score, scores))
        yield f"| {model} | {task} | {split} | {' | '.join(map(str, row))} |"
    left = [key for key, score in open_ones.items() if key not in drawn or _tell_within(score, draws[key]) == "no"]
    if left:
        named = ", ".join(f"{task} ({split}) of {model}" for model, task, _, split in left)
        yield f"\nNeither a condition of the run nor a draw gives the published score on {named}: **not explained**."


def _tell_within(score: float, drawn: tuple[float, ...]) -> str:
    return "yes" if min(drawn) <= score <= max(drawn) else "no"


_SHOWN = ("correct", "none", "mteb")


def _key(cell: CellResult) -> tuple[str, str, str, str]:
    return cell.model, cell.task, cell.hf_subset, cell.hf_split


def _mark(own: float | None, published: float) -> str:
    if own is None:
        return "not run"
    return f"**{own:.2f}**" if abs(own - published) <= TOLERANCE else f"{own:.2f}"


def compare_check(run: Run, check: Run | None) -> str:
    """Scores of cells that another engine computed in other batches, beside the run's."""
    if check is None:
        return ""
    own = {(_key(cell), name): cell for cell in run.results for name in cell.conditions}
    lines = [
        "## Another engine, other batches",
        "",
        "| model | task | condition | engine | score | engine | score | difference |",
        "|---|---|---|---|---|---|---|---|",
    ]
    worst = 0.0
    for cell in check.results:
        for name in cell.conditions:
            first = own.get((_key(cell), name))
            if first is None or first.encoder.engine == cell.encoder.engine:
                continue
            apart = 100 * (cell.score - first.score)
            worst = max(worst, abs(apart))
            lines.append(
                f"| {cell.model} | {cell.task} ({cell.hf_split}) | {name} | {first.encoder.engine} | "
                f"{100 * first.score:.3f} | {cell.encoder.engine} | {100 * cell.score:.3f} | {apart:+.3f} |"
            )
    lines += [
        "",
        f"Largest difference: {worst:.3f} points; {TOLERANCE:g} were allowed. `results/answer-check` was made with a "
        "cache of its own: the same sweep with the other `--engine` and `--batch-tokens 1024 --cache NEW`.",
    ]
    return "\n".join(lines) + "\n"


def tell_machine(run: Run) -> str:
    """Engine, weights and machine of every model, and the command that makes the run."""
    lines = [
        "## How it was made",
        "",
        "| model | revision | weights | engine | dtype | processor | cells |",
        "|---|---|---|---|---|---|---|",
    ]
    for model in dict.fromkeys(cell.model for cell in run.results):
        own = [cell for cell in run.results if cell.model == model]
        encoder = own[0].encoder
        cpus = " / ".join(dict.fromkeys(cell.provenance.cpu for cell in own))
        revision = (encoder.revision or "none")[:12]
        engines = ", ".join(dict.fromkeys(cell.encoder.engine for cell in own))
        weights = WEIGHTS.get(model, "as published")
        lines.append(f"| {model} | {revision} | {weights} | {engines} | {encoder.dtype} | {cpus} | {len(own)} |")
    lines += [
        "",
        "Given the hub, one command goes on with the run: `prefixbench sweep --preset answer --results results/answer`."
        " [manifest.csv](answer/manifest.csv) has, for every score, the revisions of model and data, the checksums of "
        "weights and data, the engine, and the one command that makes it alone.",
    ]
    return "\n".join(lines) + "\n"


def write_manifest(run: Run, path: Path) -> None:
    """Write one line a score: what made it, exactly, and how to make it again."""
    path.write_text(render_manifest(run), encoding="utf-8")


def render_manifest(run: Run) -> str:
    """The manifest as CSV."""
    text = StringIO()
    rows = sorted(_list_scores(run), key=lambda row: tuple(row.values())[:6])
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _list_scores(run: Run) -> Iterator[dict[str, str]]:
    for cell in run.results:
        task = cell.task if cell.hf_subset == "default" else f"{cell.task}:{cell.hf_subset}"
        encoder = cell.encoder
        for name in cell.conditions:
            yield {
                "model": cell.model,
                "task": task,
                "split": cell.hf_split,
                "condition": name,
                "main_score": cell.main_score,
                "score": f"{100 * cell.score:.4f}",
                "n_items": str(cell.n_items),
                "model_revision": encoder.revision or "",
                "weights_digest": encoder.weights_digest,
                "dataset_revision": cell.dataset_revision,
                "dataset_sha256": cell.dataset_sha256,
                "engine": encoder.engine,
                "dtype": encoder.dtype,
                "device": cell.provenance.device,
                "mteb": cell.provenance.packages.get("mteb", ""),
                "prefixbench_commit": cell.provenance.git_commit or "",
                "command": f"prefixbench sweep --models {cell.model} --tasks {task} --conditions {name} "
                f"--engine {encoder.engine}",
            }
