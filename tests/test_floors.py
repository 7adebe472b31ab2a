"""The structure of the package: imports go down only, heavy libraries stay on their floors, files stay short."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "membar_check"

# From the ground up.  A module may import from its own floor and from those below; names are first components.
FLOORS: tuple[tuple[str, ...], ...] = (
    ("records",),
    ("diagnostics", "values"),
    ("resources", "grammars"),
    ("relation",),
    ("litmus",),
    ("cat",),
    ("program",),
    ("events",),
    ("verdict",),
    ("engine",),
    ("explain",),
    ("expectations",),
    ("report",),
    ("options", "arguments"),
    ("workers", "runner"),
    ("catalogue",),
    ("synth",),
    ("gate",),
    ("explore",),
    ("explaining", "gating", "gating_coverage", "gating_diff", "gating_generate", "pytest_plugin"),
    ("cli",),
    ("__main__",),
)
RANK = {name: rank for rank, names in enumerate(FLOORS) for name in names}
HEAVY = {
    "lark": {"litmus", "cat", "grammars"},
    "pcpp": {"litmus"},
    "pycparser": {"litmus", "program", "explain"},
    "z3": {"engine", "explain", "synth"},
    "rich": {"report", "explore"},
    "jinja2": {"report"},
    "prompt_toolkit": {"explore"},
    "networkx": {"engine", "explain", "report"},
    "distributed": {"gate"},
    "pytest": {"pytest_plugin"},
}
MAXIMUM_LINES = 500


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def floor_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def identity(path: Path) -> str:
    return str(path.relative_to(ROOT))


def imported(tree: ast.AST, path: Path) -> list[tuple[int, str, bool]]:
    """All imports of a module: line, full name, whether it stands at module level."""
    top = set(map(id, tree.body)) if isinstance(tree, ast.Module) else set()
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name, id(node) in top) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{identity(path)}:{node.lineno}: relative import"
            module = node.module or ""
            if module == "membar_check":
                found += [(node.lineno, f"membar_check.{alias.name}", id(node) in top) for alias in node.names]
            else:
                found.append((node.lineno, module, id(node) in top))
    return found


@pytest.mark.parametrize("path", modules(), ids=identity)
def test_imports_go_down(path: Path) -> None:
    floor = floor_of(path)
    if floor == "__init__":
        assert not imported(ast.parse(path.read_text("utf-8")), path), "the package itself imports nothing"
        return
    assert floor in RANK, f"{floor} stands on no floor: name it in FLOORS"
    for line, name, _ in imported(ast.parse(path.read_text("utf-8")), path):
        if not name.startswith("membar_check."):
            continue
        target = name.split(".")[1]
        if target == "__version__":
            continue
        assert target in RANK, f"{identity(path)}:{line}: imports {name}, which stands on no floor"
        assert RANK[target] <= RANK[floor], f"{identity(path)}:{line}: {floor} imports {target}, which stands above it"


@pytest.mark.parametrize("path", modules(), ids=identity)
def test_heavy_libraries_are_imported_late_and_on_their_floors(path: Path) -> None:
    for line, name, at_module_level in imported(ast.parse(path.read_text("utf-8")), path):
        library = name.split(".")[0]
        if library == "membar_check" or library in sys.stdlib_module_names:
            continue
        assert library in HEAVY, f"{identity(path)}:{line}: {library} is no dependency of the package"
        assert floor_of(path) in HEAVY[library], f"{identity(path)}:{line}: {library} has no place on this floor"
        late = library == "pytest" or not at_module_level  # who imports the plugin has pytest already
        assert late, f"{identity(path)}:{line}: import {library} inside the function that needs it"


def own_files() -> list[Path]:
    folders = ("membar_check", "models", "litmus", "tests", "docs", ".ci")
    found = [path for folder in folders for path in sorted((ROOT / folder).rglob("*")) if path.is_file()]
    found += [ROOT / name for name in ("README.md", "Makefile", "pyproject.toml", ".gitignore")]
    return [path for path in found if "__pycache__" not in path.parts]


def test_files_are_short() -> None:
    long = []
    for path in own_files():
        if path.suffix in (".py", ".lark"):
            lines = path.read_text("utf-8").count("\n")
            if lines > MAXIMUM_LINES:
                long.append(f"{identity(path)}: {lines} lines")
    assert not long, "\n".join(long)


# Absolute paths of somebody's machine: homes, scratch and work folders.  Written so that this file does not match.
MACHINE_PATH = re.compile(r"(?<![\w.\-/])/(?:home|root|Users|work|tmp)/[\w.\-]+")


def test_no_file_mentions_machine_paths() -> None:
    found = []
    for path in own_files():
        for number, line in enumerate(path.read_text("utf-8", errors="replace").splitlines(), 1):
            if match := MACHINE_PATH.search(line):
                found.append(f"{identity(path)}:{number}: {match[0]}")
    assert not found, "\n".join(found)
