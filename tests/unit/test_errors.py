"""Every error of ours crosses a process boundary as it was raised."""

from __future__ import annotations

import pickle

import pytest
from prefixbench.errors import PrefixbenchError, SpecError, UnknownNameError
from prefixbench.prefixes.registry_layer import NoEmbeddingError


def list_errors() -> list[type[PrefixbenchError]]:
    found: list[type[PrefixbenchError]] = [PrefixbenchError]
    for kind in found:
        found += kind.__subclasses__()
    assert NoEmbeddingError in found
    return found


@pytest.mark.parametrize("kind", list_errors(), ids=lambda kind: kind.__name__)
def test_an_error_survives_pickling(kind: type[PrefixbenchError]) -> None:
    error = kind("model", "e5", ["e5-small", "e5-base"]) if issubclass(kind, UnknownNameError) else kind("a sentence")
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), again.args, vars(again)) == (kind, str(error), error.args, vars(error))


def test_a_sweeps_faults_survive_pickling() -> None:
    error = pickle.loads(pickle.dumps(SpecError(["one.", "two."])))
    assert error.faults == ("one.", "two.")
