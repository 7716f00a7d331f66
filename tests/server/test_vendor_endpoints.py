"""Each vendor's real SDK against a server that speaks the vendor's wire form."""

from __future__ import annotations

import importlib.util
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from prefixbench.endpoints.backends import BACKENDS
from prefixbench.endpoints.meter import Meter
from prefixbench.endpoints.opening import open_endpoint
from prefixbench.endpoints.remote import RemoteEmbedder
from prefixbench.endpoints.settings import EndpointSettings
from prefixbench.errors import AuditError, EncodeError, EndpointError, InexpressibleError
from prefixbench.spec.conditions import Side
from prefixbench.spec.sweep import ModelSpec
from prefixbench.vectors.keys import vector_keys

from tests.server.contract import KEY, Served, contract_server

pytestmark = pytest.mark.server

TEXTS = [f"text number {index} of many" for index in range(40)]

VENDORS = {
    # backend: (package, path of its address, a documented parameter, the field it has on the wire)
    "openai": ("openai", "/v1", ("input_type", "query"), "input_type"),
    "jina": ("openai", "/v1", ("task", "retrieval.query"), "task"),
    "tei": ("huggingface_hub", "", ("prompt_name", "query"), "prompt_name"),
    "vllm": ("cohere", "", ("input_type", "search_query"), "input_type"),
    "cohere": ("cohere", "", ("input_type", "search_query"), "input_type"),
    "gemini": ("google.genai", "", ("task_type", "CLUSTERING"), "taskType"),
    "vertex": ("google.genai", "", ("task_type", "CLUSTERING"), "task_type"),
    "voyage": ("voyageai", "/voyage", ("input_type", "query"), "input_type"),
    "mistral": ("mistralai", "/mistral", None, ""),
}

Open = Callable[[str], RemoteEmbedder]


@pytest.fixture
def server() -> Iterator[tuple[str, Served]]:
    with contract_server() as started:
        yield started


@pytest.fixture
def open_vendor(server: tuple[str, Served], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Open]:
    opened: list[RemoteEmbedder] = []

    def open_now(backend: str) -> RemoteEmbedder:
        package, path, _, _ = VENDORS[backend]
        if importlib.util.find_spec(package.split(".")[0]) is None:
            pytest.skip(f"{package} is not installed")
        monkeypatch.setenv(BACKENDS[backend].key_env, KEY)
        server[1].is_vllm = backend == "vllm"
        settings = EndpointSettings.of(ModelSpec(name="served", endpoint=server[0] + path, backend=backend))
        assert settings is not None
        opened.append(open_endpoint(settings, tmp_path, Meter().open_account("served", None)))
        return opened[-1]

    yield open_now
    for embedder in opened:
        embedder.close()


def side_of(backend: str) -> Side:
    """A side with the documented parameter, where there is one."""
    parameter = VENDORS[backend][2]
    return Side(api=(parameter,)) if parameter else Side("query: ")


@pytest.mark.parametrize("backend", VENDORS)
def test_texts_and_parameters_arrive_as_documented(backend: str, server: tuple[str, Served], open_vendor: Open) -> None:
    served = server[1]
    embedder = open_vendor(backend)
    side = side_of(backend)
    vectors = embedder.embed(embedder.read(TEXTS, side))
    wire = {VENDORS[backend][3]: side.api[0][1]} if side.api else {}
    expected = [served.embed(side.prefix + text, wire) for text in TEXTS]
    np.testing.assert_allclose(vectors, expected, atol=1e-6)


@pytest.mark.parametrize("backend", VENDORS)
@pytest.mark.parametrize("fault", ["429", "500", "half", "garbage", "slow"])
def test_what_passes_is_tried_again(fault: str, backend: str, server: tuple[str, Served], open_vendor: Open) -> None:
    embedder = open_vendor(backend)
    side = side_of(backend)
    embedder.measure_lever(side)
    asked = len(server[1].requests)
    server[1].faults.extend([fault])
    vectors = embedder.embed(embedder.read(TEXTS[:3], side))
    wire = {VENDORS[backend][3]: side.api[0][1]} if side.api else {}
    np.testing.assert_allclose(vectors, [server[1].embed(side.prefix + text, wire) for text in TEXTS[:3]], atol=1e-6)
    assert not server[1].faults
    fewest = 3 if BACKENDS[backend].max_texts == 1 else 1
    assert len(server[1].requests) - asked == fewest + (fault != "slow")


PLACED = ("openai", "jina", "voyage", "mistral")
"""Those whose replies name each vector's place."""


@pytest.mark.parametrize("backend", PLACED)
def test_vectors_out_of_order_are_put_in_the_order_they_name(
    backend: str, server: tuple[str, Served], open_vendor: Open
) -> None:
    embedder = open_vendor(backend)
    side = side_of(backend)
    embedder.measure_lever(side)
    server[1].faults.extend(["shuffle"])
    vectors = embedder.embed(embedder.read(TEXTS[:5], side))
    wire = {VENDORS[backend][3]: side.api[0][1]} if side.api else {}
    np.testing.assert_allclose(vectors, [server[1].embed(side.prefix + text, wire) for text in TEXTS[:5]], atol=1e-6)


@pytest.mark.parametrize("backend", [name for name in VENDORS if name != "vertex"])  # it takes one text a request
def test_vectors_out_of_order_that_name_no_place_fail_before_anything_is_bought(
    backend: str, server: tuple[str, Served], open_vendor: Open
) -> None:
    server[1].faults.extend(["swap"])
    with pytest.raises(AuditError, match="another vector alone than among others"):
        open_vendor(backend)


@pytest.mark.parametrize("backend", VENDORS)
def test_a_nan_costs_its_own_text_only(backend: str, server: tuple[str, Served], open_vendor: Open) -> None:
    embedder = open_vendor(backend)
    side = side_of(backend)
    embedder.measure_lever(side)
    server[1].faults.extend(["nan"])
    came: list[int] = []
    with pytest.raises(EncodeError, match="its vector holds a NaN or an infinite number"):
        came.extend(place for places, _ in embedder.arrive(embedder.read(TEXTS[:4], side)) for place in places.tolist())
    assert len(came) == 3


@pytest.mark.parametrize("backend", [name for name in VENDORS if name != "vertex"])  # it takes one text a request
def test_another_number_of_vectors_fails_loudly(backend: str, server: tuple[str, Served], open_vendor: Open) -> None:
    embedder = open_vendor(backend)
    embedder.measure_lever(side_of(backend))
    server[1].faults.extend(["count"])
    inputs = embedder.read(TEXTS[:3], side_of(backend))
    with pytest.raises(AuditError, match=r"sent 3 texts, got 1 vector\.$"):
        embedder.embed(inputs)


@pytest.mark.parametrize("backend", VENDORS)
def test_the_key_is_sent_and_told_to_nobody(backend: str, server: tuple[str, Served], open_vendor: Open) -> None:
    server[1].faults.extend(["401"])
    with pytest.raises(EndpointError, match="answered 401") as raised:
        open_vendor(backend)
    assert KEY in str(server[1].requests[0][2])
    assert KEY not in "".join(traceback.format_exception(raised.value, chain=True))
    assert raised.value.__context__ is None
    assert raised.value.__cause__ is None


@pytest.mark.parametrize("backend", [name for name, row in VENDORS.items() if row[2]])
def test_the_vendors_lever_and_a_text_prefix_are_never_sent_together(backend: str) -> None:
    both = Side("query: ", api=side_of(backend).api)
    with pytest.raises(
        InexpressibleError, match=f"a text prefix on top of {backend}'s own .* would tell it the task twice"
    ):
        BACKENDS[backend].check_side(both)


@pytest.mark.parametrize(("backend", "task_type"), [("gemini", "taskType"), ("vertex", "task_type")])
def test_a_documents_title_goes_beside_it_and_never_to_another(
    backend: str, task_type: str, server: tuple[str, Served], open_vendor: Open
) -> None:
    served = server[1]
    embedder = open_vendor(backend)
    side = Side(api=(("task_type", "RETRIEVAL_DOCUMENT"), ("title", "{title}")), title_slot=True)
    titles = ["One", "", "Two", "One", ""]
    vectors = embedder.embed(embedder.read(TEXTS[:5], side, titles))
    told = [
        {task_type: "RETRIEVAL_DOCUMENT", "title": title} if title else {task_type: "RETRIEVAL_DOCUMENT"}
        for title in titles
    ]
    expected = [served.embed(text, wire) for text, wire in zip(TEXTS[:5], told, strict=True)]
    np.testing.assert_allclose(vectors, expected, atol=1e-6)
    np.testing.assert_allclose(
        embedder.embed(embedder.read(TEXTS[:5], side)),
        [served.embed(text, {task_type: "RETRIEVAL_DOCUMENT"}) for text in TEXTS[:5]],
        atol=1e-6,
    )


def test_a_title_is_part_of_a_vectors_key(open_vendor: Open) -> None:
    identity = open_vendor("gemini").known.identity
    side = Side(api=(("task_type", "RETRIEVAL_DOCUMENT"), ("title", "{title}")), title_slot=True)
    keys = vector_keys(identity, side, ["a", "a", "a", "a"], ["One", "Two", "", "One"])
    rows = [row.tobytes() for row in keys]
    assert len(set(rows)) == 3
    assert rows[0] == rows[3]
