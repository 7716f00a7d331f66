"""A hub that takes connections and never answers is unreachable after a while, and said so without its password."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from prefixbench.encode import hub
from prefixbench.errors import HubUnreachableError
from prefixbench.spec.sweep import ModelSpec


@pytest.fixture
def silent_hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        endpoint = f"http://me:secret@127.0.0.1:{server.getsockname()[1]}"
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", endpoint)
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
        monkeypatch.setattr(hub, "SILENT_SECONDS", 0.05)
        yield endpoint


@pytest.mark.usefixtures("silent_hub")
@pytest.mark.timeout(60)
def test_a_silent_hub_is_given_up() -> None:
    with pytest.raises(HubUnreachableError) as raised:
        hub.locate_model(ModelSpec(name="org/none"))
    assert str(raised.value) == (
        "the hub cannot be reached for 'org/none', and its files are not on this machine; download them where there "
        "is a network, or name a local folder with the model instead."
    )


@pytest.mark.usefixtures("silent_hub")
@pytest.mark.timeout(60)
def test_a_tokenizer_that_can_be_done_without_is_asked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    monkeypatch.setattr("huggingface_hub.utils._http.time.sleep", waited.append)
    assert hub.fetch_tokenizer("org/none") is None
    assert hub.fetch_tokenizer("google/gemini-embedding-001") is None, "the hub has no files of it"
    assert waited == [], "for another try"


def test_what_the_client_logs_keeps_no_password() -> None:
    record = logging.makeLogRecord({"msg": "timed out at %s", "args": ("http://me:secret@hub/api",)})
    assert hub._strip_record(record)
    assert record.getMessage() == "timed out at http://hub/api"
