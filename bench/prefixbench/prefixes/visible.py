"""Strings as a reader can check them: white space made visible, adapters and parameters spelled out."""

from __future__ import annotations

from prefixbench.spec.conditions import Side
from prefixbench.spec.visible import show_whitespace

NOTHING = "(nothing)"


def show_text(text: str) -> str:
    """A string with its white space visible; the empty one as a word."""
    return show_whitespace(text) if text else NOTHING


def show_side(side: Side | None) -> str:
    """All that one side sends: the string, then adapter, parameters and pooling."""
    if side is None:
        return ""
    extras = [f"adapter {side.adapter}"] if side.adapter is not None else []
    extras += [f"{name}={value}" for name, value in side.api]
    extras += [f"pooling {side.pooling.value}"] if side.pooling is not None else []
    if not extras:
        return show_text(side.prefix)
    return "; ".join([show_text(side.prefix), *extras] if side.prefix else extras)
