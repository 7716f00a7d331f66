"""The contract with an endpoint: texts and parameters out, vectors and what they cost back."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeGuard

import numpy as np

from prefixbench.errors import AuditError, EndpointError, PrefixbenchError
from prefixbench.vectors.embedder import Vectors

if TYPE_CHECKING:
    from prefixbench.endpoints.settings import EndpointSettings

RETRIES = 6
"""How often the SDKs try again after 429, 5xx and broken connections."""

UNREADABLE = 2
"""How often an answer that cannot be read is asked for again."""

FIRST_WAIT_SECONDS, MOST_WAIT_SECONDS = 0.5, 60.0
"""Before the first retry, each further one waiting twice as long; and the longest, also where more is asked for."""

TIMEOUT_SECONDS = 120.0

NO_KEY = "none"
"""For SDKs that insist on a key where a server on one's own machine asks for none."""


@dataclass(frozen=True, slots=True)
class Request:
    """What one call sends.

    Attributes:
        texts: Each whole, its prefix included.
        parameters: What says the task, by name.
    """

    texts: tuple[str, ...]
    parameters: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back.

    Attributes:
        rows: A vector for each text, in the order sent; checked by ``check_reply`` before it is believed.
        prompt_tokens: Tokens billed for all texts together, where the endpoint says.
        build: The model or version that the endpoint says it ran, where it says one.
    """

    rows: Sequence[Sequence[float]]
    prompt_tokens: int | None = None
    build: str | None = None


@dataclass(frozen=True, slots=True)
class Client:
    """One endpoint, spoken to through its vendor's SDK.

    Attributes:
        settings: Which.
        key: Its key; never shown.
        call: Sends a request through the SDK; may raise whatever that raises, and be called from several threads.
        close: Closes its connections.
        retries: How often 429 and 5xx are tried again here, for an SDK that does not, or does not heed ``Retry-After``.
    """

    settings: EndpointSettings
    key: str | None = field(repr=False)
    call: Callable[[Request], Reply] = field(repr=False)
    close: Callable[[], None] = field(repr=False)
    retries: int = 0

    def send(self, request: Request) -> Reply:
        """Have texts embedded.

        Raises:
            EndpointError: The endpoint refused, or failed after every retry; one sentence without the key.
            AuditError: It answered, but not for the texts sent.
        """
        tried = 0
        while True:
            answer = self._try(request)
            if isinstance(answer, Reply):
                return answer
            # No SDK asks again for an answer that broke off or cannot be read.
            allowed = UNREADABLE if answer.status is None else self.retries
            if not answer.is_passing or tried >= allowed:
                # Raised outside the handler: an SDK's error holds the request with its key.
                raise answer
            time.sleep(min(MOST_WAIT_SECONDS, answer.retry_after or FIRST_WAIT_SECONDS * 2**tried))
            tried += 1

    def _try(self, request: Request) -> Reply | EndpointError:
        try:
            return self.call(request)
        except PrefixbenchError:
            raise
        except Exception as error:  # noqa: BLE001 - each SDK has a tree of its own, and lets its HTTP client's through
            return _describe(error, self.settings, self.key)


def order_by_index(rows: Sequence[tuple[int, Sequence[float]]], n_texts: int) -> list[Sequence[float]]:
    """Rows that carry their place, in that order.

    Raises:
        AuditError: The places are not those of the texts sent.
    """
    if len(rows) != n_texts:
        raise AuditError(describe_count(n_texts, len(rows)))
    places = sorted(index for index, _ in rows)
    if places != list(range(n_texts)):
        raise AuditError(f"sent {n_texts} texts, and the vectors that came back say they belong to {places[:10]}.")
    return [row for _, row in sorted(rows, key=lambda pair: pair[0])]


def check_reply(reply: Reply, request: Request) -> tuple[Vectors, list[int]]:
    """The vectors of a reply, shape ``(n_texts, dim)``, and the rows that hold a NaN or an infinite number.

    Raises:
        AuditError: Another number of vectors than texts, or rows of unequal length: none of them can be trusted.
    """
    n_texts, n_rows = len(request.texts), len(reply.rows)
    if n_rows != n_texts:
        raise AuditError(describe_count(n_texts, n_rows))
    lengths = sorted({len(row) for row in reply.rows})
    if len(lengths) != 1 or not lengths[0]:
        raise AuditError(f"one reply holds vectors of lengths {', '.join(map(str, lengths))}.")
    vectors = np.array(reply.rows, dtype=np.float32)
    return vectors, np.flatnonzero(~np.isfinite(vectors).all(axis=1)).tolist()


def describe_count(n_texts: int, n_rows: int) -> str:
    """A sentence for a reply of the wrong length."""
    return f"sent {n_texts} texts, got {n_rows} vector{'' if n_rows == 1 else 's'}."


def _describe(error: Exception, settings: EndpointSettings, key: str | None) -> EndpointError:
    sources = (error, getattr(error, "response", None))
    found = (getattr(one, name, None) for one in sources for name in ("status_code", "code", "http_status"))
    status = next((value for value in found if _is_status(value)), None)
    said = " ".join(str(getattr(error, "message", None) or error).split()) or type(error).__name__
    if key:
        said = said.replace(key, "…")
    told = f"answered {status}" if status is not None else f"failed ({type(error).__name__})"
    if status is not None and status < 300:
        status, told = None, f"answered {status} with what cannot be read"
    return EndpointError(f"{settings.model}, {settings.place}, {told}: {said[:300]}", status, _read_wait(error))


def _is_status(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 100 <= value < 600


def _read_wait(error: Exception) -> float | None:
    source = getattr(error, "response", error)
    wanted = (getattr(source, "headers", None) or {}).get("retry-after")
    try:
        return float(wanted) if wanted is not None else None
    except ValueError:
        return None
