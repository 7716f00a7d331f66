"""The heat map: every task under every condition, zero in the middle; and the matrix of prefixes against task types."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from matplotlib.patches import Rectangle

from prefixbench.report.canvas import WIDTH, clear_frame, draw_boxes, make_figure, open_canvas, write_beside
from prefixbench.report.palette import INK, MUTED, STEP_INK, STEP_INK_STRONG, STEPS, compute_step
from prefixbench.report.words import format_points, is_number, shorten

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ROW = 0.2
LEFT = 2.05
MOST_NUMBERS = 160
"""Tiles of one map that are numbered; beyond, numbers would be noise and their data are a link away."""
STRONG_STEPS = frozenset({0, 1, 7, 8})
"""Colours that want pale ink."""


@dataclass(frozen=True, slots=True)
class Tile:
    """One effect and its place."""

    column: int
    line: int
    delta: float
    verdict: str


def draw_heatmap(cells: pd.DataFrame, conditions: list[str], limit: float) -> Figure:
    """Draw one subject's heat map.

    Args:
        cells: ``label``, ``task_type``, ``condition``, ``delta_points``, ``verdict``; tasks in the order drawn.
        conditions: The columns, left to right.
        limit: Points at which the colours end, on both sides of zero.
    """
    rows = cells[["label", "task_type"]].drop_duplicates().to_dict("records")
    lines = _lay_out([(str(row["label"]), str(row["task_type"])) for row in rows])
    n_lines = max(line for line, _, _ in lines) + 1
    with open_canvas():
        figure = make_figure(ROW * n_lines + 0.85, left=LEFT, right=0.45, top=0.8, bottom=0.05)
        axes = _prepare(figure, conditions, n_lines)
        place = {(task_type, label): line for line, label, task_type in lines if label}
        for line, label, task_type in lines:
            style = {} if label else {"fontweight": "bold", "color": MUTED.light}
            write_beside(axes, line + 0.5, shorten(label or task_type, 34), -6, ha="right", **style)
        records = [row for row in cells.to_dict("records") if is_number(row["delta_points"])]
        tiles = [
            Tile(
                conditions.index(str(row["condition"])),
                place[(str(row["task_type"]), str(row["label"]))],
                float(row["delta_points"]),
                str(row["verdict"]),
            )
            for row in records
        ]
        _fill(axes, tiles, limit)
    return figure


def draw_cross(matrix: pd.DataFrame, prefixes: list[str], task_types: list[str], limit: float) -> Figure:
    """Draw one subject's matrix of prefixes (rows) against task types (columns).

    Args:
        matrix: ``prefix``, ``task_type``, ``delta_points``, ``own``: whether this is the type's documented prefix.
        prefixes: The rows, from the top.
        task_types: The columns, left to right.
        limit: Points at which the colours end.
    """
    with open_canvas():
        figure = make_figure(0.26 * len(prefixes) + 0.85, left=LEFT, right=0.45, top=0.8, bottom=0.05)
        axes = _prepare(figure, task_types, len(prefixes))
        for line, prefix in enumerate(prefixes):
            write_beside(axes, line + 0.5, shorten(prefix, 34), -6, ha="right")
        records = [row for row in matrix.to_dict("records") if is_number(row["delta_points"])]
        tiles = [
            Tile(
                task_types.index(str(row["task_type"])),
                prefixes.index(str(row["prefix"])),
                float(row["delta_points"]),
                "helps" if row["own"] else "equivalent",
            )
            for row in records
        ]
        _fill(axes, tiles, limit)
        for tile, row in zip(tiles, records, strict=True):
            if row["own"]:
                corner = (tile.column + 0.05, tile.line + 0.09)
                axes.add_patch(
                    Rectangle(corner, 0.9, 0.82, fill=False, edgecolor=INK.light, linewidth=1.4, zorder=4, gid="own")
                )
    return figure


def _lay_out(rows: list[tuple[str, str]]) -> list[tuple[int, str, str]]:
    """Lines from the top: a heading (no label) before each task type's tasks."""
    lines: list[tuple[int, str, str]] = []
    last = None
    for label, task_type in rows:
        if task_type != last:
            lines.append((len(lines), "", task_type))
            last = task_type
        lines.append((len(lines), label, task_type))
    return lines


def _prepare(figure: Figure, columns: list[str], n_lines: int) -> Axes:
    axes = figure.add_subplot()
    axes.set_xlim(0, len(columns))
    axes.set_ylim(n_lines, 0)
    axes.set_yticks([])
    axes.xaxis.tick_top()
    crowded = len(columns) * 0.95 > WIDTH - LEFT
    axes.set_xticks(
        [index + 0.5 for index in range(len(columns))],
        [shorten(name, 18) for name in columns],
        rotation=38 if crowded else 0,
        ha="left" if crowded else "center",
        rotation_mode="anchor",
        color=INK.light,
    )
    clear_frame(axes, keep=())
    return axes


def _fill(axes: Axes, tiles: list[Tile], limit: float) -> None:
    """Colour every tile; few are numbered, many are marked where the verdict is one of change."""
    steps = [compute_step(tile.delta, limit) for tile in tiles]
    boxes = [(float(tile.column), float(tile.line), 1.0, 1.0) for tile in tiles]
    draw_boxes(axes, boxes, [STEPS[step].light for step in steps], edge=1.2, name="tiles")
    if len(tiles) > MOST_NUMBERS:
        for verdict, marker in (("helps", "^"), ("hurts", "v")):
            for strong, ink in ((True, STEP_INK_STRONG), (False, STEP_INK)):
                chosen = [
                    tile
                    for tile, step in zip(tiles, steps, strict=True)
                    if tile.verdict == verdict and (step in STRONG_STEPS) == strong
                ]
                axes.plot(
                    [tile.column + 0.5 for tile in chosen],
                    [tile.line + 0.5 for tile in chosen],
                    marker=marker,
                    markersize=3.6,
                    color=ink.light,
                    linestyle="none",
                    gid=f"marked:{verdict}",
                )
        return
    for tile, step in zip(tiles, steps, strict=True):
        axes.text(
            tile.column + 0.5,
            tile.line + 0.5,
            format_points(tile.delta),
            ha="center",
            va="center_baseline",
            fontsize=7,
            color=(STEP_INK_STRONG if step in STRONG_STEPS else STEP_INK).light,
            fontweight="bold" if tile.verdict in {"helps", "hurts"} else "normal",
        )
