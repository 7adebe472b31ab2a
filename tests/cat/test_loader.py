"""Loading models: includes, the prelude, what goes wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from membar_check.cat import syntax as s
from membar_check.cat.loader import LoadedModel, load_model
from membar_check.diagnostics import InputError
from membar_check.resources import models_dir


def names(model: LoadedModel) -> list[str]:
    return [b.name for st in model.body if isinstance(st, s.Let) for b in st.bindings]


def write(folder: Path, **files: str) -> None:
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.cat").write_text(text)


def failure(path: Path, *folders: Path) -> InputError:
    with pytest.raises(InputError) as caught:
        load_model(path, folders, prelude=False)
    return caught.value


def test_includes_are_put_in_place(tmp_path: Path) -> None:
    top = 'T let a = 0 include "x.cat" let b = 0 include "x.cat"'
    write(tmp_path, top=top, x='include "y.cat" let x = 0', y="let y = 0")
    model = load_model(tmp_path / "top.cat", prelude=False)
    assert model.title == "T"
    assert names(model) == ["a", "y", "x", "b", "y", "x"]
    assert [Path(f).name for f in model.files] == ["top.cat", "x.cat", "y.cat"]
    assert model.prelude == ()


def test_where_includes_are_looked_for(tmp_path: Path) -> None:
    top, given, other = tmp_path / "top", tmp_path / "given", tmp_path / "other"
    write(top, m='include "../given/sub.cat" include "both.cat"', both="let of-top = 0", last="let last-top = 0")
    write(given, sub='include "near.cat" include "both.cat" include "last.cat" include "cos.cat"', near="let near = 0")
    write(other, both="let of-other = 0")
    model = load_model(top / "m.cat", (other,), prelude=False)
    assert names(model)[:3] == ["near", "of-other", "last-top"]
    assert names(model)[-1] == "of-top"
    assert str(models_dir() / "cos.cat") in model.files


def test_missing_include_lists_the_places(tmp_path: Path) -> None:
    write(tmp_path, m='T\n  include "nowhere.cat"')
    error = failure(tmp_path / "m.cat", tmp_path / "extra")
    assert error.span is not None
    assert (error.span.line, error.span.column) == (2, 3)
    assert "nowhere.cat" in error.message
    assert str(tmp_path / "extra") in error.hint
    assert str(tmp_path) in error.hint


def test_circles_are_named(tmp_path: Path) -> None:
    write(tmp_path, a='include "b.cat"', b='include "c.cat"', c='include "b.cat"')
    error = failure(tmp_path / "a.cat")
    assert "`b.cat` includes `c.cat` includes `b.cat`" in error.message
    assert error.span is not None
    assert error.span.source.name.endswith("c.cat")
    write(tmp_path, self='include "self.cat"')
    assert "`self.cat` includes `self.cat`" in failure(tmp_path / "self.cat").message


def test_branches_on_variants_are_resolved_late(tmp_path: Path) -> None:
    write(
        tmp_path,
        m='if "fast" && not "slow" include "x.cat" else if "other" include "gone.cat" else let other = 0 end end',
        x="let x = 0",
    )
    model = load_model(tmp_path / "m.cat", prelude=False)
    (chosen,) = model.resolved(frozenset({"FAST"}))
    assert isinstance(chosen, s.Let)
    assert chosen.bindings[0].name == "x"
    (chosen,) = model.resolved(frozenset({"fast", "slow"}))
    assert isinstance(chosen, s.Let)
    assert chosen.bindings[0].name == "other"
    with pytest.raises(InputError, match=r"gone\.cat"):
        model.resolved(frozenset({"other"}))


def test_includes_inside_procedures_and_matches(tmp_path: Path) -> None:
    write(tmp_path, m="""procedure p() = include "x.cat" end forall e in S do include "x.cat" end
        match t with 'a -> include "x.cat" end""", x="empty x")
    procedure, loop, match = load_model(tmp_path / "m.cat", prelude=False).body
    assert isinstance(procedure, s.Procedure) and isinstance(loop, s.Forall) and isinstance(match, s.MatchStmt)
    for body in (procedure.body, loop.body, match.cases[0][1]):
        assert isinstance(body[0], s.Check)


def test_models_that_know_exclusives_as_atomics_only(tmp_path: Path) -> None:
    write(tmp_path, stdlib="let mine = 0", old="let atomic = X", new="let atomic = X | EX")
    first = load_model(tmp_path / "old.cat").prelude[0]
    assert isinstance(first, s.Let) and first.bindings[0].name == "X"
    assert len(load_model(tmp_path / "new.cat").prelude) == 1


def test_the_prelude(tmp_path: Path) -> None:
    write(tmp_path, m="let a = 0")
    ours = load_model(tmp_path / "m.cat")
    assert str(models_dir() / "stdlib.cat") in ours.files
    assert ours.statements == ours.prelude + ours.body
    write(tmp_path, stdlib="let mine = EX")
    theirs = load_model(tmp_path / "m.cat")
    assert len(theirs.prelude) == 1
    assert load_model(tmp_path / "stdlib.cat").prelude == ()
    folder = tmp_path / "lib"
    write(folder, stdlib="let a = EX let b = 0")
    (tmp_path / "stdlib.cat").unlink()
    assert len(load_model(tmp_path / "m.cat", (folder,)).prelude) == 2


def test_digests_depend_on_every_file(tmp_path: Path) -> None:
    write(tmp_path, m='include "x.cat"', x="let a = 0")
    first = load_model(tmp_path / "m.cat").digest
    assert load_model(tmp_path / "m.cat").digest == first
    write(tmp_path, x="let a = _")
    assert load_model(tmp_path / "m.cat").digest != first
    write(tmp_path, x="let a = 0", stdlib="")
    assert load_model(tmp_path / "m.cat").digest != first


def test_catdep_counts_only_in_the_model_itself(tmp_path: Path) -> None:
    write(tmp_path, m='T catdep include "x.cat"', n='T include "m.cat"', x="let a = 0")
    assert load_model(tmp_path / "m.cat", prelude=False).catdep
    assert not load_model(tmp_path / "n.cat", prelude=False).catdep


def test_unreadable_files(tmp_path: Path) -> None:
    assert "no such file" in failure(tmp_path / "missing.cat").message
    assert "cannot read" in failure(tmp_path).message
    (tmp_path / "latin.cat").write_bytes(b"(* caf\xe9 *) let a = b")
    assert len(load_model(tmp_path / "latin.cat", prelude=False).body) == 1
    (tmp_path / "junk.cat").write_bytes(bytes(range(256)))
    assert failure(tmp_path / "junk.cat").span is not None


def test_syntax_errors_name_the_included_file(tmp_path: Path) -> None:
    write(tmp_path, m='include "x.cat"', x="let a = \n\n |")
    error = failure(tmp_path / "m.cat")
    assert error.span is not None
    assert error.span.where().endswith("x.cat:3:2")


@pytest.mark.parametrize("path", sorted(models_dir().glob("*.cat")), ids=lambda p: p.name)
def test_bundled_models_load(path: Path) -> None:
    assert load_model(path).body
