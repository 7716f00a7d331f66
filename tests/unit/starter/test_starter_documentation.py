from __future__ import annotations

from pathlib import Path

import pytest
from prefixbench.starter.documentation import extract_functions, mask_name, parse_see_also, split_docstring
from prefixbench.starter.recipe import SourcePackage

SOURCE = '''
import a_module_that_does_not_exist

raise RuntimeError("importing this is an error")


def smooth(signal, width=3):
    """
    Average each sample with
    its neighbours.

    The smooth result has as many samples as the signal.

    Parameters
    ----------
    signal : array_like
        What smooth() is given.

    See Also
    --------
    sharpen, Filter.apply : Others of the kind.
        smooth is no link here.
    :func:`other.blur`

    Examples
    --------
    >>> smooth([1, 2, 3])
    """
    # the edges are kept
    return [smooth_one(x, width) for x in signal]


def _private():
    """Never documented in public, by its name."""


class Filter:
    """Keep what passes through.

    The rest.
    """

    def apply(self):
        """Apply the filter to a signal."""
        return self
'''


@pytest.fixture
def package(tmp_path: Path) -> Path:
    folder = tmp_path / "sample"
    (folder / "core" / "tests").mkdir(parents=True)
    (folder / "core" / "filters.py").write_text(SOURCE)
    (folder / "core" / "tests" / "check.py").write_text(SOURCE)
    (folder / "left_out").mkdir()
    (folder / "left_out" / "more.py").write_text(SOURCE)
    (folder / "broken.py").write_text("def (:")
    return folder


def spec() -> SourcePackage:
    return SourcePackage(
        distribution="sample", module="sample", version="1", license="mit", exclude=("left_out",), transparent=("core",)
    )


def test_reads_public_definitions_without_importing(package: Path) -> None:
    found = extract_functions(spec(), package)
    assert [(one.qualified_name, one.kind, one.subpackage) for one in found] == [
        ("sample.core.filters.Filter", "class", "sample.filters"),
        ("sample.core.filters.Filter.apply", "method", "sample.filters"),
        ("sample.core.filters.smooth", "function", "sample.filters"),
    ]


def test_takes_a_docstring_apart(package: Path) -> None:
    smooth = extract_functions(spec(), package)[-1]
    assert smooth.summary == "Average each sample with its neighbours."
    assert smooth.documentation == (
        "The _ result has as many samples as the signal. Parameters: signal : array_like What _() is given."
    )
    assert smooth.see_also == ("sharpen", "Filter.apply", "other.blur")
    assert smooth.code == (
        "def _(signal, width=3):\n    # the edges are kept\n    return [smooth_one(x, width) for x in signal]"
    )


def test_name_is_masked_as_a_word_in_any_case() -> None:
    assert mask_name("SVD and svd_flip of an svd.", "svd") == "_ and svd_flip of an _."


def test_an_underlined_title_is_no_summary() -> None:
    assert split_docstring("Filters\n=======\n\nText.") == ("", "Text.")


def test_see_also_needs_its_section() -> None:
    assert parse_see_also("\nSee also: blur") == ()
