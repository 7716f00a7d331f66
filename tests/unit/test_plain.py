from __future__ import annotations

import pytest
from prefixbench.errors import HubUnreachableError
from prefixbench.plain import clean_name, clean_text, strip_credentials, strip_paths


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("401 for http://user:p4ss@hub.example:8080/api/x", "401 for http://hub.example:8080/api/x"),
        ("at https://token@hub/a and https://b/c", "at https://hub/a and https://b/c"),
        ("Authorization: Bearer abcdef0123456789", "Authorization: Bearer …"),
        ("https://s3/x?X-Amz-Signature=0a1b&part=2", "https://s3/x?X-Amz-Signature=…&part=2"),
        ("key hf_abcdefghijklmnop was refused", "key hf_… was refused"),
        ("mail me@example.org about org/name", "mail me@example.org about org/name"),
    ],
)
def test_credentials_go(said: str, kept: str) -> None:
    assert strip_credentials(said) == kept
    assert str(HubUnreachableError(said)) == kept


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("model '/home/ann/models/final' is none", "model 'final' is none"),
        ("--cache ~/private/cache --models /a/b,/c/d", "--cache cache --models b,d"),
        ("https://huggingface.co/org/name and org/name", "https://huggingface.co/org/name and org/name"),
        ("3/4 of it, 1 / 2", "3/4 of it, 1 / 2"),
    ],
)
def test_absolute_paths_keep_their_last_part(said: str, kept: str) -> None:
    assert strip_paths(said) == kept


def test_control_characters_are_shown_as_what_they_are_not() -> None:
    assert clean_text("a\x1b[31mb\u202ec\td\n") == "a\ufffd[31mb\ufffdc\td\n"
    assert clean_name("a\x00b\tc") == "a\ufffdb\ufffdc"
