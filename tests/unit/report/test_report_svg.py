from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import pytest
from prefixbench.report.canvas import make_figure, open_canvas
from prefixbench.report.palette import HELPS, INK
from prefixbench.report.svg import gather_styles, render_svg


def draw_one(text: str = "label", colour: str = HELPS.light) -> str:
    with open_canvas():
        figure = make_figure(1.0, left=0.3, right=0.3)
        axes = figure.add_subplot()
        axes.plot([0.0, 1.0], [0.0, 1.0], color=colour, marker="^")
        axes.text(0.5, 0.5, text, color=INK.light)
    return str(render_svg(figure, "figure-one", "Title & <more>", "What is seen"))


def test_colours_become_variables_and_text_stays_text() -> None:
    drawing = draw_one()
    root = ET.fromstring(drawing)
    assert "var(--helps)" in drawing
    assert re.findall(r"#[0-9a-fA-F]{6}\b", drawing) == []
    assert "label" in {element.text for element in root.iter("text")}
    assert root.get("role") == "img"
    assert [root[0].tag, root[0].text, root[1].tag, root[1].text] == ["title", "Title & <more>", "desc", "What is seen"]


def test_two_figures_share_no_id_and_every_reference_resolves() -> None:
    with open_canvas():
        figure = make_figure(1.0, left=0.3, right=0.3)
        figure.add_subplot().plot([0.0, 1.0], marker="^", color=HELPS.light)
    ids = []
    for anchor in ("figure-a", "figure-b"):
        drawing = str(render_svg(figure, anchor, "t", "d"))
        own = re.findall(r'\bid="([^"]+)"', drawing)
        assert {name.removeprefix("#") for name in re.findall(r'href="([^"]+)"', drawing)} <= set(own)
        ids += own
    assert len(ids) == len(set(ids))


def test_a_colour_outside_the_palette_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^the palette has no colour #123456; dark mode could not turn it\.$"):
        draw_one(colour="#123456")


def test_names_are_taken_literally() -> None:
    root = ET.fromstring(draw_one(text="$x_1$ <b>&"))
    assert "$x_1$ <b>&" in {element.text for element in root.iter("text")}


def test_shared_styles_become_classes_and_names_cannot_pose_as_style() -> None:
    drawing = draw_one(text='style="}body{display:none"')
    page = gather_styles(f'<style>p{{}}</style><p style="x:y">kept</p>{drawing}')
    rules = page[: page.index("</style>")]
    assert "display:none" not in rules
    assert 'style="}body{display:none"' in page
    assert '<p style="x:y">' in page
    assert "var(--helps)" in rules
    classes = set(re.findall(r'class="(d\d+)"', page))
    assert classes
    assert all(f".{name}{{" in rules for name in classes)
