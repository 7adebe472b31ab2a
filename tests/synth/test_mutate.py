"""Single changes of models."""

from __future__ import annotations

from pathlib import Path

import pytest

from membar_check.cat.loader import load_model
from membar_check.diagnostics import InputError
from membar_check.engine.models import DEFAULT_VARIANTS, ModelRequest, get_model
from membar_check.resources import models_dir
from membar_check.synth.mutate import ALTERNATIVE, CHECK, CLOSURE, CYCLES, FLAG, OPERAND, Mutation, mutations
from membar_check.synth.mutate_models import mutated_model, same_judgement, together

MODEL = """\
"m" (* a comment *)
include "cos.cat"
let a = (po & loc) // one
  | (* b | c *) rf (* two *)
  | (co | fr)
let rec b = a+ | (b; b)
acyclic a | b as one
flag ~empty (a \\ b) as two
"""


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "m.cat"
    path.write_text(MODEL)
    return path


def texts(model: Path, *kinds: str) -> dict[str, str]:
    return {m.name: m.apply()[str(model)] for m in mutations(model, kinds=kinds)}


def test_checks_and_flags_go_away_as_a_whole(model: Path) -> None:
    assert texts(model, CHECK) == {"without the check one": MODEL.replace("acyclic a | b as one", "")}
    assert texts(model, FLAG) == {"without the flag two": MODEL.replace("flag ~empty (a \\ b) as two", "")}
    assert texts(model, CYCLES) == {
        "one: irreflexive in place of acyclic": MODEL.replace("acyclic a", "irreflexive a")
    }


def test_alternatives_leave_comments_and_layout(model: Path) -> None:
    found = texts(model, ALTERNATIVE)
    assert found["a without (po & loc)"] == MODEL.replace("(po & loc) // one\n  | (*", "(*")
    assert found["a without rf"] == MODEL.replace(" // one\n  | (* b | c *) rf", " // one")
    assert found["a without co"] == MODEL.replace("(co | fr)", "(fr)")
    assert found["b without a+"] == MODEL.replace("a+ | (b; b)", "(b; b)")
    assert found["b without (b; b)"] == MODEL.replace("a+ | (b; b)", "a+")
    assert found["one without b"] == MODEL.replace("acyclic a | b", "acyclic a")
    assert found["a without (co | fr)"] == MODEL.replace(" (* two *)\n  | (co | fr)", " (* two *)")
    assert len(found) == 9


def test_operands_and_closures(model: Path) -> None:
    assert set(texts(model, OPERAND).values()) == {
        MODEL.replace("po & loc", "po"), MODEL.replace("po & loc", "loc"), MODEL.replace("(a \\ b)", "(a)"),
    }  # fmt: skip
    assert list(texts(model, CLOSURE).values()) == [MODEL.replace("a+", "a")]


@pytest.mark.parametrize("name", ["sc", "x86-tso", "power", "riscv", "aarch64", "lkmm", "lkmm-membarrier"])
def test_every_mutation_of_a_bundled_model_is_one_change(name: str) -> None:
    path = models_dir() / f"{name}.cat"
    found = mutations(path)
    assert len({(m.file, m.start, m.text_before, m.text_after) for m in found}) == len(found)
    order = list(dict.fromkeys(m.file for m in found))
    assert [m.file for m in found] == [file for file in order for m in found if m.file == file]
    for mutation in found:
        before = Path(mutation.file).read_text()
        (after,) = mutation.apply().values()
        end = mutation.start + len(mutation.text_before)
        assert before[: mutation.start] + mutation.text_after + before[end:] == after != before
        assert Path(mutation.file).name not in ("cos.cat", "cross.cat", "stdlib.cat", "lock.cat")


def test_a_changed_file_is_not_mutated(model: Path) -> None:
    first = mutations(model)[0]
    model.write_text("(* new *) " + MODEL)
    with pytest.raises(InputError, match="has changed since the mutation was made"):
        first.apply()
    model.unlink()
    with pytest.raises(InputError, match="cannot read"):
        first.apply()


def test_a_mutated_model_in_a_folder(tmp_path: Path) -> None:
    source = models_dir() / "lkmm.cat"
    mutation = next(m for m in mutations(source) if m.name == "ppo without to-r")
    assert Path(mutation.file).name == "lkmm-axioms.cat"
    path = mutation.write(tmp_path / "mutant")
    assert {p.name for p in path.parent.iterdir()} >= {"lkmm.cat", "lkmm-axioms.cat", "lkmm.bell", "lkmm.def"}
    assert "let ppo = to-w | ((fence" in (path.parent / "lkmm-axioms.cat").read_text()
    assert load_model(path).path == path
    assert (path.parent / "lkmm.cat").read_text() == source.read_text()


# --- in memory -------------------------------------------------------------------------------------------------------
def test_models_in_memory_are_those_of_the_text(tmp_path: Path) -> None:
    request = ModelRequest("aarch64", None, None, (), DEFAULT_VARIANTS, "AArch64")
    whole = get_model(request)
    found = mutations(whole.path)
    for number, mutation in enumerate(found[::15]):
        memory = mutated_model(whole, mutation)
        path = mutation.write(tmp_path / str(number))
        written = get_model(ModelRequest(str(path), None, None, (), DEFAULT_VARIANTS, "AArch64"))
        assert memory.compiled is not None and written.compiled is not None and whole.compiled is not None
        assert same_judgement(memory.compiled, written.compiled)
        assert not same_judgement(memory.compiled, whole.compiled)


def test_what_only_a_flag_uses_changes_no_judgement(model: Path) -> None:
    whole = get_model(ModelRequest(str(model), None, None, (), DEFAULT_VARIANTS, "X86"))
    assert whole.compiled is not None
    found = {m.name: m for m in mutations(model)}

    def same(mutation: Mutation) -> bool:
        changed = mutated_model(whole, mutation).compiled
        assert changed is not None and whole.compiled is not None
        return same_judgement(whole.compiled, changed)

    assert same(found["without the flag two"]) and not same(found["without the check one"])
    assert not same(found["a without rf"])


def test_mutations_together(model: Path) -> None:
    whole = get_model(ModelRequest(str(model), None, None, (), DEFAULT_VARIANTS, "X86"))
    alternatives = [m for m in mutations(model, kinds=(ALTERNATIVE,)) if m.owner == "a"]
    changed, taken = together(whole, alternatives)
    assert changed.compiled is not None
    assert 0 < len(taken) < len(alternatives)
    with pytest.raises(InputError):
        mutated_model(whole, *alternatives)
