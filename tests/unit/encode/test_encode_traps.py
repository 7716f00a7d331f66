"""Every way in which "no prefix" silently becomes one, and every way to send one, on real tiny models."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from prefixbench.encode.audit import check_not_inert
from prefixbench.encode.load import load_embedder
from prefixbench.encode.local import LocalEmbedder
from prefixbench.errors import AuditError, InexpressibleError
from prefixbench.spec.conditions import Pooling, Role, Side
from prefixbench.spec.sweep import EncoderSettings, Engine, ModelSpec
from sentence_transformers import SentenceTransformer

from tests.tiny_models import TEXTS, add_adapters, audit_texts, embed_texts, make_model, make_router, make_static

PLAIN = EncoderSettings(device="cpu", engine=Engine.TORCH, batch_tokens=256)
SIDES = [Side(), Side("query: "), Side("the dog ran:")]


def load(folder: Path, settings: EncoderSettings = PLAIN) -> LocalEmbedder:
    return load_embedder(ModelSpec(name="org/tiny"), settings, folder, cache=folder.parent / "cache")


def reference(folder: Path) -> SentenceTransformer:
    return SentenceTransformer(str(folder), device="cpu")


MODELS: dict[str, dict[str, Any]] = {
    "no prompts": {},
    "built-in prompts": {"prompts": {"query": "search: ", "document": "passage: "}},
    "default prompt name": {"prompts": {"query": "search: "}, "default_prompt_name": "query"},
    "passage key": {"prompts": {"query": "search: ", "passage": "passage: "}},
    "prompt left out of pooling": {"include_prompt": False},
    "cls pooling": {"pooling": "cls"},
    "last token of a decoder": {"pooling": "lasttoken", "kind": "decoder"},
}


@pytest.mark.parametrize("name", MODELS)
def test_vectors_equal_those_of_the_library_under_the_same_prompt(name: str, tmp_path: Path) -> None:
    folder = make_model(tmp_path, **MODELS[name])
    embedder, library = load(folder), reference(folder)
    for side in SIDES:
        expected = library.encode(TEXTS, prompt=side.prefix)
        np.testing.assert_allclose(embed_texts(embedder, TEXTS, side), expected, atol=5e-6)
    assert embedder.known.dim == 32


@pytest.mark.parametrize("name", ["built-in prompts", "default prompt name", "passage key"])
def test_a_models_own_prompt_is_never_applied(name: str, tmp_path: Path) -> None:
    folder = make_model(tmp_path, **MODELS[name])
    embedder, library = load(folder), reference(folder)
    bare = embed_texts(embedder, TEXTS, Side())
    # The library itself does apply one: encode_query reads "query", encode the default.
    assert np.abs(library.encode_query(TEXTS) - bare).max() > 1e-2
    np.testing.assert_allclose(bare, library.encode(TEXTS, prompt=""), atol=1e-6)
    assert audit_texts(embedder, TEXTS, Side()).prefix_tokens == 0


def test_a_prompt_left_out_of_pooling_is_no_concatenation(tmp_path: Path) -> None:
    embedder = load(make_model(tmp_path, include_prompt=False))
    prompted = embed_texts(embedder, TEXTS[:2], Side("query: "))
    glued = embed_texts(embedder, [f"query: {text}" for text in TEXTS[:2]], Side())
    assert np.abs(prompted - glued).max() > 1e-2
    np.testing.assert_allclose(
        embed_texts(embedder, TEXTS[:2], Side("query: ", pooling=Pooling.INCLUDE)), glued, atol=1e-6
    )


def test_pooling_can_be_forced_either_way_and_the_models_own_rule_comes_back(tmp_path: Path) -> None:
    included = load(make_model(tmp_path / "a"))
    excluded = load(make_model(tmp_path / "b", include_prompt=False))
    side = Side("query: ")
    for embedder, rule in ((included, Pooling.EXCLUDE), (excluded, Pooling.INCLUDE)):
        other = excluded if embedder is included else included
        own = embed_texts(embedder, TEXTS, side)
        np.testing.assert_allclose(
            embed_texts(embedder, TEXTS, Side("query: ", pooling=rule)), embed_texts(other, TEXTS, side), atol=1e-6
        )
        np.testing.assert_array_equal(embed_texts(embedder, TEXTS, side), own)
    assert audit_texts(included, TEXTS, side).prefix_in_pooling
    assert not audit_texts(excluded, TEXTS, side).prefix_in_pooling


def test_titles_fill_the_slot_of_their_own_document(tmp_path: Path) -> None:
    for include_prompt in (True, False):
        folder = make_model(tmp_path / str(include_prompt), include_prompt=include_prompt)
        embedder, library = load(folder), reference(folder)
        side = Side("title: {title} | text: ", title_slot=True)
        titles = ["cat", "", "the dog", "", "cat", "far away"]
        expected = [
            library.encode([text], prompt=f"title: {title or 'none'} | text: ")[0]
            for text, title in zip(TEXTS, titles, strict=True)
        ]
        np.testing.assert_allclose(embed_texts(embedder, TEXTS, side, titles), np.stack(expected), atol=1e-6)
        sample = audit_texts(embedder, TEXTS, side, titles).samples[0]
        assert sample.text == "title: cat | text: the cat sat on the mat"


def test_a_router_sends_each_role_through_its_own_network(tmp_path: Path) -> None:
    folder = make_router(tmp_path)
    embedder, library = load(folder), reference(folder)
    side = Side("query: ")
    for role, task in ((Role.QUERY, "query"), (Role.DOCUMENT, "document"), (None, None)):
        kwargs = {} if task is None else {"task": task}
        expected = library.encode(TEXTS, prompt="query: ", **kwargs)  # type: ignore[call-overload]
        np.testing.assert_allclose(
            embed_texts(embedder, TEXTS, embedder.known.sent_side(side, role)), expected, atol=1e-6
        )
    query, document = (embedder.known.sent_side(side, role) for role in Role)
    assert query != document
    assert np.abs(embed_texts(embedder, TEXTS, query) - embed_texts(embedder, TEXTS, document)).max() > 1e-2


def test_a_model_without_routes_keeps_one_side_for_both_roles(tmp_path: Path) -> None:
    embedder = load(make_model(tmp_path))
    assert embedder.known.sent_side(Side("query: "), Role.QUERY) == Side("query: ")


def test_adapters_are_switched_for_each_side(tmp_path: Path) -> None:
    folder = make_model(tmp_path)
    plain = embed_texts(load(folder), TEXTS, Side("query: "))
    add_adapters(folder, ("classification", "retrieval"))
    embedder = load(folder)
    assert embedder.adapters.names == ("classification", "retrieval")
    by_adapter = {}
    for adapter in ("classification", "retrieval"):
        library = reference(folder)
        library.load_adapter(str(folder / "adapters" / adapter), adapter_name=adapter)
        by_adapter[adapter] = embed_texts(embedder, TEXTS, Side("query: ", adapter=adapter))
        np.testing.assert_allclose(by_adapter[adapter], library.encode(TEXTS, prompt="query: "), atol=1e-6)
    assert np.abs(by_adapter["classification"] - by_adapter["retrieval"]).max() > 1e-2
    for off in (None, "none"):
        np.testing.assert_allclose(embed_texts(embedder, TEXTS, Side("query: ", adapter=off)), plain, atol=1e-6)
    with pytest.raises(InexpressibleError) as failure:
        embed_texts(embedder, TEXTS, Side(adapter="clustering"))
    assert str(failure.value) == "the model has no adapter 'clustering'; it has classification, retrieval."


def test_the_audit_counts_what_the_prefix_costs(tmp_path: Path) -> None:
    embedder = load(make_model(tmp_path))
    side = Side("query: ")
    audit = audit_texts(embedder, TEXTS, side, role=Role.QUERY)
    tokenizer: Any = embedder.network.model.tokenizer
    bare = [len(tokenizer(text)["input_ids"]) for text in TEXTS]
    full = [len(tokenizer(f"query: {text}")["input_ids"]) for text in TEXTS]
    assert audit.role == "query"
    assert audit.prefix_tokens == 2
    assert audit.n_texts == len(TEXTS)
    assert audit.n_truncated == sum(count > 48 for count in full) == 1
    assert audit.n_truncated_without_prefix == sum(count > 48 for count in bare) == 1
    assert audit.tokens_pushed_out == 2
    assert audit.n_tokens == sum(min(count, 48) for count in full)
    assert [sample.text for sample in audit.samples] == [f"query: {text}" for text in TEXTS[:3]]
    assert list(audit.samples[0].token_ids) == tokenizer("query: the cat sat on the mat")["input_ids"]


def test_a_model_without_a_transformer_is_sent_and_audited_alike(tmp_path: Path) -> None:
    folder = make_static(tmp_path)
    embedder, library = load(folder), reference(folder)
    for side in SIDES:
        np.testing.assert_allclose(
            embed_texts(embedder, TEXTS, side), library.encode(TEXTS, prompt=side.prefix), rtol=0, atol=1e-6
        )
    audit = audit_texts(embedder, TEXTS, Side("query: "))
    assert (audit.prefix_tokens, audit.n_truncated) == (2, 0)
    assert audit.n_tokens == (audit_texts(embedder, TEXTS, Side()).n_tokens or 0) + 2 * len(TEXTS)
    assert embedder.identity.max_seq_length == 0


def test_a_model_that_adds_a_prompt_of_its_own_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    embedder = load(make_model(tmp_path))
    model = embedder.network.model
    own: Any = model[0].preprocess

    def preprocess(inputs: list[str], **kwargs: Any) -> Any:
        return own([f"search: {text}" for text in inputs], **kwargs)

    monkeypatch.setattr(model[0], "preprocess", preprocess)
    with pytest.raises(AuditError) as failure:
        embed_texts(embedder, ["the cat"], Side("query: "))
    assert str(failure.value) == "the tokenizer received 'query: search: the cat' where 'query: the cat' was planned."


def test_a_tokenizer_that_adds_tokens_of_its_own_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    embedder = load(make_model(tmp_path))
    tokenizer_class = type(embedder.network.model.tokenizer)
    own = tokenizer_class._encode_plus

    def encode(self: Any, text: Any, **kwargs: Any) -> Any:
        return own(self, [f"search: {one}" for one in text], **kwargs)

    monkeypatch.setattr(tokenizer_class, "_encode_plus", encode)
    with pytest.raises(AuditError, match=r"^the model's own preparation makes other tokens of 'the cat' than the text"):
        embed_texts(embedder, ["the cat"], Side())


def test_two_sides_with_one_vector_are_an_inert_parameter(tmp_path: Path) -> None:
    embedder = load(make_model(tmp_path))
    none, clustering = Side(), Side(api=(("task_type", "CLUSTERING"),))
    a, b = embed_texts(embedder, TEXTS, none), embed_texts(embedder, TEXTS, clustering)
    with pytest.raises(AuditError) as failure:
        check_not_inert(a, b, none, clustering, ("none", "correct"))
    assert str(failure.value) == (
        "none (prefix '') and correct (prefix '', task_type=CLUSTERING) give identical vectors for all 6 texts: "
        "the parameter has no effect."
    )
    with pytest.raises(AuditError) as failure:
        audit_texts(embedder, TEXTS, clustering)
    assert str(failure.value) == (
        "nothing (prefix '') and this side (prefix '', task_type=CLUSTERING) give identical vectors for all 3 texts: "
        "the parameter has no effect."
    )
    check_not_inert(a, a, none, none)
    check_not_inert(a, embed_texts(embedder, TEXTS, Side("query: ")), none, Side("query: "))


def test_a_vector_that_is_not_a_number_fails_with_its_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    embedder = load(make_model(tmp_path))
    own = embedder.network.forward

    def spoil(features: Any, side: Side) -> Any:
        vectors = own(features, side).clone()
        vectors[features["attention_mask"].sum(dim=1) == 3] = float("nan")
        return vectors

    monkeypatch.setattr(embedder.network, "forward", spoil)
    with pytest.raises(AuditError) as failure:
        audit_texts(embedder, TEXTS, Side())
    assert str(failure.value) == "org/tiny: the vector of text 'mat' holds a NaN or an infinite number."
