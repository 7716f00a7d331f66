"""A server that speaks the documented wire forms strictly, and fails in every way that a real one does.

A request that a vendor would refuse is answered with 400 and what is wrong with it, so that a client that sends
something undocumented fails its test. Vectors are sums of vectors drawn for each word and parameter: a prefix or a
parameter moves them, and the same text has the same vector always.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np

DIM = 16
KEY = "canary-8f2b1c"  # looked for in everything that is written

Row = list[float]
Rows = Callable[[list[Row]], list[Row]]


class RefusedRequestError(Exception):
    """The request is not of the documented form."""


@dataclass
class Served:
    """What the server does.

    Attributes:
        faults: One for each request to come, then none: ``429``, ``500``, ``count``, ``shuffle`` (places kept),
            ``swap`` (vectors out of order, and nothing tells), ``nan``, ``half``, ``garbage``, ``slow``.
        hidden: A prompt the server puts before every text.
        inert: Whether parameters change nothing.
        same: Values of parameters that are taken for another.
        bare: The parameters that change nothing, as if none were sent.
        is_vllm: Whether ``/v2/embed`` is vLLM's.
        max_words: Words read of a text; the rest is dropped silently.
        seed: Another one is another model.
        refuse: Texts holding this word are refused, and the request with them.
    """

    faults: deque[str] = field(default_factory=deque)
    hidden: str = ""
    inert: bool = False
    same: dict[str, str] = field(default_factory=dict)
    bare: dict[str, str] = field(default_factory=dict)
    is_vllm: bool = False
    max_words: int | None = None
    seed: int = 0
    refuse: str | None = None
    requests: list[tuple[str, dict[str, Any], dict[str, str]]] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    under_way: int = 0
    most_under_way: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def embed(self, text: str, parameters: dict[str, Any]) -> Row:
        """The vector of one text."""
        if self.refuse and self.refuse in text:
            raise RefusedRequestError(f"input contains {self.refuse}")
        words = (self.hidden + text).split()[: self.max_words]
        parts = [f"{index % 3} {word}" for index, word in enumerate(words)]
        parameters = {name: self.same.get(value, value) for name, value in parameters.items()}
        if not self.inert and parameters != self.bare:
            parts += [f"parameter {name}={value}" for name, value in sorted(parameters.items())]
        total = np.sum([self._draw(part) for part in parts] or [self._draw("")], axis=0)
        return list(map(float, np.asarray(total / np.linalg.norm(total), dtype=np.float32)))

    def count(self, text: str) -> int:
        """Tokens of a text: its words and two special ones."""
        return len((self.hidden + text).split()[: self.max_words]) + 2

    def _draw(self, part: str) -> np.ndarray[Any, Any]:
        seed = int.from_bytes(hashlib.sha256(f"{self.seed} {part}".encode()).digest()[:8], "big")
        return np.random.default_rng(seed).normal(size=DIM)


def require(condition: object, message: str) -> None:
    """Refuse a request."""
    if not condition:
        raise RefusedRequestError(message)


def read_texts(value: object, most: int) -> list[str]:
    """A list of strings, not empty, none of them empty."""
    require(isinstance(value, list) and value, "the texts must be a non-empty array")
    assert isinstance(value, list)
    require(all(isinstance(text, str) and text for text in value), "every text must be a non-empty string")
    require(len(value) <= most, f"at most {most} texts, got {len(value)}")
    return value


def check_fields(body: dict[str, Any], allowed: set[str]) -> None:
    """Refuse fields that are not documented."""
    unknown = set(body) - allowed
    require(not unknown, f"unknown fields {sorted(unknown)}")


def answer_openai(served: Served, body: dict[str, Any], rows: Rows) -> dict[str, Any]:
    """POST /v1/embeddings."""
    check_fields(body, {"input", "model", "encoding_format", "dimensions", "user", "input_type", "task"})
    require(isinstance(body.get("model"), str), "model must be a string")
    texts = read_texts(body.get("input"), 2048)
    packed = _pack(rows([served.embed(text, _present(body, "input_type", "task")) for text in texts]), body)
    data = [{"object": "embedding", "index": index, "embedding": row} for index, row in enumerate(packed)]
    tokens = sum(map(served.count, texts))
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return {"object": "list", "data": data, "model": body["model"], "usage": usage}


def answer_tei(served: Served, body: dict[str, Any], rows: Rows) -> list[Row]:
    """POST /embed of Text Embeddings Inference."""
    check_fields(body, {"inputs", "truncate", "truncation_direction", "prompt_name", "normalize", "dimensions"})
    texts = read_texts(body.get("inputs"), 32)
    return rows([served.embed(text, _present(body, "prompt_name")) for text in texts])


def answer_cohere(served: Served, body: dict[str, Any], rows: Rows) -> dict[str, Any]:
    """POST /v2/embed; vLLM's has the same form and does not demand an ``input_type``."""
    check_fields(
        body, {"model", "input_type", "texts", "max_tokens", "output_dimension", "embedding_types", "truncate"}
    )
    known = {"search_query", "search_document", "classification", "clustering"}
    require(body.get("input_type") in (known | ({None} if served.is_vllm else set())), "invalid input_type")
    require(body.get("embedding_types") == ["float"], "embedding_types")
    require(body.get("truncate") in {"NONE", "START", "END"}, "truncate")
    texts = read_texts(body.get("texts"), 96)
    vectors = rows([served.embed(text, _present(body, "input_type")) for text in texts])
    units = {"billed_units": {"input_tokens": sum(map(served.count, texts))}}
    return {
        "id": "x",
        "embeddings": {"float": vectors},
        "texts": texts,
        "meta": units,
        "response_type": "embeddings_by_type",
    }


def answer_voyage(served: Served, body: dict[str, Any], rows: Rows) -> dict[str, Any]:
    """POST /v1/embeddings of Voyage."""
    check_fields(
        body, {"input", "model", "input_type", "truncation", "output_dtype", "output_dimension", "encoding_format"}
    )
    require(body.get("input_type") in {None, "query", "document"}, "input_type must be query, document or null")
    texts = read_texts(body.get("input"), 1000)
    parameters = {"input_type": body["input_type"]} if body.get("input_type") else {}
    packed = _pack(rows([served.embed(text, parameters) for text in texts]), body)
    data = [{"object": "embedding", "index": index, "embedding": row} for index, row in enumerate(packed)]
    tokens = sum(map(served.count, texts))
    return {"object": "list", "data": data, "model": body["model"], "usage": {"total_tokens": tokens}}


def answer_mistral(served: Served, body: dict[str, Any], rows: Rows) -> dict[str, Any]:
    """POST /v1/embeddings of Mistral."""
    check_fields(body, {"input", "model", "encoding_format", "output_dimension", "output_dtype", "metadata"})
    texts = read_texts(body.get("input"), 1000)
    packed = _pack(rows([served.embed(text, {}) for text in texts]), body)
    data = [{"object": "embedding", "index": index, "embedding": row} for index, row in enumerate(packed)]
    tokens = sum(map(served.count, texts))
    usage = {"prompt_tokens": tokens, "total_tokens": tokens, "completion_tokens": 0}
    return {"id": "x", "object": "list", "data": data, "model": body["model"], "usage": usage}


def answer_gemini(served: Served, body: dict[str, Any], rows: Rows) -> dict[str, Any]:
    """POST /v1beta/models/MODEL:batchEmbedContents; a content of several parts gets one vector."""
    check_fields(body, {"requests"})
    requests = body.get("requests")
    require(isinstance(requests, list) and 0 < len(requests) <= 100, "1 to 100 requests")
    vectors = []
    for one in requests or []:
        check_fields(one, {"model", "content", "taskType", "title", "outputDimensionality"})
        require("title" not in one or one.get("taskType") == "RETRIEVAL_DOCUMENT", "title goes with RETRIEVAL_DOCUMENT")
        text = "".join(part["text"] for part in one["content"]["parts"])
        vectors.append(served.embed(text, _present(one, "taskType", "title")))
    return {"embeddings": [{"values": row} for row in rows(vectors)]}


def answer_vertex(served: Served, body: dict[str, Any], rows: Rows) -> dict[str, Any]:
    """POST …/publishers/google/models/MODEL:predict."""
    check_fields(body, {"instances", "parameters"})
    instances = body["instances"]
    for one in instances:
        check_fields(one, {"content", "task_type", "title", "mimeType"})
    vectors = rows([served.embed(one["content"], _present(one, "task_type", "title")) for one in instances])
    counts = [served.count(one["content"]) for one in instances]
    return {
        "predictions": [
            {"embeddings": {"values": row, "statistics": {"token_count": count, "truncated": False}}}
            for row, count in zip(vectors, counts, strict=False)
        ]
    }


def _present(body: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: body[name] for name in names if name in body}


def _pack(rows: list[Row], body: dict[str, Any]) -> list[Any]:
    if body.get("encoding_format") != "base64":
        return rows
    return [base64.b64encode(np.asarray(row, dtype="<f4").tobytes()).decode() for row in rows]


Route = Callable[[Served, dict[str, Any], Rows], dict[str, Any] | list[Row]]

ROUTES: dict[str, Route] = {
    r"/v1/embeddings": answer_openai,
    r"/embed": answer_tei,
    r"/v2/embed": answer_cohere,
    r"/voyage/embeddings": answer_voyage,
    r"/mistral/v1/embeddings": answer_mistral,
    r"/v1(beta)?/models/[\w.-]+:batchEmbedContents": answer_gemini,
    r"/v1(beta1)?/(projects/[\w/-]+/)?publishers/google/models/[\w.-]+:predict": answer_vertex,
}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it
        return

    def do_GET(self) -> None:
        if self.path == "/info":
            self._send(200, json.dumps({"model_id": "org/model", "model_sha": "abc", "version": "1.9.3"}))
        else:
            self._send(404, "{}")

    def do_POST(self) -> None:
        served = self.server.served
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with served.lock:
            served.requests.append((self.path, body, {name.lower(): value for name, value in self.headers.items()}))
            fault = served.faults.popleft() if served.faults else ""
            served.under_way += 1
            served.most_under_way = max(served.most_under_way, served.under_way)
        try:
            self._answer(served, body, fault)
        finally:
            with served.lock:
                served.under_way -= 1

    def _answer(self, served: Served, body: dict[str, Any], fault: str) -> None:
        if fault == "slow":
            time.sleep(0.2)
        if fault in {"429", "500", "401", "400"}:
            said = {
                "error": {"message": f"told to fail; your key was {self.headers.get('Authorization')}", "type": "x"}
            }
            self._send(int(fault), json.dumps(said), {"Retry-After": "0.05"})
            return
        route = next((answer for path, answer in ROUTES.items() if re.fullmatch(path, self.path.split("?")[0])), None)
        if route is None:
            self._send(404, json.dumps({"error": {"message": f"no route {self.path}"}}))
            return
        try:
            answer = route(served, body, lambda rows: spoil(rows, fault))
        except RefusedRequestError as error:
            self._send(400, json.dumps({"error": {"message": str(error), "type": "invalid_request_error"}}))
            return
        content = json.dumps(answer)
        if fault == "shuffle":
            assert isinstance(answer, dict)
            content = json.dumps({**answer, "data": answer["data"][::-1]})
        if fault == "garbage":
            content = content[: len(content) // 2]
        self._send(200, content, cut=fault == "half")

    def _send(self, status: int, content: str, headers: dict[str, str] | None = None, *, cut: bool = False) -> None:
        payload = content.encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(payload)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(payload[: len(payload) // 2] if cut else payload)
        if cut:
            self.close_connection = True


def spoil(rows: list[Row], fault: str) -> list[Row]:
    """The vectors as a server at fault gives them."""
    if fault == "count":
        return rows[:1]
    if fault == "swap":
        return rows[::-1]
    if fault == "nan":
        return [[float("nan")] * len(rows[0]), *rows[1:]]
    return rows


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, served: Served) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.served = served


@contextmanager
def contract_server() -> Iterator[tuple[str, Served]]:
    """A running server's address, without a path, and what it does; ended on the way out."""
    served = Served()
    server = _Server(served)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", served
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
