"""From a matplotlib figure to an SVG that lives inside the page: its colours, its font, ids nobody else has."""

from __future__ import annotations

import hashlib
import io
import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from markupsafe import Markup

from prefixbench.report.canvas import open_canvas
from prefixbench.report.palette import VARIABLE_BY_HEX
from prefixbench.report.words import clean_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_DROPPED_TAGS = {"metadata", "style", "clipPath"}
_DEFAULTS = {"stroke-linejoin: miter", "stroke-linejoin: round", "stroke-linecap: square", "stroke-linecap: butt"}
_HEX = re.compile(r"#[0-9a-fA-F]{6}\b")
_DECIMALS = re.compile(r"-?\d+\.\d{3,}")
_DRAWING = re.compile(r"(<svg .*?</svg>)", re.DOTALL)
_TAG = re.compile(r"<[a-z][^<>]*>")
_STYLE = re.compile(r'\bstyle="([^"]*)"')
_BESIDE_LETTERS = re.compile(r" ?([MLHVCSQTAZz(),]) ?")
_GEOMETRY = ("d", "x", "y", "transform", "points", "width", "height")


def render_svg(figure: Figure, anchor: str, title: str, description: str) -> Markup:
    """The figure as inline SVG, named for those who cannot see it.

    Args:
        figure: Drawn in the light values of the palette.
        anchor: Unique in the page; starts every id of this figure.
        title: What it shows, in a sentence.
        description: What a reader would see, in words.

    Raises:
        ValueError: A colour was used that the palette does not know, so that dark mode could not turn it.
    """
    buffer = io.BytesIO()
    with open_canvas():
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    root = ET.fromstring(buffer.getvalue())  # noqa: S314 - matplotlib wrote it a line above
    _drop_namespaces(root)
    _rewrite(root, hashlib.blake2b(anchor.encode(), digest_size=4).hexdigest())
    _unwrap(root)
    for name in ("version", "width", "height"):
        root.attrib.pop(name, None)
    root.attrib |= {"role": "img", "aria-labelledby": f"{anchor}-title {anchor}-desc"}
    for index, (tag, text) in enumerate((("title", title), ("desc", description))):
        element = ET.Element(tag, {"id": f"{anchor}-{tag}"})
        element.text = clean_text(text)
        root.insert(index, element)
    return Markup(ET.tostring(root, encoding="unicode"))  # noqa: S704 - serialised, hence escaped, by ElementTree


def _drop_namespaces(root: ET.Element) -> None:
    """Inside HTML neither tags nor ``href`` carry a namespace."""
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
        element.text = element.text if element.text and element.text.strip() else None
        element.tail = None
        for name in [name for name in element.attrib if "}" in name]:
            element.attrib[name.rpartition("}")[2]] = element.attrib.pop(name)
    for parent in list(root.iter()):
        for child in [child for child in parent if child.tag in _DROPPED_TAGS]:
            parent.remove(child)


def _rewrite(root: ET.Element, prefix: str) -> None:
    """Short ids that are unique in the page, rounded numbers, styles of the page's own.

    Clipping goes: figures set their scales to hold what they draw.
    """
    referenced = {element.get("href", "").removeprefix("#") for element in root.iter()}
    names = {name: f"f{prefix}{index}" for index, name in enumerate(sorted(referenced - {""}))}
    for element in root.iter():
        own = element.attrib.pop("id", None)
        element.attrib.pop("clip-path", None)
        if own in names:
            element.set("id", names[own])
        if "href" in element.attrib:
            element.set("href", f"#{names[element.attrib['href'].removeprefix('#')]}")
        for name in _GEOMETRY:
            if name in element.attrib:
                element.set(name, _round_numbers(element.attrib[name]))
        for name in ("style", "fill", "stroke"):
            if name in element.attrib:
                element.set(name, _restyle(element.attrib[name]))
        if element.attrib.get("style") == "":
            del element.attrib["style"]


def _round_numbers(text: str) -> str:
    short = _DECIMALS.sub(lambda match: f"{float(match[0]):.2f}".rstrip("0").rstrip("."), text)
    return _BESIDE_LETTERS.sub(r"\1", " ".join(short.split()))


def _restyle(style: str) -> str:
    """Colours become variables and the font the page's own; what is the default anyway goes."""
    kept = []
    for declaration in (part.strip() for part in style.split(";")):
        if not declaration or declaration in _DEFAULTS:
            continue
        kept.append(_shorten_font(declaration) if declaration.startswith("font:") else declaration)
    return _HEX.sub(_replace_colour, ";".join(kept).replace(": ", ":"))


def _shorten_font(declaration: str) -> str:
    size = re.search(r"([\d.]+)px", declaration)
    weight = re.search(r"\b(bold|[5-9]00)\b", declaration)
    italic = "font-style:italic;" if "italic" in declaration else ""
    return f"{italic}{'font-weight:600;' if weight else ''}font-size:{size[1] if size else 8}px"


def _replace_colour(match: re.Match[str]) -> str:
    try:
        return VARIABLE_BY_HEX[match[0].lower()]
    except KeyError:
        raise ValueError(f"the palette has no colour {match[0]}; dark mode could not turn it.") from None


def _unwrap(root: ET.Element) -> None:
    """Groups that carry nothing give way to their children, innermost first."""
    for child in list(root):
        _unwrap(child)
    flat: list[ET.Element] = []
    for child in list(root):
        empty = child.tag in {"g", "defs"} and len(child) == 0
        plain = child.tag == "g" and not child.attrib
        flat.extend([] if empty else list(child) if plain else [child])
    root[:] = flat


def gather_styles(page: str) -> str:
    """Replace what many marks share by a class name each; most of a figure's size is repeated style.

    Only tags inside drawings are touched: a name that reads like a style stays text.

    Returns:
        The page with the rules at the end of its style sheet.
    """
    names: dict[str, str] = {}

    def replace_style(style: re.Match[str]) -> str:
        return f'class="{names.setdefault(style[1], f"d{len(names)}")}"'

    def replace_tag(tag: re.Match[str]) -> str:
        return _STYLE.sub(replace_style, tag[0])

    parts = _DRAWING.split(page)
    parts[1::2] = [_TAG.sub(replace_tag, drawing) for drawing in parts[1::2]]
    rules = "".join(f".{name}{{{declarations}}}" for declarations, name in names.items())
    return "".join(parts).replace("</style>", f"{rules}</style>", 1)
