"""The exceptions this project raises on purpose.

PrefixbenchError               a sentence a person can act on; the command line prints it without a traceback
├── SpecError                  what was asked for cannot be run; collects every fault with its place
│   ├── UnknownNameError       a model, task, subset, condition, preset or field that does not exist
│   └── CardError              a prefix card with a fault, named with file and line
├── PrefixNotFoundError        no layer documents a prefix; never read as "the empty prefix"
├── InexpressibleError         this model cannot express this condition; the cell is skipped with the reason
├── ResultsError               a results folder that is foreign, torn, locked or made with other settings
├── CacheError                 the embedding store cannot be used (no permission)
│   ├── FullDiskError          there is no room on a disk; another machine may have some
│   └── LostVectorsError       vectors of an encoded cell are gone before it was scored; it is encoded again
├── ModelLoadError             a model that cannot be loaded: missing, unsafe, other weights than expected
│   └── UntrustedCodeError     a model that brings code nobody has trusted; its cells are skipped
├── HubUnreachableError        the hub does not answer; names the repository
├── EncodeError                the forward pass failed: no memory for a single text, an engine that is not there
├── EndpointError              an endpoint that refuses, does not answer, or answers with something else than documented
├── BudgetError                the next request would pass what the user allows; the sweep stops and can be resumed
├── AuditError                 what reached the model is not what was planned; the cell fails
│   └── InertError             what is sent moves no vector; the cell ends as inert, since nothing would be measured
├── ScoreError                 the main score rebuilt from items differs from mteb's, or scoring is impossible
└── AnalysisError              a contrast that must not be computed: unpaired items, mixed revisions, too few items
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from prefixbench.plain import strip_credentials

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class PrefixbenchError(Exception):
    """Base of every error whose text is meant for the user; it goes into ledgers and reports, so it keeps no secret."""

    def __init__(self, sentence: str = "") -> None:
        super().__init__(strip_credentials(sentence))

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle without the constructor, whose arguments a subclass may choose freely."""
        return _restore_error, (type(self), self.args, self.__dict__)


def _restore_error(
    kind: type[PrefixbenchError], arguments: tuple[object, ...], attributes: dict[str, object]
) -> PrefixbenchError:
    error = kind.__new__(kind)
    error.args = arguments
    error.__dict__.update(attributes)
    return error


class SpecError(PrefixbenchError):
    """A sweep that cannot be planned.

    Attributes:
        faults: One sentence each, in the order found, with its place (``sweep.models[1].dtype``).
    """

    def __init__(self, faults: str | Sequence[str]) -> None:
        self.faults: tuple[str, ...] = (faults,) if isinstance(faults, str) else tuple(faults)
        super().__init__("\n".join(self.faults))


class UnknownNameError(SpecError):
    """A name that does not exist, with the nearest that do."""

    def __init__(self, kind: str, name: str, valid: Iterable[str], place: str = "") -> None:
        super().__init__(describe_unknown_name(kind, name, valid, place))


class CardError(SpecError):
    """A fault in a prefix card, with its file and line."""


class PrefixNotFoundError(PrefixbenchError):
    """No card, registry entry or model config documents a prefix for this use."""


class InexpressibleError(PrefixbenchError):
    """The model cannot express the condition; the reason becomes the skipped cell's."""


class ResultsError(PrefixbenchError):
    """A results folder that cannot be read, or must not be written to."""


class CacheError(PrefixbenchError):
    """The embedding store cannot be used."""


class FullDiskError(CacheError):
    """Nothing more can be written on a machine; the same work may well be done on another."""


class LostVectorsError(CacheError):
    """Vectors that were embedded cannot be brought to the worker that scores them."""


class ModelLoadError(PrefixbenchError):
    """A model that cannot be loaded."""


class UntrustedCodeError(ModelLoadError):
    """A model that needs code from its repository, which was not trusted."""


class HubUnreachableError(PrefixbenchError):
    """The hub did not answer for a repository."""


class EncodeError(PrefixbenchError):
    """Texts that could not be embedded on this machine."""


class ClusterError(PrefixbenchError):
    """A cluster that cannot be joined, or does not carry what was asked of it."""


class EndpointError(PrefixbenchError):
    """An endpoint that cannot be used.

    Attributes:
        status: The HTTP status of its answer, ``None`` where there was none.
        retry_after: Seconds the endpoint asked to wait, where it did.
    """

    def __init__(self, message: str, status: int | None = None, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after = retry_after

    @property
    def is_passing(self) -> bool:
        """Whether the same request may well succeed later: no answer, a broken one, too many requests, a failure."""
        return self.status is None or self.status in {408, 425, 429} or self.status >= 500


class BudgetError(PrefixbenchError):
    """The next request would pass the tokens or the money that the user allows."""


class AuditError(PrefixbenchError):
    """What reached the model differs from what was planned."""


class InertError(AuditError):
    """What is sent changes no vector, so that nothing would be measured."""


class ScoreError(PrefixbenchError):
    """A score that cannot be computed, or cannot be trusted."""


class AnalysisError(PrefixbenchError):
    """A comparison the data do not allow."""


def describe_unknown_name(kind: str, name: str, valid: Iterable[str], place: str = "") -> str:
    """One sentence that names the unknown thing and the nearest valid ones.

    Args:
        kind: What was looked for, as the user knows it (``model``, ``task``).
        name: What was given.
        valid: Every name that would have been accepted.
        place: Where it was given (``sweep.models[1].name``), or nothing.
    """
    choices = sorted(valid)
    name = name if len(name) <= 100 else f"{name[:100]}…"
    by_folded_name = {choice.casefold(): choice for choice in choices}
    near = [by_folded_name[key] for key in difflib.get_close_matches(name.casefold(), by_folded_name, n=3, cutoff=0.5)]
    where = f"{place}: " if place else ""
    if near:
        hint = f"did you mean {' or '.join(near)}?"
    elif len(choices) <= 20:
        hint = f"valid choices: {', '.join(choices)}."
    else:
        hint = f"{len(choices)} are known; none is close."
    return f"{where}unknown {kind} {name!r}; {hint}"
