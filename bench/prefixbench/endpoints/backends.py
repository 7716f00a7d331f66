"""The kinds of endpoint: what each can be told, how much it takes at once, and which package talks to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from prefixbench.errors import InexpressibleError
from prefixbench.spec.conditions import Side


class Lever(StrEnum):
    """How an endpoint can be told the task."""

    TEXT = "text prefix"
    PARAMETER = "parameter"
    BOTH = "text prefix or parameter"


@dataclass(frozen=True, slots=True)
class Backend:
    """One kind of endpoint.

    Attributes:
        name: As written in a sweep: ``backend = "cohere"``, or before the model's name (``cohere/embed-v4.0``).
        module: The module of this package that talks to it.
        extra: What to install: ``prefixbench[EXTRA]``; ``""`` where nothing is missing.
        parameters: Parameters of a call that say the task, with the values documented; no values for any.
        title: The parameter that takes a document's own title; ``""`` where there is none. It goes with one request,
            so texts of different titles are asked for one by one.
        bare: Parameters that ask for no task by name, on top of which a text prefix may be sent.
        needs_parameter: Whether a call without one is refused, so that ``none`` cannot be expressed.
        max_texts: Texts a request may hold.
        max_characters: Characters a request may hold, safely below the documented tokens or bytes.
        concurrency: Requests under way at once.
        key_env: The environment variable with the key.
        needs_key: Whether calls without a key are refused.
        url: The vendor's own address; ``None`` where one must be given.
        in_process: Whether the model runs in this process, with no address.
    """

    name: str
    module: str
    extra: str
    parameters: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    title: str = ""
    bare: tuple[tuple[str, str], ...] = ()
    needs_parameter: bool = False
    max_texts: int = 64
    max_characters: int = 200_000
    concurrency: int = 4
    key_env: str = ""
    needs_key: bool = False
    url: str | None = None
    in_process: bool = False

    @property
    def lever(self) -> Lever:
        """How it can be told the task."""
        if not self.parameters:
            return Lever.TEXT
        return Lever.PARAMETER if self.needs_parameter else Lever.BOTH

    @property
    def bare_side(self) -> Side:
        """What asks for no task; for a kind that demands one, the last of those documented."""
        if self.bare or not self.needs_parameter:
            return Side(api=self.bare)
        return Side(api=tuple((name, values[-1]) for name, values in self.parameters.items()))

    def contrast_of(self, side: Side) -> Side:
        """A side whose vectors must differ from this one's: bare, or for a kind that demands a task, another task."""
        bare = self.bare_side
        if not self.needs_parameter or side != bare:
            return bare
        return Side(api=tuple((name, values[0]) for name, values in self.parameters.items()))

    def check_side(self, side: Side) -> None:
        """Refuse what this kind of endpoint cannot be told.

        Raises:
            InexpressibleError: With the reason that the skipped cell records.
        """
        if side.adapter not in (None, "none") or side.pooling is not None:
            what = f"adapter {side.adapter}" if side.pooling is None else f"pooling {side.pooling}"
            raise InexpressibleError(
                f"{self.name} has no way to ask for {what}; only the text and its parameters are sent"
            )
        for name, value in side.api:
            if name == self.title and value == "{title}":
                continue
            allowed = self.parameters.get(name)
            if allowed is None:
                known = ", ".join(self.parameters) or "none"
                raise InexpressibleError(f"{self.name} takes no parameter {name!r} (its parameters: {known})")
            if allowed and value not in allowed:
                raise InexpressibleError(f"{self.name} takes no {name} {value!r}; valid: {', '.join(allowed)}")
        if self.needs_parameter and not side.api:
            raise InexpressibleError(f"{self.name} refuses a call without {' or '.join(self.parameters)}")
        if side.prefix and set(side.api) - set(self.bare):
            told = ", ".join(f"{name}={value}" for name, value in side.api)
            raise InexpressibleError(f"a text prefix on top of {self.name}'s own {told} would tell it the task twice")


GEMINI_TASK_TYPES = (
    "TASK_TYPE_UNSPECIFIED",
    "RETRIEVAL_QUERY",
    "RETRIEVAL_DOCUMENT",
    "SEMANTIC_SIMILARITY",
    "CLASSIFICATION",
    "CLUSTERING",
    "QUESTION_ANSWERING",
    "FACT_VERIFICATION",
    "CODE_RETRIEVAL_QUERY",
)
GEMINI_BARE = (("task_type", "TASK_TYPE_UNSPECIFIED"),)
JINA_TASKS = ("retrieval.query", "retrieval.passage", "text-matching", "classification", "clustering", "separation")
COHERE_INPUT_TYPES = ("search_query", "search_document", "classification", "clustering")

BACKENDS: Mapping[str, Backend] = {
    backend.name: backend
    for backend in (
        Backend(
            name="openai",
            module="openai",
            extra="openai",
            parameters={"input_type": ()},
            key_env="OPENAI_API_KEY",
            url="https://api.openai.com/v1",
        ),
        Backend(
            name="jina",
            module="openai",
            extra="openai",
            parameters={"task": JINA_TASKS},
            key_env="JINA_API_KEY",
            needs_key=True,
            url="https://api.jina.ai/v1",
        ),
        Backend(
            name="tei", module="tei", extra="", parameters={"prompt_name": ()}, max_texts=32, key_env="TEI_API_KEY"
        ),
        Backend(name="vllm", module="cohere", extra="cohere", parameters={"input_type": ()}, key_env="VLLM_API_KEY"),
        Backend(
            name="gemini",
            module="gemini",
            extra="gemini",
            parameters={"task_type": GEMINI_TASK_TYPES},
            title="title",
            bare=GEMINI_BARE,
            key_env="GEMINI_API_KEY",
            needs_key=True,
            max_texts=100,
            max_characters=40_000,
            url="https://generativelanguage.googleapis.com",
        ),
        Backend(
            name="vertex",
            module="gemini",
            extra="gemini",
            parameters={"task_type": GEMINI_TASK_TYPES},
            title="title",
            bare=GEMINI_BARE,
            key_env="GOOGLE_API_KEY",
            max_texts=1,
            concurrency=8,
            url="https://aiplatform.googleapis.com",
        ),
        Backend(
            name="cohere",
            module="cohere",
            extra="cohere",
            parameters={"input_type": COHERE_INPUT_TYPES},
            needs_parameter=True,
            key_env="COHERE_API_KEY",
            needs_key=True,
            max_texts=96,
            url="https://api.cohere.com",
        ),
        Backend(
            name="voyage",
            module="voyage",
            extra="voyage",
            parameters={"input_type": ("query", "document")},
            key_env="VOYAGE_API_KEY",
            needs_key=True,
            max_texts=128,
            url="https://api.voyageai.com/v1",
        ),
        Backend(
            name="mistral",
            module="mistral",
            extra="mistral",
            key_env="MISTRAL_API_KEY",
            needs_key=True,
            max_characters=30_000,
            url="https://api.mistral.ai",
        ),
        Backend(name="mistralrs", module="mistralrs", extra="mistralrs", max_texts=16, concurrency=1, in_process=True),
    )
}
"""Every kind by name."""
