"""Documented functions of an installed package, read from its source with ``ast`` and never by import."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from prefixbench.starter.recipe import SourcePackage

NEVER_READ = frozenset({"tests", "test", "testing", "conftest.py", "setup.py", "__pycache__", "_vendor"})
HEADING = re.compile(r"\n([A-Z][A-Za-z ]+)\n[-=~]{3,} *(?:\n|$)")
DROPPED_SECTIONS = frozenset({"examples", "example", "see also", "references", "methods", "attributes"})
TEMPLATE = re.compile(r"%\(\w+\)|\{\w+\}|%s|^(?:Deprecated|Internal|Alias)\b")

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


@dataclass(frozen=True, slots=True)
class DocumentedFunction:
    """One public function, method or class with a docstring.

    Attributes:
        name: Its own name.
        qualified_name: With module and class, unique on a machine.
        package: The module its package is imported from.
        module: The dotted module it is defined in.
        subpackage: ``package.part``, what groups it by topic.
        kind: ``function``, ``method`` or ``class``.
        summary: The docstring's first paragraph on one line.
        documentation: The docstring without summary, examples, references and links, on one line.
        code: The source without docstring, its own name replaced by ``_``; empty for classes.
        see_also: Names the maintainers link to, as written.
    """

    name: str
    qualified_name: str
    package: str
    module: str
    subpackage: str
    kind: str
    summary: str
    documentation: str
    code: str
    see_also: tuple[str, ...]


def extract_functions(package: SourcePackage, root: Path | None = None) -> list[DocumentedFunction]:
    """Read every documented public function of a package, ordered by qualified name.

    Args:
        package: Which one, and what of it is left out.
        root: Its folder; found through its distribution's metadata where absent.
    """
    folder = root or Path(str(metadata.distribution(package.distribution).locate_file(package.module)))
    found: dict[str, DocumentedFunction] = {}
    for path in sorted(folder.rglob("*.py")):
        relative = path.relative_to(folder)
        if _is_excluded(relative, package):
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)
            try:
                tree = ast.parse(text)
            except SyntaxError:
                continue  # templates and files for another Python are no documentation
        module = ".".join((package.module, *relative.with_suffix("").parts)).removesuffix(".__init__")
        for function in _read_module(tree, text, module, package):
            found.setdefault(function.qualified_name, function)
    return [found[name] for name in sorted(found)]


def _is_excluded(relative: Path, package: SourcePackage) -> bool:
    parts = relative.parts
    if NEVER_READ.intersection(parts) or any(part.startswith(("test_", "_test")) for part in parts):
        return True
    return any(Path(*parts[: len(Path(left_out).parts)]) == Path(left_out) for left_out in package.exclude)


def _definitions(tree: ast.Module) -> Iterator[tuple[Definition, str, str]]:
    """Public definitions with their name inside the module and their kind; bodies of functions are not entered."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield node, node.name, "class"
            for member in node.body:
                if isinstance(member, ast.FunctionDef | ast.AsyncFunctionDef) and not member.name.startswith("_"):
                    yield member, f"{node.name}.{member.name}", "method"
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not node.name.startswith("_"):
            yield node, node.name, "function"


def _read_module(tree: ast.Module, text: str, module: str, package: SourcePackage) -> Iterator[DocumentedFunction]:
    lines = text.splitlines()
    for node, inner_name, kind in _definitions(tree):
        docstring = ast.get_docstring(node, clean=True)
        if not docstring:
            continue
        summary, rest = split_docstring(docstring)
        if not summary or TEMPLATE.search(summary):
            continue
        yield DocumentedFunction(
            name=node.name,
            qualified_name=f"{module}.{inner_name}",
            package=package.module,
            module=module,
            subpackage=_name_subpackage(module, package),
            kind=kind,
            summary=summary,
            documentation=mask_name(_keep_sections(rest), node.name),
            code="" if kind == "class" else mask_name(_read_code(node, lines), node.name),
            see_also=parse_see_also(rest),
        )


def _name_subpackage(module: str, package: SourcePackage) -> str:
    parts = [part for part in module.split(".")[1:] if part not in package.transparent]
    return ".".join((package.module, *parts[:1]))


def split_docstring(docstring: str) -> tuple[str, str]:
    """The first paragraph on one line, and the rest; a title underlined in place of a summary gives no summary."""
    first, _, rest = inspect.cleandoc(docstring).partition("\n\n")
    if re.search(r"^[-=~]{3,}\s*$", first, re.MULTILINE):
        return "", rest
    return " ".join(first.split()), "\n" + rest.strip("\n")


def _sections(rest: str) -> list[tuple[str, str]]:
    """The text before the first heading under the name ``""``, then each numpydoc section."""
    pieces = HEADING.split(rest)
    return [
        ("", pieces[0]),
        *((name.strip().lower(), body) for name, body in zip(pieces[1::2], pieces[2::2], strict=True)),
    ]


def _keep_sections(rest: str) -> str:
    kept = []
    for name, body in _sections(rest):
        if name in DROPPED_SECTIONS:
            continue
        prose = [line for line in body.splitlines() if not line.lstrip().startswith((">>>", "...", ".. "))]
        kept.append(" ".join([f"{name.capitalize()}:" if name else "", *prose]))
    return " ".join(" ".join(kept).split())


def parse_see_also(rest: str) -> tuple[str, ...]:
    """Names of a numpydoc ``See Also`` section, in order; descriptions and Sphinx roles are dropped."""
    names: dict[str, None] = {}
    for section, body in _sections(rest):
        if section != "see also":
            continue
        for line in body.splitlines():
            if not line.strip() or line[0].isspace():
                continue
            for entry in line.partition(" : ")[0].split(","):
                match = re.fullmatch(r"(?::\w+:)?`*~?\.?([A-Za-z_][\w.]*)`*:?", entry.strip())
                if match:
                    names.setdefault(match.group(1))
    return tuple(names)


def mask_name(text: str, name: str) -> str:
    """Replace a function's own name, wherever it stands as a word of its own, by ``_``."""
    return re.sub(rf"(?<![A-Za-z0-9_]){re.escape(name)}(?![A-Za-z0-9_])", "_", text, flags=re.IGNORECASE)


def _read_code(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef, lines: list[str]) -> str:
    documented = node.body[0]
    head = lines[node.lineno - 1 : documented.lineno - 1]
    body = lines[documented.end_lineno or documented.lineno : node.end_lineno]
    return textwrap.dedent("\n".join((*head, *body))).strip()
