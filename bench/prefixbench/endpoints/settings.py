"""Which endpoint a model's name and fields mean, and the key that opens it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

from prefixbench.endpoints.backends import BACKENDS, Backend
from prefixbench.errors import EndpointError, SpecError, UnknownNameError
from prefixbench.spec.sweep import ModelSpec

IN_PROCESS = "mistralrs:"
"""Before a hub name: the model runs in this process, in that engine."""


@dataclass(frozen=True, slots=True)
class EndpointSettings:
    """One model at one endpoint.

    Attributes:
        backend: The kind of endpoint.
        model: Its name there.
        url: Where it is, without credentials; ``None`` for a model in this process.
        like: Whose card says what is sent, and whose tokenizer counts.
        key_env: The environment variable with the key.
        price: Money for a million tokens; ``None`` where it is not known.
    """

    backend: Backend
    model: str
    url: str | None
    like: str
    key_env: str | None = None
    price: float | None = None

    @classmethod
    def of(cls, model: ModelSpec) -> EndpointSettings | None:
        """The endpoint that a model's name and fields mean; ``None`` for a model that is loaded here.

        Raises:
            SpecError: An unknown kind, an address that is none, or one that holds credentials.
        """
        kind, served = _split_name(model)
        if kind is None:
            return None
        if kind not in BACKENDS:
            raise UnknownNameError("backend", kind, BACKENDS)
        backend = BACKENDS[kind]
        url = None if backend.in_process else check_url(model.endpoint or backend.url, model.name)
        key_env = model.api_key_env or backend.key_env or None
        return cls(backend, served, url, model.documented_as, key_env, model.price_per_million_tokens)

    @property
    def place(self) -> str:
        """The endpoint in a sentence."""
        return f"{self.backend.name} at {self.url}" if self.url else f"{self.backend.name} in this process"

    def read_key(self) -> str | None:
        """The key, from the environment.

        Raises:
            EndpointError: The endpoint needs one and the variable is not set.
        """
        key = os.environ.get(self.key_env) if self.key_env else None
        if not key and self.backend.needs_key:
            raise EndpointError(f"{self.model}: no key; set the environment variable {self.key_env}.")
        return key or None


def _split_name(model: ModelSpec) -> tuple[str | None, str]:
    """The kind of endpoint and the model's name there; no kind for a model that is loaded here."""
    if model.name.startswith(IN_PROCESS):
        return IN_PROCESS.rstrip(":"), model.name.removeprefix(IN_PROCESS)
    first, slash, rest = model.name.partition("/")
    if model.backend is not None:
        return model.backend, rest if slash and first == model.backend else model.name
    if model.endpoint is not None:
        return "openai", model.name
    return (first, rest) if slash and first in BACKENDS and BACKENDS[first].url else (None, model.name)


def check_url(url: str | None, model: str) -> str:
    """An address as it may be kept and shown.

    Raises:
        SpecError: There is none, or it holds a password or a key, which would end up in files and logs.
    """
    if not url:
        raise SpecError(f"{model}: name its address with --endpoint, as in http://127.0.0.1:8080/v1.")
    parts = urlsplit(url)
    shown = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise SpecError(f"{model}: the endpoint {shown!r} is no address; one begins with http:// or https://.")
    if "@" in parts.netloc or parts.query:
        raise SpecError(
            f"{model}: the endpoint {shown} was given with a password or a query; put the key into an environment "
            "variable and name that with api_key_env."
        )
    return shown.rstrip("/")
