"""The forest and the ladders as figures for a paper, and the first screen as a picture to be passed on."""

from __future__ import annotations

import textwrap
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING

import matplotlib as mpl
from matplotlib.figure import Figure

from prefixbench.analysis.export import escape_frame
from prefixbench.files import write_bytes
from prefixbench.report.data_links import tabulate_effects
from prefixbench.report.effects import Effect
from prefixbench.report.palette import GROUND, INK, MUTED, RULE, TONE_COLOURS, WASH_EQUIVALENT
from prefixbench.report.scale import fit_scale
from prefixbench.report.sentences import name_type
from prefixbench.report.words import (
    TONES,
    VERDICT_GLYPHS,
    clean_text,
    format_interval,
    format_points,
    make_anchor,
    name_briefly,
    shorten,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from matplotlib.axes import Axes

    from prefixbench.report.answer import Answer, ModelAnswer
    from prefixbench.report.ways import Ladder

Drawn = tuple[str, "Effect | None", bool]
"""Label, effect (``None`` for nothing itself), and whether it is a mean of tasks."""

ROW = 0.24
"""Inches a row."""
_STYLE: dict[str, object] = {
    "svg.fonttype": "none",
    "pdf.fonttype": 42,
    "text.parse_math": False,
    "font.family": "sans-serif",
    "font.size": 8.0,
    "text.color": INK.light,
    "axes.edgecolor": RULE.light,
    "xtick.color": MUTED.light,
    "ytick.color": INK.light,
    "xtick.major.size": 0.0,
    "ytick.major.size": 0.0,
}


@contextmanager
def open_canvas() -> Iterator[None]:
    """The look of every figure; a letter that the drawing font lacks is drawn as a box, without a warning."""
    with mpl.rc_context(_STYLE), warnings.catch_warnings():  # type: ignore[arg-type] # keys are a Literal there
        warnings.filterwarnings("ignore", message=r"Glyph \d+ .* missing from font")
        yield


def list_forest(model: ModelAnswer) -> list[Drawn]:
    """The rows of a model's forest."""
    return [
        (
            f"{name_type(row.effect.task_type)}, mean of {len(row.effect.tasks)}" if row.is_mean else row.effect.name,
            row.effect,
            row.is_mean,
        )
        for row in model.forest
    ]


def list_ladder(ladder: Ladder) -> list[Drawn]:
    """The rows of a ladder."""
    return [(way.label, way.effect, False) for way in ladder.ways]


def draw_rows(axes: Axes, rows: Sequence[Drawn], margin: float, most_ticks: int = 7) -> None:
    """Intervals on one scale, filled where the verdict holds, a diamond for a mean, numbers at the right."""
    scale = fit_scale([effect for _, effect, _ in rows if effect is not None], margin, most_ticks)
    axes.axvspan(-margin, margin, color=WASH_EQUIVALENT.light, zorder=0, linewidth=0)
    axes.axvline(0.0, color=MUTED.light, linewidth=0.8, zorder=1)
    for line, (_, effect, is_mean) in enumerate(rows):
        if effect is None:
            axes.plot(0.0, line, "o", color=INK.light, markerfacecolor=GROUND.light, markersize=4, zorder=3)
            axes.annotate("baseline", (1.02, line), xycoords=("axes fraction", "data"), va="center", color=MUTED.light)
            continue
        colour = TONE_COLOURS[TONES[effect.verdict]].light
        face = colour if effect.is_decided else GROUND.light
        axes.plot([effect.low, effect.high], [line, line], color=colour, linewidth=2.2, zorder=2)
        axes.plot(
            effect.delta, line, "D" if is_mean else "o", color=colour, markerfacecolor=face, markersize=6, zorder=3
        )
        told = (
            f"{VERDICT_GLYPHS[effect.verdict]} {format_points(effect.delta)} {format_interval(effect.low, effect.high)}"
        )
        axes.annotate(told, (1.02, line), xycoords=("axes fraction", "data"), va="center", color=colour)
    axes.set_xlim(scale.low, scale.high)
    axes.set_xticks(scale.ticks, [format_points(tick, 0 if tick == int(tick) else 1) for tick in scale.ticks])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_yticks(range(len(rows)), [shorten(label, 46) for label, _, _ in rows])
    for spine in ("left", "top", "right"):
        axes.spines[spine].set_visible(False)


def draw_figure(title: str, rows: Sequence[Drawn], margin: float) -> Figure:
    """One figure with its finding as title."""
    lines = textwrap.wrap(clean_text(title), 88)
    height = ROW * len(rows) + 0.45 + 0.2 * len(lines)
    figure = Figure(figsize=(7.2, height))
    axes = figure.add_axes((0.37, 0.34 / height, 0.35, (ROW * len(rows)) / height))
    draw_rows(axes, rows, margin)
    figure.text(0.01, 1 - 0.06 / height, "\n".join(lines), weight="bold", va="top", fontsize=9)
    return figure


def write_intervals(
    path: Path, title: str, rows: Sequence[tuple[str, float, tuple[float, float], str]], margin: float
) -> None:
    """Write rows of (label, points, interval, verdict) as a PNG.

    Args:
        path: The file.
        title: What the figure says.
        rows: In the order drawn.
        margin: Points within which a difference does not matter.
    """
    drawn: list[Drawn] = [
        (label, Effect(label, "", (label, ""), delta, low, high, verdict), False)
        for label, delta, (low, high), verdict in rows
    ]
    with open_canvas():
        draw_figure(title, drawn, margin).savefig(path, dpi=160, facecolor="white", metadata={"Software": None})


def write_figures(answer: Answer, folder: Path) -> list[Path]:
    """Write every model's forest and ladders as PDF and PNG (300 dots an inch) with their data as CSV.

    Returns:
        The files, in the order written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    for model in (*answer.models, *answer.undocumented):
        name = name_briefly(model.name, 60)
        if model.forest:
            rows = list_forest(model)
            written += _write(
                folder / make_anchor("forest", model.name), f"{name}: {model.sentence}", rows, model.margin
            )
        for ladder in model.ladders:
            stem = folder / make_anchor("ways", model.name, ladder.task_type)
            title = f"{name}, {name_type(ladder.task_type)}: every way of sending, in points against {ladder.baseline}"
            written += _write(stem, title, list_ladder(ladder), model.margin)
    return written


def _write(stem: Path, title: str, rows: Sequence[Drawn], margin: float) -> list[Path]:
    paths = [stem.with_name(f"{stem.name}.{ending}") for ending in ("pdf", "png", "csv")]
    with open_canvas():
        figure = draw_figure(title, rows, margin)
        figure.savefig(paths[0], metadata={"CreationDate": None}, facecolor="white")
        figure.savefig(paths[1], dpi=300, facecolor="white")
    effects = [effect for _, effect, _ in rows if effect is not None]
    write_bytes(paths[2], escape_frame(tabulate_effects(effects)).to_csv(index=False, float_format="%.6g").encode())
    return paths


def write_card(answer: Answer, extent: str, path: Path) -> None:
    """Write the first screen as a PNG of 1600 × 900: sentence, what was measured, four replies, forest and ladder."""
    with open_canvas():
        figure = Figure(figsize=(10.0, 5.625))
        headline = textwrap.wrap(clean_text(answer.sentence), 76)[:3]
        figure.text(0.03, 0.96, f"prefixbench · {extent}", color=MUTED.light, va="top", fontsize=8)
        figure.text(0.03, 0.925, "\n".join(headline), va="top", fontsize=15, family="serif", weight="bold")
        top = 0.91 - 0.055 * len(headline)
        for line, reply in enumerate(answer.replies if answer.models else ()):
            y = top - 0.045 * (line + 0.5)
            tone = TONE_COLOURS[TONES.get(reply.verdict, "inconclusive")].light
            figure.text(0.03, y, reply.question, va="center", fontsize=8.5)
            glyph = VERDICT_GLYPHS.get(reply.verdict, "–")
            figure.text(0.33, y, f"{glyph} {reply.word}", va="center", fontsize=8.5, color=tone, weight="bold")
            figure.text(0.51, y, shorten(reply.detail, 84), va="center", fontsize=7.5, color=MUTED.light)
        _draw_charts(figure, answer, top - 0.045 * len(answer.replies if answer.models else ()) - 0.06)
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=160, facecolor="white", metadata={"Software": None})


def _draw_charts(figure: Figure, answer: Answer, top: float) -> None:
    """One model's forest and ladder, or the matrix of many."""
    model = answer.single
    if model is None:
        _draw_matrix(figure, answer, top)
        return
    charts = [(list_forest_short(model), 0.0)] if model.forest else []
    charts += [(list_ladder(model.ladders[0]), 0.5)] if model.ladders else []
    for rows, left in charts:
        height = min(top - 0.08, len(rows) * 1.3 * ROW / 5.625)
        axes = figure.add_axes((left + 0.18, top - height, 0.15, height))
        draw_rows(axes, rows, model.margin, most_ticks=5)


def list_forest_short(model: ModelAnswer) -> list[Drawn]:
    """The rows of the forest that the first screen shows."""
    shown = {id(row.effect) for row in model.short_forest}
    return [drawn for drawn, row in zip(list_forest(model), model.forest, strict=True) if id(row.effect) in shown]


def _draw_matrix(figure: Figure, answer: Answer, top: float) -> None:
    types = answer.task_types[:7]
    for column, task_type in enumerate(types):
        figure.text(0.36 + 0.09 * column, top, name_type(task_type), fontsize=7, color=MUTED.light, ha="right")
    for line, model in enumerate(answer.models[:14]):
        y = top - 0.04 * (line + 1)
        figure.text(0.03, y, name_briefly(model.name, 34), fontsize=8)
        for column, task_type in enumerate(types):
            effect = model.types.get(task_type)
            told = (
                f"{VERDICT_GLYPHS[effect.verdict]} {format_points(effect.delta)}"
                if effect is not None and effect.is_measured
                else "n/a"
            )
            tone = TONES[effect.verdict] if effect is not None else "inconclusive"
            figure.text(0.36 + 0.09 * column, y, told, fontsize=8, color=TONE_COLOURS[tone].light, ha="right")
