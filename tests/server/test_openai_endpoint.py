"""The real ``openai`` SDK against a server that speaks OpenAI's form."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from prefixbench.endpoints.meter import Meter
from prefixbench.endpoints.opening import open_endpoint
from prefixbench.endpoints.proof import PROBE_TEXTS
from prefixbench.endpoints.remote import RemoteEmbedder
from prefixbench.endpoints.settings import EndpointSettings
from prefixbench.errors import AuditError, BudgetError, EncodeError, EndpointError
from prefixbench.spec.conditions import Side
from prefixbench.spec.sweep import ModelSpec

from tests.server.contract import DIM, KEY, Served, contract_server

pytest.importorskip("openai")
pytestmark = pytest.mark.server

TEXTS = [f"text number {index} of many" for index in range(200)]


Open = Callable[..., RemoteEmbedder]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, Served]]:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with contract_server() as started:
        yield started


@pytest.fixture
def open_at(server: tuple[str, Served], tmp_path: Path) -> Iterator[Open]:
    opened: list[RemoteEmbedder] = []

    def open_now(meter: Meter | None = None) -> RemoteEmbedder:
        settings = EndpointSettings.of(ModelSpec(name="served", endpoint=f"{server[0]}/v1"))
        assert settings is not None
        opened.append(open_endpoint(settings, tmp_path, (meter or Meter()).open_account("served", None)))
        return opened[-1]

    yield open_now
    for embedder in opened:
        embedder.close()


def test_every_text_gets_its_own_vector_in_requests_of_the_documented_size(
    server: tuple[str, Served], open_at: Open
) -> None:
    served = server[1]
    embedder = open_at()
    embedder.measure_lever(Side("query: "))
    asked = len(served.requests)
    served.faults.extend(["slow"] * 4)
    vectors = embedder.embed(embedder.read(TEXTS, Side("query: ")))
    assert vectors.shape == (200, DIM)
    np.testing.assert_allclose(vectors, [served.embed(f"query: {text}", {}) for text in TEXTS], atol=1e-6)
    sizes = [len(body["input"]) for _, body, _ in served.requests[asked:]]
    assert sorted(sizes, reverse=True) == [64, 64, 64, 8]
    assert 1 < served.most_under_way <= 4


def test_parameters_go_beside_the_text_and_never_together_with_a_prefix(
    server: tuple[str, Served], open_at: Open
) -> None:
    served = server[1]
    embedder = open_at()
    embedder.embed(embedder.read(["a"], Side(api=(("input_type", "query"),))))
    assert served.requests[-1][1]["input_type"] == "query"
    assert served.requests[-1][1]["input"] == ["a"]


@pytest.mark.parametrize("fault", ["429", "500", "half", "garbage", "slow", "shuffle"])
def test_what_passes_is_tried_again_and_what_is_out_of_order_is_put_in_order(
    fault: str, server: tuple[str, Served], open_at: Open
) -> None:
    served = server[1]
    embedder = open_at()
    served.faults.extend([fault])
    vectors = embedder.embed(embedder.read(TEXTS[:5], Side()))
    np.testing.assert_allclose(vectors, [served.embed(text, {}) for text in TEXTS[:5]], atol=1e-6)


def test_one_vector_for_many_texts_fails_loudly(server: tuple[str, Served], open_at: Open) -> None:
    served = server[1]
    embedder = open_at()
    served.faults.extend(["count"])
    with pytest.raises(AuditError, match=r"^openai at http://127\.0\.0\.1:\d+/v1: sent 5 texts, got 1 vector\.$"):
        embedder.embed(embedder.read(TEXTS[:5], Side()))


def test_one_refused_text_never_loses_a_batch(server: tuple[str, Served], open_at: Open) -> None:
    served = server[1]
    embedder = open_at()
    served.refuse = "137"
    came: list[int] = []
    with pytest.raises(
        EncodeError, match=r"^1 of 200 texts were refused, all others are stored; the first is 'text"
    ) as raised:
        came.extend(place for places, _ in embedder.arrive(embedder.read(TEXTS, Side())) for place in places.tolist())
    assert "input contains 137" in str(raised.value)
    assert sorted(came) == [place for place in range(200) if place != 137]


def test_a_nan_costs_its_own_text_only(server: tuple[str, Served], open_at: Open) -> None:
    served = server[1]
    embedder = open_at()
    served.faults.extend(["nan"])
    came: list[int] = []
    with pytest.raises(EncodeError, match="its vector holds a NaN or an infinite number"):
        came.extend(
            place for places, _ in embedder.arrive(embedder.read(TEXTS[:5], Side())) for place in places.tolist()
        )
    assert came == [1, 2, 3, 4]


def test_a_wrong_key_is_told_without_the_key(server: tuple[str, Served], open_at: Open) -> None:
    served = server[1]
    served.faults.extend(["401"])
    with pytest.raises(EndpointError) as raised:
        open_at()
    assert "answered 401" in str(raised.value)
    assert served.requests[0][2]["authorization"] == f"Bearer {KEY}"
    assert KEY not in "".join(traceback.format_exception(raised.value, chain=True))


def test_limits_stop_before_they_are_passed_and_what_was_paid_for_has_come(
    server: tuple[str, Served], open_at: Open
) -> None:
    served = server[1]
    meter = Meter(max_tokens=900)
    embedder = open_at(meter)
    came: list[int] = []
    with pytest.raises(BudgetError, match="stopped before --max-tokens 900 would be passed"):
        came.extend(place for places, _ in embedder.arrive(embedder.read(TEXTS, Side())) for place in places.tolist())
    assert 0 < len(came) < 200
    assert meter.tokens <= 900
    assert meter.tokens == sum(served.count(text) for _, body, _ in served.requests for text in body["input"])


def test_a_second_opening_sends_the_drift_probe_and_nothing_else(server: tuple[str, Served], open_at: Open) -> None:
    served = server[1]
    first = open_at()
    served.requests.clear()
    second = open_at()
    assert [body["input"] for _, body, _ in served.requests] == [[*PROBE_TEXTS, PROBE_TEXTS[0]]]
    assert first.known.identity.weights_digest == second.known.identity.weights_digest


def test_another_model_under_the_same_name_is_noticed_and_its_vectors_kept_apart(
    server: tuple[str, Served], open_at: Open
) -> None:
    served = server[1]
    first = open_at()
    served.seed = 1
    second = open_at()
    assert first.known.identity.weights_digest != second.known.identity.weights_digest
    assert len(second.known.notes) == 1
    assert "changed served under its name since" in second.known.notes[0]
    served.seed = 0
    assert open_at().known.identity == first.known.identity


def test_the_client_waits_as_long_as_the_server_asks(server: tuple[str, Served], open_at: Open) -> None:
    served = server[1]
    embedder = open_at()
    served.faults.extend(["429", "429"])
    began = time.monotonic()
    embedder.embed(embedder.read(["a"], Side()))
    assert 0.1 <= time.monotonic() - began < 1.0


def test_vectors_come_packed(server: tuple[str, Served], open_at: Open) -> None:
    served = server[1]
    open_at()
    assert served.requests[0][1]["encoding_format"] == "base64"
    assert served.requests[0][1]["model"] == "served"
