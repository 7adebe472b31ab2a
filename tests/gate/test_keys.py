"""Keys of answers: the same for what cannot matter, different for whatever can."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from membar_check import runner
from membar_check.diagnostics import Source
from membar_check.engine.models import DEFAULT_VARIANTS, Model, ModelRequest, get_macros, get_model
from membar_check.gate.digests import CODE, LIBRARIES, macro_digests, model_digest, tool_digest
from membar_check.gate.keys import Keys, headers_of
from membar_check.gate.models import changes, parts_of
from membar_check.options import RunOptions
from membar_check.program.macros import load_macros
from membar_check.records import replace
from membar_check.resources import models_dir
from support.gates import edit, models, tree

COMMENT = re.compile(r"\(\*.*?\*\)", re.DOTALL)


def key_of(path: Path, model: str | None = None, **options: object) -> str | None:
    run = replace(RunOptions((str(path),)), **options)
    return Keys(run).keyed(runner.Job(runner.TestFile(str(path), path.name), model)).key


def load(folder: Path, name: str, dialect: str) -> Model:
    """The model as its files are now."""
    get_model.cache_clear()
    get_macros.cache_clear()
    request = ModelRequest(str(folder / f"{name}.cat"), None, None, (str(folder),), DEFAULT_VARIANTS, dialect)
    return get_model(request)


def digest_in(folder: Path, name: str, dialect: str) -> str:
    return model_digest(load(folder, name, dialect))


# --- tests and options -----------------------------------------------------------------------------------------------
def test_the_text_of_the_test_counts(tmp_path: Path) -> None:
    path = tree(tmp_path, "x86/SB") / "x86" / "SB.litmus"
    before = key_of(path)
    assert before is not None and before == key_of(path)
    moved = tmp_path / "other.litmus"
    os.rename(path, moved)
    assert key_of(moved) == before
    edit(moved, "exists", "~exists")
    assert key_of(moved) != before


def test_a_test_named_after_its_file(tmp_path: Path) -> None:
    text = (tree(tmp_path, "x86/SB") / "x86" / "SB.litmus").read_text().replace("X86 SB", "X86 --", 1)
    for name in ("a", "b"):
        (tmp_path / f"{name}.litmus").write_text(text)
    assert key_of(tmp_path / "a.litmus") != key_of(tmp_path / "b.litmus")


@pytest.mark.parametrize(
    "options", [{"unroll": 3}, {"engine": "z3"}, {"variants": ("lkmmv1",)}, {"macros": "lkmm.def"}], ids=str
)
def test_options_count(tmp_path: Path, options: dict[str, object]) -> None:
    path = tree(tmp_path, "c/SB+mbs") / "c" / "SB+mbs.litmus"
    assert key_of(path, "x86-tso", **options) != key_of(path, "x86-tso")


def test_how_it_runs_does_not_count(tmp_path: Path) -> None:
    path = tree(tmp_path, "x86/SB") / "x86" / "SB.litmus"
    assert key_of(path, jobs=4, timeout=3.0, memory=100, verbosity=1) == key_of(path)


def test_the_model_counts_by_what_it_is(tmp_path: Path) -> None:
    path = tree(tmp_path, "x86/SB") / "x86" / "SB.litmus"
    assert key_of(path) == key_of(path, "x86-tso") != key_of(path, "sc")


@pytest.mark.parametrize("text", ["", "ARM x\n", "nonsense"])
def test_what_is_no_test_has_no_key(tmp_path: Path, text: str) -> None:
    path = tmp_path / "t.litmus"
    path.write_text(text)
    assert key_of(path) is None
    assert key_of(tmp_path / "none.litmus") is None
    path.write_text("X86 t\n{}\n P0 ;\n MOV [x],$1 ;\nexists (x=1)\n")
    assert key_of(path, "no-such-model") is None


def test_the_checker_counts() -> None:
    assert len(tool_digest()) == 64


LOADED = """
import json, sys
from membar_check.engine.api import CheckOptions, check_file
from membar_check.gate.record import record_of
for engine in ("auto", "z3", "reference"):
    try:
        verdict = check_file(sys.argv[1], CheckOptions(engine=engine, unroll=2))
    except Exception as error:
        assert engine != "auto", error
    else:
        record_of(verdict)
print(json.dumps({name: getattr(module, "__file__", None) for name, module in sys.modules.items()}))
"""


@pytest.fixture(scope="module", params=["x86", "x86_64", "aarch64", "riscv", "power", "c", "kernel-c", "membarrier"])
def loaded(
    request: pytest.FixtureRequest, root: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str | None]:
    """The modules, with their files, that the checks of a test of a dialect load where nothing is in any cache."""
    cold = {"PYTHONPATH": str(root), "XDG_CACHE_HOME": str(tmp_path_factory.mktemp("cold"))}
    path = min((root / "litmus" / request.param).glob("*.litmus"), key=lambda path: path.stat().st_size)
    done = subprocess.run(
        [sys.executable, "-c", LOADED, str(path)], env=os.environ | cold, check=True, capture_output=True, text=True
    )  # fmt: skip
    found: dict[str, str | None] = json.loads(done.stdout)
    return found


def test_all_the_code_of_a_check_counts(loaded: dict[str, str | None], root: Path) -> None:
    top = root / "membar_check"
    files = [Path(file) for name, file in loaded.items() if file and name.startswith("membar_check")]
    ours = {file.relative_to(top).as_posix() for file in files}
    assert {"cat/loader.py", "engine/api.py", "gate/record.py", "litmus/parser.py"} <= ours
    silent = ("__init__.py", "gate/__init__.py", "report/__init__.py", "report/gate/__init__.py", "gate/report_data.py")
    beside = [path for path in sorted(ours) if not _covered(path) and path not in silent]
    assert beside == []


def _covered(path: str) -> bool:
    return path in CODE or any(path.startswith(f"{name}/") for name in CODE)


def test_all_the_libraries_of_a_check_count(loaded: dict[str, str | None]) -> None:
    from importlib.metadata import packages_distributions

    known = packages_distributions()
    used = {name.partition(".")[0] for name in loaded} - sys.stdlib_module_names
    packages = {package for name in used for package in known.get(name, ())} - {"membar-check", "setuptools"}
    assert packages <= set(LIBRARIES)


# --- headers ---------------------------------------------------------------------------------------------------------
def headers(folder: Path, text: str, dirs: tuple[str, ...] = ()) -> list[str] | None:
    return headers_of(Source(str(folder / "t.litmus"), text), dirs)


def test_headers_count_by_their_content(tmp_path: Path) -> None:
    (tmp_path / "a.h").write_text('#include "b.h"\n')
    (tmp_path / "b.h").write_text("int x;\n")
    text = 'C t\n{}\n#include "a.h"\n'
    before = headers(tmp_path, text)
    assert before is not None and len(before) == 2
    (tmp_path / "b.h").write_text("int y;\n")
    assert headers(tmp_path, text) != before


def test_a_header_that_comes_first_counts(tmp_path: Path) -> None:
    (tmp_path / "include").mkdir()
    (tmp_path / "include" / "a.h").write_text("int x;\n")
    text = '#include "a.h"\n'
    before = headers(tmp_path, text)
    (tmp_path / "a.h").write_text("int x;\n")
    assert headers(tmp_path, text) != before
    assert headers(tmp_path, "#include <a.h>\n") != headers(tmp_path, '#include "none.h"\n')


def test_headers_named_above_the_init_block_count(tmp_path: Path) -> None:
    (tmp_path / "a.h").write_text("int x;\n")
    text = 'C t\n#include "a.h"\n{}\nP0(void)\n{\n}\n'
    before = headers(tmp_path, text)
    assert before is not None and len(before) == 1
    (tmp_path / "a.h").write_text("int y;\n")
    assert headers(tmp_path, text) != before


def test_headers_behind_conditions_and_in_circles_count(tmp_path: Path) -> None:
    (tmp_path / "a.h").write_text('#ifdef NEVER\n#include "b.h"\n#endif\n#include "a.h"\n')
    (tmp_path / "b.h").write_text("")
    found = headers(tmp_path, '#  include "a.h"  \n')
    assert found is not None and len(found) == 2


@pytest.mark.parametrize(
    "text",
    [
        "#include NAME\n", "#/* */include \"a.h\"\n", '#include "a.h" /* why */\n', "#if __has_include(<a.h>)\n",
        "# /*\n*/ include <a.h>\n",
    ],
)  # fmt: skip
def test_what_only_the_preprocessor_understands_has_no_key(tmp_path: Path, text: str) -> None:
    assert headers(tmp_path, text) is None


@pytest.mark.parametrize("text", ["#inc\\\nlude \"a.h\"\n", "/* what we include */\n#include \"a.h\"\n"])
def test_what_is_plain_in_another_way(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.h").write_text("")
    found = headers(tmp_path, text)
    assert found is not None and len(found) == 1


# --- models ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("name", "dialect"), [("x86-tso", "X86"), ("aarch64", "C"), ("lkmm", "C"), ("sc", "C")])
def test_spaces_and_comments_do_not_count(tmp_path: Path, name: str, dialect: str) -> None:
    folder = models(tmp_path / "models")
    before = digest_in(folder, name, dialect)
    for path in folder.iterdir():
        text = path.read_text("utf-8")
        if path.suffix == ".def":
            text = re.sub(r"\s*//[^\n]*", "", text).replace(",", " , ").replace("include ", "include  ")
        else:
            text = "(* new *)\n" + COMMENT.sub(" (* other *) ", text).replace(" | ", "\n\t|  ") + "\n\n"
        path.write_text(text, "utf-8")
    assert digest_in(folder, name, dialect) == before


@pytest.mark.parametrize(
    ("name", "dialect", "file", "old", "new"),
    [
        ("x86-tso", "X86", "x86-tso.cat", " as atomicity", " as atomic"),
        ("x86-tso", "X86", "x86-tso.cat", "[W]; po; [MFENCE]; po; [R]", "[W]; po; [MFENCE]; po; [M]"),
        ("x86-tso", "X86", "x86-tso.cat", "empty rmw & (fre; coe) as atomicity", ""),
        ("lkmm", "C", "lkmm-axioms.cat", "acyclic pb as propagation", ""),
        ("lkmm", "C", "lkmm-axioms.cat", "acyclic pb as propagation", "irreflexive pb as propagation"),
    ],
)
def test_whatever_changes_a_model_counts(
    tmp_path: Path, name: str, dialect: str, file: str, old: str, new: str
) -> None:
    folder = models(tmp_path / "models")
    before = digest_in(folder, name, dialect)
    edit(folder / file, old, new)
    assert digest_in(folder, name, dialect) != before


def test_macros_count(tmp_path: Path) -> None:
    folder = models(tmp_path / "models")
    before = digest_in(folder, "aarch64", "C")
    edit(folder / "aarch64.def", "__fence{MB}() { __fence{DMB.ISH}; }", "__fence{MB}() { __fence{DMB.ISHLD}; }")
    assert digest_in(folder, "aarch64", "C") != before


@pytest.mark.parametrize("path", sorted(models_dir().glob("*.def")), ids=lambda path: path.stem)
def test_macros_are_the_same_read_at_once_or_when_needed(path: Path) -> None:
    source = Source(str(path), path.read_text("utf-8"))
    assert macro_digests(load_macros(source, trusted=True)) == macro_digests(load_macros(source, trusted=False))


# --- what changed ----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("name", "dialect", "file", "old", "new", "says"),
    [
        ("x86-tso", "X86", "x86-tso.cat", "empty rmw & (fre; coe) as atomicity", "",
         ["the axiom atomicity was removed"]),
        ("x86-tso", "X86", "x86-tso.cat", "[MFENCE]; po; [R]", "[MFENCE]; po; [M]",
         ["the axiom tso is affected", "the definition of `drained` changed"]),
        ("lkmm", "C", "lkmm-axioms.cat", "acyclic pb as propagation", "", ["the axiom propagation was removed"]),
        ("x86-tso", "X86", "x86-tso.cat", "fre; coe", "fre; co", ["the axiom atomicity changed"]),
    ],
)  # fmt: skip
def test_changes_are_named(
    tmp_path: Path, name: str, dialect: str, file: str, old: str, new: str, says: list[str]
) -> None:
    folder = models(tmp_path / "models")
    before = parts_of(load(folder, name, dialect)).digests
    edit(folder / file, old, new)
    found = changes(name, before, parts_of(load(folder, name, dialect)))
    assert [change.text for change in found] == [f"{name}: {text}" for text in says]
