from __future__ import annotations

import json
from pathlib import Path

from prefixbench.encode.repository import find_foreign_code


def test_a_word_of_the_vocabulary_is_no_setting(tmp_path: Path) -> None:
    words = {"model": {"vocab": {"backbone": 21505}}}
    for name, told in (("tokenizer.json", None), ("config.json", "backbone = 21505")):
        (tmp_path / name).write_text(json.dumps(words))
        assert find_foreign_code(name, tmp_path / name, tmp_path) == told
