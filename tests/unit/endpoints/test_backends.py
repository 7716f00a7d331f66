"""What each kind of endpoint can be told, and what a name means."""

from __future__ import annotations

import pytest
from prefixbench.endpoints.backends import BACKENDS, Lever
from prefixbench.endpoints.exchange import cut_requests
from prefixbench.endpoints.settings import EndpointSettings
from prefixbench.errors import InexpressibleError, PrefixbenchError, SpecError
from prefixbench.prefixes import PrefixBook
from prefixbench.run.planning import find_local_folder, make_resolver
from prefixbench.score.probe import PROBE_TASKS
from prefixbench.spec.conditions import Condition, Pooling, Side
from prefixbench.spec.sweep import CustomPrefix, ModelSpec

BOOK = PrefixBook.load()
VENDORS = {
    "gemini/gemini-embedding-001": Lever.BOTH,
    "gemini/gemini-embedding-2": Lever.BOTH,
    "vertex/text-embedding-005": Lever.BOTH,
    "cohere/embed-v4.0": Lever.PARAMETER,
    "voyage/voyage-3.5": Lever.BOTH,
    "jina/jina-embeddings-v3": Lever.BOTH,
    "mistral/mistral-embed": Lever.TEXT,
    "openai/text-embedding-3-small": Lever.BOTH,
}


def resolve(name: str, condition: str) -> list[tuple[str, tuple[tuple[str, str], ...]]]:
    """Prefix and parameters of both sides of a retrieval task."""
    resolver = make_resolver((ModelSpec(name=name),), find_local_folder)
    custom = {"mine": CustomPrefix(query="q: ", document="d: ")}
    pair = resolver.resolve(ModelSpec(name=name), PROBE_TASKS[0], Condition.parse(condition), custom, 0).pair
    return [(side.prefix, side.api) for side in (pair.query, pair.document)]


@pytest.mark.parametrize("name", VENDORS)
def test_a_vendors_name_means_its_endpoint(name: str) -> None:
    settings = EndpointSettings.of(ModelSpec(name=name))
    assert settings is not None
    vendor, _, model = name.partition("/")
    assert (settings.backend.name, settings.model) == (vendor, model)
    assert settings.backend.lever is VENDORS[name]
    assert settings.url == BACKENDS[vendor].url


@pytest.mark.parametrize(
    ("name", "condition", "sent"),
    [
        ("gemini/gemini-embedding-001", "none", [("", (("task_type", "TASK_TYPE_UNSPECIFIED"),))] * 2),
        (
            "gemini/gemini-embedding-001",
            "correct",
            [
                ("", (("task_type", "RETRIEVAL_QUERY"),)),
                ("", (("task_type", "RETRIEVAL_DOCUMENT"), ("title", "{title}"))),
            ],
        ),
        (
            "gemini/gemini-embedding-001",
            "custom:mine",
            [(text, (("task_type", "TASK_TYPE_UNSPECIFIED"),)) for text in ("q: ", "d: ")],
        ),
        (
            "gemini/gemini-embedding-2",
            "correct",
            [("task: search result | query: ", ()), ("title: {title} | text: ", ())],
        ),
        (
            "cohere/embed-v4.0",
            "correct",
            [("", (("input_type", "search_query"),)), ("", (("input_type", "search_document"),))],
        ),
        ("cohere/embed-v4.0", "wrong:clustering", [("", (("input_type", "clustering"),))] * 2),
        ("voyage/voyage-3.5", "none", [("", ())] * 2),
        ("voyage/voyage-3.5", "correct", [("", (("input_type", "query"),)), ("", (("input_type", "document"),))]),
        ("voyage/voyage-3.5", "custom:mine", [("q: ", ()), ("d: ", ())]),
        ("mistral/mistral-embed", "correct", [("", ())] * 2),
    ],
)
def test_conditions_become_the_vendors_own_lever_or_text(
    name: str, condition: str, sent: list[tuple[str, tuple[tuple[str, str], ...]]]
) -> None:
    assert resolve(name, condition) == sent


@pytest.mark.parametrize(
    ("condition", "reason"),
    [
        ("none", "cohere/embed-v4.0 cannot be sent nothing: its interface demands an input_type"),
        (
            "custom:mine",
            "a text prefix on top of cohere's own input_type=search_query would tell it the task twice",
        ),
    ],
)
def test_what_cannot_be_told_is_skipped_with_its_reason(condition: str, reason: str) -> None:
    with pytest.raises(InexpressibleError) as raised:
        resolve("cohere/embed-v4.0", condition)
    assert str(raised.value) == reason


@pytest.mark.parametrize(
    ("side", "reason"),
    [
        (Side(adapter="x"), "openai has no way to ask for adapter x; only the text and its parameters are sent"),
        (
            Side("q: ", pooling=Pooling.EXCLUDE),
            "openai has no way to ask for pooling exclude; only the text and its parameters are sent",
        ),
        (Side(api=(("task_type", "X"),)), "openai takes no parameter 'task_type' (its parameters: input_type)"),
    ],
)
def test_an_endpoint_has_no_adapters_and_no_pooling(side: Side, reason: str) -> None:
    with pytest.raises(InexpressibleError) as raised:
        BACKENDS["openai"].check_side(side)
    assert str(raised.value) == reason


def test_an_unknown_value_is_refused_before_it_is_paid_for() -> None:
    with pytest.raises(InexpressibleError, match=r"^gemini takes no task_type 'SIMILARITY'; valid: TASK_"):
        BACKENDS["gemini"].check_side(Side(api=(("task_type", "SIMILARITY"),)))


@pytest.mark.parametrize(
    ("model", "error"),
    [
        (ModelSpec(name="m", backend="tei"), "m: name its address with --endpoint, as in http://127.0.0.1:8080/v1."),
        (
            ModelSpec(name="m", endpoint="localhost:80"),
            "m: the endpoint 'localhost:80' is no address; one begins with http:// or https://.",
        ),
        (
            ModelSpec(name="m", endpoint="http://h/v1?key=abc"),
            "m: the endpoint http://h/v1 was given with a password or a query; put the key into an environment "
            "variable and name that with api_key_env.",
        ),
        (
            ModelSpec(name="m", endpoint="http://h", backend="gemni"),
            "unknown backend 'gemni'; did you mean gemini or openai or tei?",
        ),
    ],
)
def test_an_address_that_cannot_be_called_is_refused(model: ModelSpec, error: str) -> None:
    with pytest.raises(SpecError) as raised:
        EndpointSettings.of(model)
    assert str(raised.value) == error


def test_a_missing_key_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GEMINI_API_KEY", raising=False)
    settings = EndpointSettings.of(ModelSpec(name="gemini/gemini-embedding-001"))
    assert settings is not None
    with pytest.raises(PrefixbenchError) as raised:
        settings.read_key()
    assert str(raised.value) == "gemini-embedding-001: no key; set the environment variable GEMINI_API_KEY."


def test_requests_hold_as_much_as_is_documented_and_every_text_once() -> None:
    texts = ["x" * 30, "y" * 80, "z" * 10, "", "w" * 500, "v"]
    assert cut_requests(texts, max_texts=3, max_characters=100) == [[0], [1, 2, 3], [4], [5]]
    assert cut_requests([], 3, 100) == []
