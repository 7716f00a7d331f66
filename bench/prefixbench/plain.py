"""Text made safe to keep, to show and to pass on: without credentials, control characters, and other people's paths."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field

_UNSAFE = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff\ufffe\uffff]"
)
"""Control characters, those that reorder or hide what follows them, and what UTF-8 or XML cannot hold."""

_CREDENTIALS = (
    (re.compile(r"(?<=://)[^\s/'\"<>]+@"), ""),
    (re.compile(r"(?i)(\b(?:bearer|basic)\s+)[\w.~+/=-]{6,}"), r"\1…"),
    (re.compile(r"(?i)([?&](?:x-amz-[\w-]+|[\w-]*(?:token|key|secret|password|signature))=)[^&\s'\"<>]+"), r"\1…"),
    (re.compile(r"\b(hf_|sk-)[A-Za-z0-9_-]{10,}"), r"\1…"),
)
"""A user and password in an address, authorisation headers, signed parameters, tokens by their usual beginnings."""

_ABSOLUTE_PATH = re.compile(r"(?<![\w:/.~-])(?:~|/[^\s/'\":,;()<>|`]+)(?:/[^\s/'\":,;()<>|`]+)+/?")


def clean_text(text: str) -> str:
    """Replace every control character but tab and line break, and every one that reorders what follows it."""
    return _UNSAFE.sub("\N{REPLACEMENT CHARACTER}", text)


def clean_name(text: str) -> str:
    """Replace tabs and line breaks as well: a name stands in one line."""
    return re.sub(r"[\t\n\r]", "\N{REPLACEMENT CHARACTER}", clean_text(text))


def first_line(error: BaseException) -> str:
    """What another library's error says first, without its full stop; its class where it says nothing."""
    return str(error).strip().split("\n")[0].rstrip(".") or type(error).__name__


def strip_credentials(text: str) -> str:
    """Take passwords, tokens and signatures out of a sentence; addresses stay readable without them."""
    for pattern, kept in _CREDENTIALS:
        text = pattern.sub(kept, text)
    return text


def strip_paths(text: str) -> str:
    """Shorten every absolute path to its last part, which says nothing of whose machine it was."""
    return _ABSOLUTE_PATH.sub(lambda found: found[0].rstrip("/").rpartition("/")[2], text)


Name = Annotated[str, Field(min_length=1), AfterValidator(clean_name)]
"""What rows are told apart by: shown everywhere, so it holds nothing that a terminal would take for a command."""

Sentence = Annotated[str, AfterValidator(clean_text)]
"""Words for people, whatever text they quote."""


def escape_cell(text: str) -> str:
    """Return a table's cell that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def escape_markdown(text: str) -> str:
    """Return text that Markdown shows as it is: no table edge, no markup, no link, one line."""
    return re.sub(r"([\\`*\[\]<>|])", r"\\\1", " ".join(text.split("\n")))
