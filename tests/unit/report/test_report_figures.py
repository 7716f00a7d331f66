"""What is drawn equals the frame: artists are read back and compared with the data beside the figure."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import Polygon
from prefixbench.report.chart import Chart
from prefixbench.report.evidence import Evidence, gather_evidence
from prefixbench.report.figures.example import draw_example
from prefixbench.report.figures.shares import BINS
from prefixbench.report.inputs import ReportOptions
from prefixbench.report.palette import STEPS, VERDICT_COLOURS, compute_step
from prefixbench.report.sections.controls import build_meaning, build_mixup, build_side, build_wording
from prefixbench.report.sections.example import build_example
from prefixbench.report.sections.matter import build_matter
from prefixbench.report.sections.section import Section
from prefixbench.report.sections.space import build_space
from prefixbench.report.sections.where import build_where
from prefixbench.report.sections.winners import build_winners
from prefixbench.report.words import VERDICT_MARKERS, format_interval, format_points

from tests.fakes_report import MODELS, TASKS, FakeSweep, make_fake


@pytest.fixture(scope="module")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> Evidence:
    models = {name: MODELS[name] for name in list(MODELS)[:2]}
    run, analysis = make_fake(tmp_path_factory.mktemp("runs"), FakeSweep(models=models, tasks=TASKS[:5], n_items=30))
    return gather_evidence([run], [analysis], ReportOptions())


def read_marks(axes: Axes, name: str) -> list[tuple[str, float, float]]:
    """(verdict, x, y) of every marker drawn under this name; colour and shape are checked on the way."""
    marks = []
    for line in axes.get_lines():
        kind, _, verdict = str(line.get_gid()).partition(":")
        if kind == name:
            assert line.get_marker() == VERDICT_MARKERS[verdict]
            assert line.get_color() == VERDICT_COLOURS[verdict].light
            marks += [
                (verdict, float(x), float(y))
                for x, y in zip(np.asarray(line.get_xdata()), np.asarray(line.get_ydata()), strict=True)
            ]
    return marks


def read_texts(figure: Figure) -> set[str]:
    return {text.get_text() for axes in figure.axes for text in axes.texts}


def read_charts(section: Section) -> list[tuple[Chart, Figure, pd.DataFrame]]:
    assert section.charts
    return [(chart, chart.draw(), chart.data) for chart in section.charts]


def find_collection(axes: Axes, name: str) -> Any:
    return next(one for one in axes.collections if one.get_gid() == name)


def test_the_forest_draws_every_task_once(evidence: Evidence) -> None:
    for chart, figure, data in read_charts(build_matter(evidence)):
        (axes,) = figure.axes
        drawn = sorted((verdict, x) for verdict, x, _ in read_marks(axes, "tasks"))
        assert drawn == sorted(zip(data["verdict"], data["delta_points"], strict=True))
        segments = find_collection(axes, "intervals").get_segments()
        assert sorted((one[0][0], one[1][0]) for one in segments) == sorted(
            zip(data["ci_low"], data["ci_high"], strict=True)
        )
        texts = read_texts(figure)
        assert {format_interval(*ends) for ends in zip(data["ci_low"], data["ci_high"], strict=True)} <= texts
        assert {format_points(delta) for delta in data["delta_points"]} <= texts
        assert chart.title.endswith(
            f"of {len(data)} tasks; {format_points(read_pooled(evidence, chart))} points over all"
        )


def read_pooled(evidence: Evidence, chart: Chart) -> float:
    subject = chart.title.partition(":")[0]
    return float(evidence.select_pooled(subject, "correct")["delta_points"].iloc[0])


def test_the_forest_shows_what_could_have_been_detected(evidence: Evidence) -> None:
    chart, figure, data = read_charts(build_matter(evidence))[0]
    (axes,) = figure.axes
    reach = axes.get_xlim()[1]
    boxes = find_collection(axes, "mde").get_paths()
    assert sorted(float(path.vertices[:, 0].max()) for path in boxes) == pytest.approx(
        sorted(min(mde, reach) for mde in data["mde"])
    )
    row = evidence.select_pooled(chart.title.partition(":")[0], "correct").iloc[0]
    (diamond,) = [patch for patch in axes.patches if isinstance(patch, Polygon)]
    assert diamond.get_xy()[:3, 0].tolist() == [row["ci_low"], row["delta_points"], row["ci_high"]]


def test_the_heat_map_colours_and_numbers_every_cell(evidence: Evidence) -> None:
    for _, figure, data in read_charts(build_where(evidence)):
        (axes,) = figure.axes
        tiles = find_collection(axes, "tiles")
        assert isinstance(tiles, PolyCollection)
        assert len(tiles.get_paths()) == len(data)
        limit = float(np.ceil(np.quantile(evidence.contrasts["delta_points"].abs(), 0.95)))
        expected = [STEPS[compute_step(delta, limit)].light for delta in data["delta_points"]]
        assert [to_hex(colour) for colour in np.asarray(tiles.get_facecolor())] == expected
        assert {format_points(delta) for delta in data["delta_points"]} <= read_texts(figure)


def test_slopes_go_through_every_delta(evidence: Evidence) -> None:
    ((_, figure, data),) = read_charts(build_mixup(evidence))
    for axes, (_, rows) in zip(figure.axes, data.groupby("subject", sort=False), strict=True):
        paths = [segment[:, 1].tolist() for segment in find_collection(axes, "paths").get_segments()]
        assert paths == [[0.0, *ends] for ends in zip(rows["correct"], rows["wrong"], strict=True)]
        for place, name in ((1.0, "correct"), (2.0, "wrong")):
            marks = sorted(read_marks(axes, name))
            assert marks == sorted(
                (verdict, place, value) for verdict, value in zip(rows[f"verdict_{name}"], rows[name], strict=True)
            )


@pytest.mark.parametrize("build", [build_meaning, build_side, build_wording])
def test_strips_draw_each_task_in_its_row(evidence: Evidence, build: Any) -> None:
    ((_, figure, data),) = read_charts(build(evidence))
    conditions = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert set(conditions) == set(data["condition"])
    for axes, (_, rows) in zip(figure.axes, data.groupby("subject", sort=False), strict=True):
        drawn = sorted((verdict, x, conditions[round(y - 0.16)]) for verdict, x, y in read_marks(axes, "tasks"))
        assert drawn == sorted(zip(rows["verdict"], rows["delta_points"], rows["condition"], strict=True))


def test_the_spread_is_that_of_the_stored_items(evidence: Evidence) -> None:
    run = evidence.runs[0]
    section = build_winners(evidence)
    row = section.charts[0].data.iloc[0]
    cells = {
        row_.conditions[0]: row_
        for row_ in run.results
        if row_.model == evidence.subjects[0] and row_.task == str(row["label"]).partition(":")[0]
    }
    deltas = run.items(cells["correct"].cell_id).value - run.items(cells["none"].cell_id).value
    assert sum(row[name] for name, _ in BINS if name.startswith("gained")) == pytest.approx((deltas > 0).mean())
    assert row["n_items"] == len(deltas)


def test_shift_against_gain_draws_every_case(evidence: Evidence) -> None:
    section = build_space(evidence)
    chart, figure, data = read_charts(section)[0]
    assert sorted(read_marks(figure.axes[0], "points")) == sorted(
        zip(data["verdict"], data["shift"], data["delta_points"], strict=True)
    )
    moved = data[data["shift"] >= data["shift"].median()]
    idle = int((moved["verdict"] != "helps").sum())
    assert chart.title == f"Of {len(moved)} cases that moved vectors most, {idle} gained nothing that could be shown"


def test_measures_are_the_means_over_tasks(evidence: Evidence) -> None:
    _, figure, data = read_charts(build_space(evidence))[1]
    axes = figure.axes[0]
    for role, rows in data.groupby("role"):
        (line,) = [one for one in axes.get_lines() if one.get_gid() == f"shift_mean:{role}"]
        assert np.asarray(line.get_xdata()).tolist() == rows["shift_mean"].tolist()


def test_the_example_shows_both_cosines(evidence: Evidence) -> None:
    chart, _, data = read_charts(build_example(evidence))[0]
    conditions = data["condition"].unique().tolist()
    figure = draw_example(data, conditions)
    question, task_type = data[["question", "task_type"]].iloc[0]
    rows = data[(data["question"] == question) & (data["task_type"] == task_type)]
    for name in ("similarity_paraphrase", "similarity_answer"):
        (line,) = [one for one in figure.axes[0].get_lines() if one.get_gid() == f"{name}:{task_type}:{question}"]
        assert np.asarray(line.get_xdata()).tolist() == rows[name].tolist()
    correct = data[data["condition"] == "correct"]
    nearer = int((correct["similarity_answer"] > correct["similarity_paraphrase"]).sum())
    assert chart.title.endswith(f"the answer is nearer than the rewording in {nearer} of {len(correct)} cases")


def test_every_figure_is_drawn_in_the_palettes_colours(evidence: Evidence, tmp_path: Path) -> None:
    from prefixbench.report.chart import render_drawings, write_charts

    charts = [*build_matter(evidence).charts[:1], *build_mixup(evidence).charts, *build_space(evidence).charts[:2]]
    for anchor, drawing in render_drawings(charts).items():
        assert "#" not in str(drawing).replace('href="#', ""), anchor
        assert 'role="img"' in drawing
        assert f'aria-labelledby="{anchor}-title {anchor}-desc"' in drawing
    written = write_charts(charts[:1], tmp_path)
    assert [path.suffix for path in written] == [".pdf", ".png", ".csv"]
    assert written[0].read_bytes().startswith(b"%PDF")
    assert pd.read_csv(written[2])["label"].tolist() == charts[0].data["label"].tolist()
