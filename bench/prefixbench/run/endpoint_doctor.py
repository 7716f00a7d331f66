"""What an endpoint really does: asked with probe texts, judged against the model it is said to serve."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import numpy as np

from prefixbench.endpoints.meter import Meter
from prefixbench.endpoints.opening import open_endpoint
from prefixbench.endpoints.proof import INERT, PROBE_TEXTS, describe_side, measure_distance
from prefixbench.endpoints.remote import RemoteEmbedder
from prefixbench.endpoints.settings import EndpointSettings
from prefixbench.errors import AuditError, EndpointError, PrefixbenchError
from prefixbench.run.planning import find_local_folder, make_resolver
from prefixbench.run.served import load_tokenizer
from prefixbench.score.probe import PROBE_TASKS
from prefixbench.spec.conditions import Condition, ConditionKind, Side
from prefixbench.spec.sweep import EncoderSettings, Engine, ModelSpec

if TYPE_CHECKING:
    from prefixbench.encode.local import LocalEmbedder
    from prefixbench.vectors.embedder import Vectors

SAME_WEIGHTS = 1e-2
"""1 − cosine below which a served model is taken for the reference: weights rounded to 4 bits stay below."""

ROUNDING = 1e-6
"""1 − cosine by which two ways of embedding may differ and be equally near."""

REFERENCE = EncoderSettings(device="cpu", engine=Engine.TORCH, batch_tokens=4096)
"""How the model to judge by is run: for a few texts, nothing is calibrated."""

LONG_WORDS = (400, 1600, 8000)
"""Words of the texts that ask whether a long text is cut; the last words differ."""

SLOW_SECONDS = 3.0
"""How long a text may take before a longer one is not tried."""

TRIED_VALUES = ("query", "document", "passage")
"""Values tried of a parameter that an endpoint documents none for."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One thing asked of an endpoint.

    Attributes:
        question: In plain words.
        answer: What was found, or why it could not be.
        is_sound: Whether a sweep can rest on it.
    """

    question: str
    answer: str
    is_sound: bool = True


@dataclass(frozen=True, slots=True)
class _Match:
    """The way of embedding with the reference model that comes nearest to the endpoint's vectors."""

    prefix: str
    pooling: str
    distance: float


def examine_endpoint(model: ModelSpec, cache: Path) -> tuple[Answer, ...]:
    """Ask an endpoint what it does.

    Args:
        model: The endpoint, and the model it is ``like``; the reference weights are loaded where they can be had.
        cache: Where what was found is remembered.

    Raises:
        EndpointError: It does not answer.
    """
    settings = EndpointSettings.of(model)
    assert settings is not None, "the command line gives an address"
    folder = find_local_folder(model)
    tokenizer = load_tokenizer(model.like, folder) if model.like else None
    account = Meter().open_account(settings.model, 0.0)
    try:
        embedder = open_endpoint(settings, cache, account, tokenizer)
    except AuditError as error:
        return (Answer("does it answer for the texts sent?", str(error), is_sound=False),)
    try:
        return tuple(_ask_all(embedder, model, folder, cache))
    finally:
        embedder.close()


def describe_answers(answers: tuple[Answer, ...]) -> list[dict[str, object]]:
    """The answers as JSON."""
    return [asdict(answer) for answer in answers]


def render_answers(answers: tuple[Answer, ...]) -> str:
    """The answers as lines of text."""
    width = max(len(answer.question) for answer in answers)
    return "".join(f"{'ok ' if one.is_sound else 'NO '} {one.question:<{width}}  {one.answer}\n" for one in answers)


def _ask_all(embedder: RemoteEmbedder, model: ModelSpec, folder: Path | None, cache: Path) -> Iterator[Answer]:
    build = f"; it says it runs {embedder.probe.build}" if embedder.probe.build else ""
    yield Answer(
        "does it answer for the texts sent?",
        f"yes, {embedder.known.dim} numbers a text, in order, alone as among others{build}",
    )
    yield Answer("same text, same vector?", f"yes, to 1 − cosine {embedder.repeat_distance:.1g}")
    match, why_not = _compare_with_reference(embedder, model, folder, cache)
    yield _ask_prompt(embedder, match, why_not)
    yield _ask_pooling(model, match, why_not)
    lengths = np.linalg.norm(embedder.bare_vectors, axis=1)
    is_unit = bool(np.allclose(lengths, 1.0, atol=1e-3))
    spread = f"no, lengths {lengths.min():.3g} to {lengths.max():.3g}; compare by cosine, not by dot product"
    yield Answer("does it normalise?", "yes, every vector has length 1" if is_unit else spread)
    yield _ask_truncation(embedder)
    yield from _ask_levers(embedder)


def _ask_prompt(embedder: RemoteEmbedder, match: _Match | None, why_not: str) -> Answer:
    question = "does it add a prompt of its own?"
    hidden = embedder.found["hidden_tokens"]
    counted = "" if hidden is None else f"; it counts {hidden} tokens more than were sent"
    if match is not None and match.distance <= SAME_WEIGHTS:
        if match.prefix:
            return Answer(question, f"yes: {match.prefix!r} before every text{counted}", is_sound=False)
        return Answer(question, f"no{counted if hidden else ''}", is_sound=not hidden)
    if hidden:
        return Answer(question, f"yes, it counts {hidden} tokens more than were sent for every text", is_sound=False)
    if hidden == 0:
        return Answer(question, "no, it counts no more tokens than were sent")
    return Answer(question, f"cannot be told: it counts no tokens, and {why_not or 'no reference is near'}")


def _ask_pooling(model: ModelSpec, match: _Match | None, why_not: str) -> Answer:
    question = "which pooling?"
    if match is None:
        return Answer(question, f"cannot be told: {why_not}")
    if match.distance > SAME_WEIGHTS:
        return Answer(
            question,
            f"none that makes it {model.like}: the nearest, {match.pooling}, is at 1 − cosine {match.distance:.2g}; "
            "it is another model, or leaves part of it out",
            is_sound=False,
        )
    return Answer(question, f"{match.pooling}, as {model.like} here to 1 − cosine {match.distance:.1g}")


def _ask_truncation(embedder: RemoteEmbedder) -> Answer:
    question = "does it cut long texts silently?"
    read = 0
    for n_words in LONG_WORDS:
        began = time.monotonic()
        body = " ".join(itertools.islice(itertools.cycle(PROBE_TEXTS[0].split()), n_words))
        try:
            long = embedder.probe.send((f"{body} one end",), embedder.settings.backend.bare_side)
            tokens = embedder.probe.tokens
            other = embedder.probe.send((f"{body} quite another",), embedder.settings.backend.bare_side)
        except EndpointError as error:
            return Answer(question, f"no, a text of {n_words:,} words is refused: {error}")
        if measure_distance(long, other) <= max(INERT / 100, embedder.repeat_distance):
            at = f", after {tokens:,} tokens by its own count" if tokens is not None and tokens < n_words else ""
            return Answer(question, f"yes: texts of {n_words:,} words that differ at the end get one vector{at}")
        read = n_words
        if time.monotonic() - began > 2 * SLOW_SECONDS:
            break
    return Answer(question, f"not up to {read:,} words, which it reads to the end")


def _ask_levers(embedder: RemoteEmbedder) -> Iterator[Answer]:
    backend = embedder.settings.backend
    yield _ask_lever(embedder, Side("query: "), "does a text prefix do anything?")
    for name, values in backend.parameters.items():
        for value in values or TRIED_VALUES:
            side = Side(api=((name, value),))
            if side != backend.bare_side:
                yield _ask_lever(embedder, side, f"does {describe_side(side)} do anything?")


def _ask_lever(embedder: RemoteEmbedder, side: Side, question: str) -> Answer:
    try:
        embedder.settings.backend.check_side(side)
        distance = embedder.measure_lever(side)
    except PrefixbenchError as error:
        return Answer(question, f"it is refused: {error}")
    if embedder.is_inert(distance):
        return Answer(question, "no: the vectors are the same without it", is_sound=not side.prefix)
    return Answer(question, f"yes, it moves vectors by 1 − cosine {distance:.2g}")


def _compare_with_reference(
    embedder: RemoteEmbedder, model: ModelSpec, folder: Path | None, cache: Path
) -> tuple[_Match | None, str]:
    """The best match, or why there is none."""
    if model.like is None:
        return None, "no --like MODEL names the model to compare with"
    from prefixbench.encode.load import load_embedder

    try:
        local = load_embedder(ModelSpec(name=model.like), REFERENCE, folder, cache=cache)
    except PrefixbenchError as error:
        return None, f"{model.like} cannot be loaded here ({error})"
    matches = [
        _Match(prefix, pooling, _distance(local, prefix, embedder.bare_vectors))
        for pooling in _poolings(local)
        for prefix in _documented_prefixes(model)
    ]
    nearest = min(one.distance for one in matches)
    # The model's own pooling comes first; one that differs from it by a factor alone is as near but for rounding.
    return next(one for one in matches if one.distance <= nearest + ROUNDING), ""


def _poolings(local: LocalEmbedder) -> Iterator[str]:
    """The model's own pooling, then each other, in force while the caller uses it."""
    from sentence_transformers.sentence_transformer.modules import pooling as module

    poolings = local.network.poolings
    if len(poolings) != 1:
        yield "its own pooling"
        return
    own = poolings[0].pooling_mode
    try:
        for mode in dict.fromkeys([own, *get_args(module.PoolingMode)]):
            poolings[0].pooling_mode = mode
            yield str(mode)
    finally:
        poolings[0].pooling_mode = own


def _documented_prefixes(model: ModelSpec) -> list[str]:
    """Every string the reference model documents, and none."""
    like = ModelSpec(name=str(model.like))
    resolver = make_resolver((like,), find_local_folder)
    prefixes = {"": None}
    for task in PROBE_TASKS:
        asked = (Condition(ConditionKind.CORRECT), Condition(ConditionKind.CROSS))
        for condition in resolver.expand(like, task, asked):
            try:
                pair = resolver.resolve(like, task, condition, {}, 0).pair
            except PrefixbenchError:
                continue
            prefixes |= {pair.query.prefix_for(): None, pair.document.prefix_for(): None}
    return list(prefixes)


def _distance(local: LocalEmbedder, prefix: str, served: Vectors) -> float:
    vectors = local.embed(local.read(list(PROBE_TEXTS), Side(prefix)))
    return measure_distance(vectors, served) if vectors.shape == served.shape else math.inf
