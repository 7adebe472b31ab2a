"""The search for the smallest test that two models disagree about, and ``diff`` on top of it."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import pytest

from membar_check.arguments import Parser
from membar_check.diagnostics import InputError, Unsupported
from membar_check.gating_diff import add_parsers, run_command
from membar_check.resources import models_dir
from membar_check.synth.compare import EQUAL, INCOMPARABLE, STRONGER, UNKNOWN, WEAKER
from membar_check.synth.diff import NEW, OLD, DiffOptions, diff, load_models
from membar_check.synth.encode_gates import Gates
from membar_check.synth.finder import Bound, Finder, partitions
from membar_check.synth.naming import test_name as name_of
from membar_check.synth.telling import search_sentences
from membar_check.synth.vocabulary import architectures, load_vocabulary
from tests.support.comparing import CHECK, changed, compare, model


# --- what is found ---------------------------------------------------------------------------------------------------
def test_store_buffering_tells_sc_from_tso() -> None:
    told = compare("sc", "x86-tso")
    assert (told.arch, told.relation, told.exit_status) == ("X86", WEAKER, 1)
    (found,) = told.differences
    assert name_of(found.shape) == "SB"
    assert (found.side, found.axioms) == (NEW, ("sc",))
    assert "exists (0:EAX=0 /\\ 1:EAX=0)" in found.text


def test_message_passing_tells_tso_from_armv8() -> None:
    told = compare("x86-tso", "aarch64")
    assert (told.arch, told.relation) == ("C", INCOMPARABLE)
    new, old = told.differences
    assert (new.side, old.side) == (NEW, OLD)
    assert name_of(new.shape) in ("MP", "LB")
    assert new.axioms == ("tso",) and old.axioms == ("external",)


def test_riscv_is_weaker_than_armv8_on_the_kernels_primitives() -> None:
    told = compare("aarch64", "riscv")
    assert (told.relation, [d.side for d in told.differences]) == (WEAKER, [NEW])


def test_a_model_equals_itself() -> None:
    told = compare("aarch64", "aarch64", 5)
    assert (told.relation, told.exit_status, told.searched, told.complete) == (EQUAL, 0, 5, True)
    assert told.differences == () and told.left == ()


@pytest.mark.parametrize(
    ("name", "old", "new", "accesses", "family"),
    [
        ("x86-tso", "acyclic po-loc | rmw | rf | co | fr as sc-per-location", "", 2, "W"),
        ("x86-tso", "empty rmw & (fre; coe) as atomicity", "", 3, "RW"),
        ("x86-tso", "    [W]; po; [MFENCE]; po; [R]\n  | ", "    ", 4, ""),
        ("aarch64", "empty (rmw & (fre; coe)) \\ (fri; coi) as atomic", "", 3, ""),
        ("aarch64", "  | ctrl; [W]\n", "", 4, ""),
        ("aarch64", "  | addr; po; [W]\n", "", 5, ""),
        ("aarch64", "  | (addr | data); local-read\n", "", 6, ""),
        ("aarch64", "  | [L]; po; [A]\n", "", 4, "SB"),
        ("aarch64", "  | [range([A]; amo; [L])]; po; [M]\n", "", 5, ""),
        ("aarch64", "    picked; [W]\n  | ", "    ", 4, ""),
        ("aarch64", "let isb =\n  ((ctrl | picked-ctrl) |", "let isb =\n  (", 4, "MP"),
        ("aarch64", "DMB.SY | DMB.OSH | DMB.ISH", "DMB.SY | DMB.ISH", 4, ""),
    ],
)
def test_a_clause_less_is_found(
    tmp_path: Path, name: str, old: str, new: str, accesses: int, family: str
) -> None:
    told = compare(name, changed(tmp_path, name, old, new), 6)
    assert (told.relation, told.searched) == (WEAKER, accesses)
    (found,) = told.differences
    assert found.shape.accesses == accesses
    assert name_of(found.shape).startswith(family)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("acyclic pb as propagation", "", "smp_mb"),
        ("irreflexive rb as rcu", "", "synchronize_rcu"),
        ("let dep = addr | data", "let dep = addr", "^"),
        ("let wmb = [W]; po; [Wmb]; po; [W]", "let wmb = 0", "smp_wmb"),
        ("wmb | unlock-lock); [Marked]; rmw-sequence", "wmb); [Marked]; rmw-sequence", "spin_unlock"),
        ("  | [LKW]; po; [After-spinlock]\n", "", "smp_mb__after_spinlock"),
        ("let Returned = R \\ Noreturn", "let Returned = R", "atomic_"),
        ("po; [UL]; (po | rf); [LKR]; po", "po; [UL]; rf; [LKR]; po", "spin_lock(t)"),
        ("  | [Srcu-unlock]; po; [After-srcu-read-unlock]\n", "", "smp_mb__after_srcu_read_unlock"),
        ("po; [Sync-rcu | Sync-srcu | Other-gp]; po?", "po; [Sync-rcu | Other-gp]; po?", "synchronize_srcu(ss)"),
        ("Other-gp | Rcu-unlock | Srcu-unlock]", "Other-gp | Rcu-unlock]", "srcu_read_unlock(ss, idx)"),
    ],
)
def test_a_weaker_kernel_model_is_found(tmp_path: Path, old: str, new: str, said: str) -> None:
    told = compare("lkmm", changed(tmp_path, "lkmm", old, new, "lkmm-axioms.cat"), 5)
    assert told.relation == (STRONGER if said == "atomic_" else WEAKER)
    assert any(said in found.text for found in told.differences)


def test_a_flag_less_is_found(tmp_path: Path) -> None:
    path = changed(tmp_path, "lkmm", "flag ~empty ww-race | wr-race | rw-race as data-race", "", "lkmm-axioms.cat")
    told = compare("lkmm", path, 2)
    assert [(d.side, d.flag) for d in told.differences] == [(OLD, "data-race")]
    assert (told.relation, told.exit_status, told.flags) == (EQUAL, 1, ("data-race",))
    told = compare("lkmm", path, 2, flags=False)
    assert (told.exit_status, told.flags, told.flagged) == (0, (), 0)


def test_flags_are_the_last_that_is_looked_at(tmp_path: Path) -> None:
    """A model that allows more is not searched for flags unless that is asked for; one of which only the races'
    definition differs, is."""
    path = changed(tmp_path, "lkmm", "let dep = addr | data", "let dep = addr", "lkmm-axioms.cat")
    assert [d.flag for d in compare("lkmm", path, 4).differences] == [""]
    (tmp_path / "other").mkdir()
    path = changed(tmp_path / "other", "lkmm", "  | po; [Release]\n", "", "lkmm-axioms.cat")
    told = compare("lkmm", path, 3)
    assert [(d.side, d.flag) for d in told.differences] == [(NEW, "mixed-accesses")]
    assert "smp_store_release" in told.differences[0].text


def test_without_time_nothing_is_equal() -> None:
    told = diff("sc", "x86-tso", "X86", (), DiffOptions(Bound(4), 0.0))
    assert (told.relation, told.exit_status, told.complete) == (UNKNOWN, 3, False)
    assert told.left[0].startswith("the time of 0 s was over at tests of 1 access")


# --- models that differ in unusual places ----------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("old", "new", "arch", "relation"),
    [
        # a check that is about a relation, and one that is about a set
        ("empty domain(co) & R", "empty fre", "X86", STRONGER),
        ("empty [W]; po; [R]", "empty domain([W]; po; [R]) & range(rf; po) & range(fre)", "X86", WEAKER),
        ("empty domain(co) & R", "let rec x = po | (x & rf; x) empty x", "X86", STRONGER),
        # any fence at all; only the beginning of a critical section
        ("", "acyclic po; [F]; po | rf | co | fr", "X86", STRONGER),
        ("", "acyclic po; [F]; po | rf | co | fr", "AArch64", STRONGER),
        ("", "acyclic po; [Rcu-lock]; po | rf | co | fr", "C", STRONGER),
        ("", "empty [W]; po; [Srcu-unlock]; po; [R & ONCE]", "C", STRONGER),
    ],
)
def test_an_unusual_difference_is_found(tmp_path: Path, old: str, new: str, arch: str, relation: str) -> None:
    told = diff(*pair(tmp_path, old, new, arch), arch, (), DiffOptions(Bound(4, 2), 300.0))
    assert (told.relation, told.left) == (relation, ())


def pair(folder: Path, old: str, new: str, arch: str = "X86") -> tuple[str, str]:
    """Two models that are coherence and some more, with the kernel's primitives for C."""
    for name, body in (("old", old), ("new", new)):
        text = f'"{name}"\ninclude "cos.cat"\nacyclic po-loc | rf | co | fr as coherent\n{body}\n'
        (folder / f"{name}.cat").write_text(text, "utf-8")
        for suffix in (".bell", ".def") if arch == "C" else ():
            (folder / f"{name}{suffix}").write_text((models_dir() / f"lkmm{suffix}").read_text("utf-8"), "utf-8")
    return str(folder / "old.cat"), str(folder / "new.cat")


def test_what_one_flag_does_not_show_another_may(tmp_path: Path) -> None:
    """Executions that the engine does not confirm for a flag are still there for the next one."""
    read = "~empty ((rf & ext) \\ (IW * R))"
    paths = pair(tmp_path, "flag ~empty fre as a flag ~empty 0 as b", f"flag {read} as a flag {read} as b")
    told = diff(*paths, "X86", (), DiffOptions(Bound(2), 100.0))
    assert {(d.side, d.flag) for d in told.differences} >= {(NEW, "b")}


def test_races_under_a_lock_are_found(tmp_path: Path) -> None:
    """A model whose unlock does not protect plain accesses."""
    changed(tmp_path, "lkmm", "", "")
    told = compare("lkmm", str(both_bounds_weaker(tmp_path)), 3)
    assert [(d.side, d.flag) for d in told.differences] == [(NEW, "data-race")]
    assert "spin_lock(s);" in told.differences[0].text


def both_bounds_weaker(folder: Path) -> Path:
    axioms = folder / "lkmm-axioms.cat"
    text = (models_dir() / "lkmm-axioms.cat").read_text("utf-8")
    for old in ("let w-post-bounded = fence?;", "[Racy & W]; (fence | strong-fence; xb*; bound"):
        assert old in text
        text = text.replace(old, old.replace("fence", "(fence \\ (M * UL))", 1))
    axioms.write_text(text, "utf-8")
    return folder / "lkmm.cat"


def test_flags_are_looked_for_beside_outcomes_where_asked(tmp_path: Path) -> None:
    path = changed(tmp_path, "lkmm", "flag ~empty ww-race | wr-race | rw-race as data-race", "", "lkmm-axioms.cat")
    axioms = tmp_path / "lkmm-axioms.cat"
    axioms.write_text(axioms.read_text("utf-8").replace("let dep = addr | data", "let dep = addr"), "utf-8")
    told = compare("lkmm", path, 4, flags=True)
    assert told.relation == WEAKER
    assert [(d.side, d.flag) for d in told.differences] == [(NEW, ""), (OLD, "data-race")]


@pytest.mark.parametrize("check", ["undefined_unless empty fre as c", "assert empty fre as c"])
def test_a_check_that_no_test_is_searched_for_is_not_called_equal(tmp_path: Path, check: str) -> None:
    told = diff(*pair(tmp_path, "", check), "X86", (), DiffOptions(Bound(2), 100.0))
    assert (told.relation, told.exit_status) == (UNKNOWN, 3)
    assert told.left == ("the models differ in the check c, which no test is searched for",)


def test_what_is_not_finished_is_excepted(tmp_path: Path) -> None:
    told = diff(*pair(tmp_path, "", "assert empty fre as c"), "X86", (), DiffOptions(Bound(2), 100.0))
    assert any("None of them, but for what was not finished, is" in line for line in search_sentences(told))
    (tmp_path / "same").mkdir()
    told = diff(*pair(tmp_path / "same", "", ""), "X86", (), DiffOptions(Bound(2), 100.0))
    assert any(line.startswith("None of them is allowed by") for line in search_sentences(told))


# --- parts -----------------------------------------------------------------------------------------------------------
def test_gates_mean_what_they_say() -> None:
    gates = Gates()
    x, y, z = (gates.variable() for _ in range(3))
    both = gates.conj(x, y)
    assert gates.conj(y, x) == both and gates.conj(x, -x) == -1 and gates.disj(x, 1) == 1
    two = gates.at_least([x, y, z], 3)[1]
    for values in ({2: a, 3: b, 4: c} for a in (False, True) for b in (False, True) for c in (False, True)):
        assert gates.holds(two, dict(values)) == (sum(values.values()) >= 2)
    ring = {0: {1: x}, 1: {2: y}, 2: {0: z}}
    assert not gates.holds(gates.acyclic(ring), {x: True, y: True, z: True})
    assert gates.holds(gates.acyclic(ring), {x: True, y: True, z: False})
    assert gates.holds(gates.closure(ring)[0][2], {x: True, y: True, z: False})


def test_accesses_are_spread_in_every_way_once() -> None:
    assert list(partitions(4, 2)) == [(2, 2), (3, 1)]
    assert list(partitions(5, 3)) == [(2, 2, 1), (3, 1, 1)]
    assert list(partitions(2, 3)) == []


@pytest.mark.parametrize("arch", architectures())
def test_every_form_can_be_written(arch: str) -> None:
    names = {"C": "lkmm", "AArch64": "aarch64", "X86": "x86-tso", "X86_64": "x86-tso", "RISCV": "riscv", "PPC": "power"}
    judged = model(names[arch], arch)
    finder = Finder((judged, judged), arch, Bound(), lambda shape, goal: True)
    assert finder.missing == ()
    assert {form.kind for form in finder.forms} >= {"R", "W", "F"}


def test_fences_that_a_model_takes_for_the_same_are_one() -> None:
    judged = model("aarch64", "AArch64")
    finder = Finder((judged, judged), "AArch64", Bound(), lambda shape, goal: True)
    fences = {form.fences[0] for form in finder.forms if form.kind == "F"}
    assert "DMB SY" in fences and "DMB ISH" not in fences
    assert len(fences) < sum(form.kind == "F" for form in load_vocabulary("AArch64").forms)


# --- models and dialects ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("old", "new", "arch"),
    [("sc", "aarch64", "AArch64"), ("lkmm", "aarch64", "C"), ("power", "sc", "PPC"), ("riscv", "x86-tso", "C")],
)
def test_the_dialect_is_one_that_both_models_speak(old: str, new: str, arch: str) -> None:
    assert load_models(old, new, None, CHECK)[1] == arch


def test_a_cat_file_takes_the_other_models_bell_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.cat"
    path.write_text((models_dir() / "lkmm.cat").read_text("utf-8"), "utf-8")
    (_, new), arch = load_models("lkmm", str(path), None, CHECK)
    assert arch == "C" and new.bell is not None and new.bell.name == "lkmm.bell"


def test_no_common_dialect_is_an_error() -> None:
    with pytest.raises(InputError, match=r"no dialect in common"):
        load_models("power", "x86-tso", None, CHECK)


def test_an_unknown_dialect_is_an_error() -> None:
    with pytest.raises(InputError, match=r"no tests can be written for the dialect 'MIPS'") as caught:
        load_models("sc", "sc", "MIPS", CHECK)
    assert "AArch64" in caught.value.hint


def test_a_dialect_without_a_table_is_unsupported() -> None:
    with pytest.raises(Unsupported, match="no tests can be searched for LISA"):
        load_vocabulary("LISA")


# --- the command -----------------------------------------------------------------------------------------------------
def command(*arguments: str) -> tuple[int, str, str]:
    parser = Parser(prog="membar-check")
    add_parsers(parser.add_subparsers(dest="command", parser_class=Parser))
    out, err = StringIO(), StringIO()
    status = run_command(parser.parse_args(["diff", *arguments]), out, err)
    return status, out.getvalue(), err.getvalue()


def test_the_report_says_what_why_and_how_far(tmp_path: Path) -> None:
    path = tmp_path / "found.litmus"
    status, out, _ = command("sc", "x86-tso", "-o", str(path))
    assert status == 1
    assert out.startswith("As far as tests of up to 4 accesses show, x86-tso is weaker than sc: it allows more.")
    assert "The smallest test that x86-tso allows and sc forbids (4 accesses, 2 threads)" in out
    assert "x86-tso allows it, from top to bottom:" in out
    assert "sc forbids it by sc (sc.cat:" in out
    assert "All X86 tests of up to 4 accesses" in out
    assert "None of them is allowed by sc and forbidden by x86-tso." in out
    assert path.read_text("utf-8").startswith("X86 SB\n")


def test_json_has_the_test_and_both_explanations() -> None:
    status, out, _ = command("sc", "x86-tso", "--format", "json")
    data = json.loads(out)
    assert (status, data["exit_status"], data["relation"]) == (1, 1, WEAKER)
    (found,) = data["differences"]
    assert (found["allowed_by"], found["forbidden_by"], found["axioms"]) == ("x86-tso", "sc", ["sc"])
    assert found["allowed"]["allowed"] is True and found["forbidden"]["allowed"] is False
    assert data["searched"]["accesses"] == 4


def test_equal_models_say_up_to_where(tmp_path: Path) -> None:
    path = tmp_path / "none.litmus"
    status, out, err = command("x86-tso", "x86-tso", "--accesses", "3", "-o", str(path))
    assert status == 0
    assert out.startswith("x86-tso and x86-tso: no test tells them apart.")
    assert "All X86 tests of up to 3 accesses, 4 threads and 3 locations" in out
    assert "not written" in err and not path.exists()


def test_given_tests_are_compared(tmp_path: Path) -> None:
    litmus = Path(__file__).resolve().parent.parent.parent / "litmus" / "x86"
    tests = [str(litmus / name) for name in ("SB.litmus", "MP.litmus", "SB+mfences.litmus")]
    status, out, _ = command("sc", "x86-tso", *tests, "--accesses", "2")
    assert status == 1
    assert "3 tests, 2 the same" in out
    assert "No Never -> Ok Sometimes, the new model allows more" in out


WAITING = """C waiting
{}
P0(int *x) { WRITE_ONCE(*x, 1); }
P1(int *x) { int r0; r0 = READ_ONCE(*x); while (r0 == 0) { r0 = READ_ONCE(*x); } }
exists (1:r0=0)
"""


def test_a_cut_loop_is_inconclusive(tmp_path: Path) -> None:
    path = tmp_path / "waiting.litmus"
    path.write_text(WAITING)
    status, out, _ = command("sc", "sc", str(path), "--accesses", "1")
    assert status == 3
    assert out.startswith("nothing tells sc and sc apart so far, but some given test has no answer.")
    assert "1 test, 0 the same" in out
    assert "inconclusive: executions are cut at the unrolling bound of 2" in out


def test_a_broken_test_is_graver_than_a_difference(tmp_path: Path) -> None:
    path = tmp_path / "broken.litmus"
    path.write_text("X86 broken\n{}\n P0 ;\n NONSENSE ;\nexists (x=1)\n")
    litmus = Path(__file__).resolve().parent.parent.parent / "litmus" / "x86" / "SB.litmus"
    for new, tests, relation in (("sc", (), UNKNOWN), ("x86-tso", (str(litmus),), WEAKER)):
        status, out, err = command("sc", new, str(path), *tests, "--accesses", "1", "--format", "json")
        assert status == 2
        assert err.startswith(f"membar-check: {path}:4:2: instruction `NONSENSE`")
        data = json.loads(out)
        assert (data["relation"], data["exit_status"]) == (relation, 2)


def test_tests_may_follow_options_and_be_folders(tmp_path: Path) -> None:
    litmus = Path(__file__).resolve().parent.parent.parent / "litmus" / "x86"
    (tmp_path / "below").mkdir()
    for name in ("SB.litmus", "MP.litmus"):
        (tmp_path / "below" / name).write_text((litmus / name).read_text())
    other = str(litmus / "SB+mfences.litmus")
    status, out, _ = command("sc", "--accesses", "1", "x86-tso", "--threads", "2", str(tmp_path), other)
    assert status == 1 and "3 tests, 2 the same" in out and "and 3 locations" in out
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"no \*\.litmus file"):
        command("sc", "sc", "--accesses", "1", str(tmp_path / "empty"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("sc", "--accesses", "1"), "diff: the following arguments are required: NEW\n"),
        (("sc", "sc", "--nope", "--threads", "1"), "unrecognized arguments: --nope"),
    ],
)
def test_bad_usage(arguments: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        command(*arguments)
    assert stopped.value.code == 2 and message in capsys.readouterr().err


def test_tests_of_two_dialects_are_an_error() -> None:
    litmus = Path(__file__).resolve().parent.parent.parent / "litmus"
    with pytest.raises(InputError, match="several dialects: C, X86"):
        command("sc", "sc", str(litmus / "x86" / "SB.litmus"), str(litmus / "c" / "SB.litmus"))


def test_a_test_of_another_dialect_is_an_error() -> None:
    litmus = Path(__file__).resolve().parent.parent.parent / "litmus"
    with pytest.raises(InputError, match="found a test for C, expected one for X86"):
        command("sc", "sc", str(litmus / "c" / "SB.litmus"), "--dialect", "X86")


def test_a_model_that_is_not_there_is_an_error() -> None:
    with pytest.raises(InputError, match="there is no model 'nosuch'"):
        command("sc", "nosuch")
