"""Strings as a reader can check them: white space made visible, adapters and parameters spelled out."""

from __future__ import annotations

from prefixbench.spec.conditions import Mixture, PrefixPair, Side
from prefixbench.spec.visible import show_whitespace


def show_side(side: Side | None) -> str:
    """All that one side sends: the string, then adapter, parameters and pooling."""
    if side is None:
        return ""
    extras = [f"adapter {side.adapter}"] if side.adapter is not None else []
    extras += [f"{name}={value}" for name, value in side.api]
    extras += [f"pooling {side.pooling.value}"] if side.pooling is not None else []
    return "; ".join([show_whitespace(side.prefix), *extras] if side.prefix or not extras else extras)


def show_pair(pair: PrefixPair, *, has_roles: bool) -> str:
    """What a task sends; ``has_roles`` is whether it tells queries from documents."""
    if not has_roles:
        return show_side(pair.side_for(None))
    return show_sides(pair.query, pair.document, pair.mixture)


def show_sides(query: Side | None, document: Side | None, mixture: Mixture | None = None) -> str:
    """What a text is sent, or ``query | document``, with what a share of the documents is sent instead."""
    if document is None:
        return show_side(query)
    shown = f"{show_side(query)} | {show_side(document)}"
    return shown if mixture is None else f"{shown} (on {mixture.share:.0%}: {show_side(mixture.document)})"
