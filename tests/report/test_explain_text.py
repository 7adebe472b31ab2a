"""The text of an explanation: golden files, and what has to hold at any width."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from membar_check.explain.explanation import Core, Derivation, Explanation, Place, Row
from membar_check.records import replace
from membar_check.report.explain import render
from membar_check.report.explain.derivations import one_line, path_of, unfold
from membar_check.report.explain.glossary import words_for
from membar_check.report.explain.sheet import Sheet
from membar_check.report.explain.timeline import write_timeline
from membar_check.report.explain.words import Names, effect_of, events_of, reads_of, with_fences
from support.explanations import ALL, MP, base, mp_cycle, why

Golden = Callable[[str, str], None]
WIDTHS = (80, 100, 120)


@pytest.mark.parametrize("name", ALL)
def test_golden(name: str, golden: Golden) -> None:
    golden(f"report/explain-{name}.txt", render(ALL[name], "text"))


def test_golden_narrow(golden: Golden) -> None:
    golden("report/explain-kernel-80.txt", render(ALL["kernel"], "text", width=80))


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", ALL)
def test_the_text_fits(name: str, width: int) -> None:
    text = render(ALL[name], "text", width=width)
    assert max(map(len, text.splitlines())) <= width
    assert text.endswith("\n") and "\ue000" not in text
    assert not any(line.endswith(" ") for line in text.splitlines())


@pytest.mark.parametrize("name", ALL)
def test_colours_change_nothing_but_colours(name: str) -> None:
    coloured = render(ALL[name], "text", colour=True)
    assert "\x1b[1m" in coloured
    plain = re.sub(r"\x1b\[[0-9;]*m", "", coloured)
    lines = [line.rstrip() for line in plain.splitlines()]
    assert lines == render(ALL[name], "text").splitlines()


def test_an_allowed_outcome_is_told_and_what_would_forbid_it() -> None:
    text = render(ALL["sb"], "text")
    assert text.startswith("SB under x86-tso: allowed\n")
    assert "  - a write may wait in the store buffer while a later read takes its value\n" in text
    assert "  - y = 1 (P1 line 4) has not reached P0 yet" in text
    assert "  - tso (x86-tso.cat:20, acyclic): a total order exists" in text
    first, second = text.index("add mfence after 4 in P0   cost 4\n"), text.index("strengthen 4 to xchg   cost 5.5\n")
    assert first < second
    assert "     x86-tso: forbids it; sc: forbids it; power: still allows it\n" in text
    assert "x86-tso: no answer (time-out after 3 s)" in text
    assert "checked by a fresh run" in text and "+ MFENCE" in text
    assert text.endswith("Limits of this explanation\n  - Edits under power were not tried: the time ended.\n")


def test_a_forbidden_outcome_is_ruled_out_by_a_cycle_and_a_core() -> None:
    text = render(ALL["mp"], "text")
    assert "Ruled out by happens-before (lkmm.cat:101, acyclic), 1 execution, by this cycle" in text
    assert "P1 line 12 (R y = 1) --hb--> P1 line 14 (R x = 0)\n" in text
    assert "because ppo, because fence, because rmb, through P1 line 13 (smp_rmb())\n" in text
    assert "P0 line 6 → P1 line 12: rfe, because rf and ext\n" in text
    assert "So P1 line 12 would have to come before itself." in text
    assert "P0 line 5   smp_wmb();\n" in text
    assert "take it away and this appears: 1:r0=1; 1:r1=0" in text
    assert "(P1 line 12 reads y = 1 from P0 line 6;" in text and "reads x = 0 from the initial" in text
    assert "what if drop smp_wmb@5" in text
    assert "Not needed for this: the axiom propagation." in text
    assert "take it away, and what is not needed with it, and this appears" in text
    assert re.search(r"\n  hb +happens before: .* \(lkmm.cat:100\)", text) and "  rfe " in text
    assert "  Also defined in the model: ppo lkmm" not in text


def test_interrupts_failures_and_headers_are_marked() -> None:
    text = render(ALL["kernel"], "text", width=80)
    assert ">> interrupt of P0 lands here (line 33)" in text
    assert ">> kmalloc() fails (kernel.h:77)" in text
    assert "kernel.h:412" in text and "runtime/" not in text


def test_executions_are_counted_and_groups_numbered() -> None:
    text = render(ALL["crowd"], "text")
    assert "15 executions would end this way, and lkmm rules out every one of them." in text
    assert "1 execution would end this way, and lkmm rules it out." in render(ALL["mp"], "text")
    assert "  1. Ruled out by propagation" in text and "  2. Ruled out by happens-before" in text


def test_nothing_to_rule_out() -> None:
    bare = replace(ALL["mp"], groups=(), core=None, others=())
    assert "No choice of sources and orders ends this way" in render(bare, "text")
    late = replace(bare, limits=("The time ended before the executions were looked at.",))
    assert "No choice of sources" not in render(late, "text")


def test_what_appears_is_told_once_where_it_is_always_the_same() -> None:
    core = ALL["mp"].core
    assert core is not None
    alike = replace(core, elements=core.elements[:2])
    text = render(replace(ALL["mp"], core=alike), "text", width=120)
    assert "take any one of them away and the outcome appears,\n  as 1:r0=1; 1:r1=0 (P1 line 12 reads" in text
    assert text.count("1:r0=1; 1:r1=0 (") == 1 and "take it away" not in text


def test_a_core_that_was_not_finished_says_so() -> None:
    core = ALL["mp"].core
    assert core is not None
    text = render(replace(ALL["mp"], core=replace(core, proven=False)), "text")
    assert "The time ended before every one was tried" in text and "Each of these is needed" not in text


def test_a_core_without_elements_is_left_out() -> None:
    text = render(replace(ALL["mp"], core=Core((), (), False)), "text")
    assert "What forbids it" not in text


def test_a_condition_that_asks_for_nothing_is_left_out() -> None:
    assert "condition" not in render(replace(ALL["kernel"], condition="~exists (false)"), "text")
    assert "  condition  missed-barrier\n" in render(ALL["kernel"], "text")


def test_no_edit_is_said() -> None:
    text = render(replace(ALL["sb"], edits=()), "text")
    assert "No single edit that was tried forbids it; membar-check repair" in text


def test_the_relation_between_outcome_and_other_models() -> None:
    assert "The same outcome by model: sc: Never, x86-tso: Sometimes." in render(ALL["sb"], "text")


# --- the timeline ---
def timeline(explanation: Explanation, width: int) -> list[str]:
    sheet = Sheet(width, False)
    write_timeline(explanation.timeline, explanation.file, sheet)
    return sheet.text().splitlines()


def test_a_column_for_each_thread_in_the_order_of_time() -> None:
    lines = timeline(ALL["sb"], 100)
    head = next(line for line in lines if line.startswith("P0"))
    second = head.index("P1")
    read, write = (next(i for i, line in enumerate(lines) if text in line) for text in ("EAX,[y]", "MOV [x]"))
    assert read < write and lines[read].startswith("5 MOV EAX,[y]")
    assert next(line for line in lines if "writes y = 1" in line).index("writes y = 1") == second + 4


@pytest.mark.parametrize("threads", [2, 4, 6])
def test_narrow_columns_become_a_list(threads: int) -> None:
    file = "t.litmus"
    rows = tuple(Row(t, Place(file, 10 + t, f"r{t} = READ_ONCE(*x);"), "reads x = 0", ()) for t in range(threads))
    lines = timeline(replace(ALL["sb"], file=file, timeline=rows), 104)
    listed = lines[0] == "P0 | 10 r0 = READ_ONCE(*x);"
    assert listed == (threads == 6)
    if listed:
        assert lines[1] == "   |      reads x = 0" and lines[2].startswith("P1 | 11")


def test_long_words_of_the_source_need_wide_columns() -> None:
    assert not any(" │ " in line for line in timeline(ALL["kernel"], 80))
    assert any(" │ " in line for line in timeline(ALL["kernel"], 120))


# --- derivations ---
NAMES = Names(ALL["mp"].groups[0].example, MP)


def lines_of(derivation: Derivation) -> list[str]:
    return [f"{'  ' * line.depth}{line.edge}|{line.reason}" for line in unfold(derivation, NAMES)]


def test_base_relations_need_no_reason() -> None:
    assert lines_of(base("rf", 3, 4)) == []
    assert lines_of(base("rf", 3, 4, "not in coherence")) == ["|not in coherence"]


def test_single_reasons_run_together_and_expressions_drop_out() -> None:
    tree = why("hb", "is one of", why("ppo | rfe", "is one of", why("rfe", "is one of", base("rf", 3, 4))))
    assert one_line(tree, NAMES) == "hb, because rfe, because rf"
    assert lines_of(tree) == ["|because rfe, because rf"]


def test_sequences_are_a_tree() -> None:
    tree = why("prop", "in sequence", why("x", "is one of", base("fr", 6, 1)), base("po", 1, 3))
    assert lines_of(tree) == [
        "|in sequence:",
        "  P1 line 14 → P0 line 4|x, because fr",
        "  P0 line 4 → P0 line 6|po",
    ]


def test_sets_are_told_where_the_event_does_not_show_them() -> None:
    tree = why("acq-po", "in sequence", base("[Acquire]", 4, 4), base("po", 4, 6), base("[M]", 6, 6))
    assert lines_of(tree) == ["|because po (where P1 line 12 is in [Acquire])"]


def test_the_edges_that_an_edge_consists_of() -> None:
    back, hb = mp_cycle().steps
    assert path_of(back) == (back,) and path_of(base("rf", 3, 4)) == (base("rf", 3, 4),)
    assert [(edge.relation, edge.source, edge.target) for edge in path_of(hb)] == [
        ("overwrite & ext", 6, 1), ("cumul-fence*", 1, 3), ("rfe", 3, 4),
    ]  # fmt: skip
    turned = Derivation("x^-1", 3, 1, "inverse of", (base("x", 1, 3),))
    assert path_of(turned) == (turned,)
    assert lines_of(turned) == ["|inverse of:", "  P0 line 4 → P0 line 6|x"]


def test_both_with_more_than_one_reason_to_unfold() -> None:
    tree = Derivation("a & b", 1, 3, "both", (why("a", "is one of", base("po", 1, 3)), why("b", "", base("co", 1, 3))))
    assert lines_of(tree)[0] == "|because of both:"
    assert len(lines_of(tree)) == 3


# --- words ---
def test_events_are_told_apart_where_lines_and_values_are_not_enough() -> None:
    view = ALL["mp"].groups[0].example
    twice = replace(view, events=(*view.events, view.events[1]))
    assert Names(twice, MP).full(1) == "P0 line 4 (W x = 1, b)"
    assert Names(view, MP).full(0) == "the initial state (x = 0)" and Names(view, MP).where(0) == "the initial x"


def test_what_is_no_plain_access_is_named_by_what_it_does() -> None:
    event = ALL["mp"].groups[0].example.events[1]
    assert effect_of(event) == "W x = 1" == effect_of(replace(event, action=""))
    assert effect_of(replace(event, action="frees x")) == "frees x"


def test_events_of_reasons_count() -> None:
    assert events_of(mp_cycle().steps) == {1, 2, 3, 4, 5, 6}


def test_fences_between_events_are_among_them() -> None:
    view = ALL["mp"].groups[0].example
    assert with_fences(frozenset({0, 1, 3, 6}), view) == (1, 2, 3, 6)
    assert with_fences(frozenset({4, 6}), view) == (4, 5, 6)


def test_other_states_have_the_numbers_that_ask_for_them() -> None:
    text = render(ALL["mp"], "text")
    assert text.endswith("Other final states; --outcome N explains one of them\n  1  1:r0=0; 1:r1=0\n")
    assert "Other final states" not in render(replace(ALL["sb"], others=(ALL["sb"].execution,)), "text")
    many = tuple(replace(ALL["mp"].others[0], state=(("x", str(i)),)) for i in range(10))
    assert "  -  x=7\n     and 2 more\n" in render(replace(ALL["mp"], others=many), "text")


def test_meanings() -> None:
    assert words_for("rfe") == "reads from, of another thread" and words_for("coi").endswith("within a thread")
    assert words_for("po") == "program order" and words_for("addr") == "address dependency"
    assert words_for("hb").startswith("happens before") and words_for("unheard-of") == ""


def test_reads_without_a_source_are_told_without_it() -> None:
    view = replace(ALL["mp"].groups[0].example, relations={})
    assert reads_of(view, MP) == ("P1 line 12 reads y = 1", "P1 line 14 reads x = 0")
