"""Certificates: made for bundled and random tests, and verified."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import assume, given, settings

from membar_check.diagnostics import Inconclusive, InputError
from membar_check.engine.api import check_file
from membar_check.expectations import read_expected
from membar_check.explain.facts import shortest_cycle, shrink
from membar_check.explain.verify import verify_certificate
from support import generate
from support.certificates import (
    ROOT,
    certificate,
    certify_file,
    made,
    own_model,
    problems,
    subject_of,
)
from support.properties import HEAVY

CHOSEN = {
    "aarch64": (
        "2+2W", "2+2W+dmb.sts", "CoRW2", "IRIW+addrs", "LB+datas", "MP+dmb.sy+addr", "MP+dmb.sy+ctrl", "SB+dmb.sys",
        "SWP-mutex", "exclusive-inc", "exclusive-other-write", "Z6.0+rel+acq+dmb.sy", "MP+wait-loop", "CAS-winner",
    ),
    "c": (
        "2+2W+mbs", "CoWR", "IRIW+mbs", "LB+ctrls", "MP+locks", "MP+plain", "MP+wmb+addr", "MP+wmb+rmb", "R+mbs",
        "RCU+reader+gp", "RCU+readers+gp", "SB", "SB+mbs", "SRCU+reader+gp", "W+RWC+mbs", "add-unless",
        "cmpxchg-winner", "Z6.0+mbs", "dec-and-test",
    ),
    "x86": ("2+2W", "SB", "IRIW", "MP", "CoRR"),
    "smp-memb": ("IRIW+memb+plain", "IRIW+plains"),
}  # fmt: skip
DEFAULTS = ("aarch64", "lkmm", "lkmm-membarrier", "x86-tso")


def chosen() -> list[tuple[str, str, bool]]:
    """Test, model, and whether the outcome is expected to be reached."""
    out = []
    for family, names in CHOSEN.items():
        expected = read_expected(str(ROOT / "litmus" / family / "expected.txt"))
        for (file, model), entry in expected.entries.items():
            name = file.removesuffix(".litmus")
            wanted = model in DEFAULTS or (family == "x86" and model == "sc")
            if name in names and wanted and entry.positive is not None:
                out.append((f"{family}/{name}", model, entry.positive != 0))
    return out


# --- certificates that hold ------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("name", "model", "reached"), chosen())
def test_bundled_tests_have_certificates(name: str, model: str, reached: bool) -> None:
    data = certificate(name, model)
    assert data["claim"] == ("allowed" if reached else "forbidden")
    result = verify_certificate(data)
    assert result.problems == ()
    assert result.ok and result.claim == data["claim"]
    assert result.model == model and result.test == data["test"]["name"]
    assert sum(result.facts.values()) == (0 if reached else len(data["facts"]))


def test_a_fact_names_the_axiom_and_its_cycle() -> None:
    data = certificate("c/MP+wmb+rmb", "lkmm")
    (fact,) = [f for f in data["facts"] if f["kind"] == "axiom"]
    assert fact["axiom"] == "happens-before"
    assert fact["paths"] == {} and fact["co"] == []
    lines = {e["event"]: e.get("line", 0) for e in data["events"]}
    sets = {e["event"]: e["sets"] for e in data["events"]}
    edges = sorted((sets[w][-1], lines[r] > 0) for w, r in fact["rf"])
    assert len(edges) == 2, "the flag is read as set, the data as it was"
    assert len(data["facts"]) == 3


def test_coherence_that_the_model_demands(tmp_path: Path) -> None:
    """No check, but the choice of coherence keeps the writes of a thread in order."""
    options = own_model(tmp_path, 'include "cross.cat"', "with co from generate_cos(co0 | [W]; po-loc; [W])")
    text = x86("MOV [x],$1 | MOV [x],$3 ;", "MOV [x],$2 | ;", condition="exists (x=1)")
    path = tmp_path / "order.litmus"
    path.write_text(text, encoding="utf-8")
    data = certify_file(path, "", options)
    assert data["claim"] == "forbidden"
    assert {fact["kind"] for fact in data["facts"]} == {"order", "outcome"}
    assert verify_certificate(data).ok
    for fact in data["facts"]:
        if fact["kind"] == "order":
            fact["co"] = [[b, a] for a, b in fact["co"]]
    assert "the writes can be ordered as the model demands" in problems(data)


def x86(*rows: str, condition: str) -> str:
    body = "\n".join((" P0 | P1 ;", *rows))
    return f"X86 own\n{{ }}\n{body}\n{condition}\n"


def test_coherence_that_takes_part_in_what_is_read_first(tmp_path: Path) -> None:
    """cos-opt.cat judges what is read before coherence is chosen."""
    options = own_model(tmp_path, 'include "cos-opt.cat"', "acyclic po | rf | co | fr as all")
    for name in ("2+2W", "CoRR", "SB", "MP+branch"):
        data = certify_file(ROOT / "litmus" / "x86" / f"{name}.litmus", "", options)
        assert data["claim"] == "forbidden" and verify_certificate(data).ok


def test_models_that_are_only_interpreted(tmp_path: Path) -> None:
    """A choice of coherence that is not known for one: each candidate is judged whole, over all choices."""
    options = own_model(
        tmp_path, "with co from linearisations(W, co0)", "let fr = (rf^-1; co & loc) \\ id",
        "acyclic po | rf | (co & loc) | fr as all",
    )  # fmt: skip
    data = certify_file(ROOT / "litmus" / "x86" / "SB.litmus", "", options)
    assert data["claim"] == "forbidden"
    result = verify_certificate(data)
    assert result.ok and result.facts["choices"] == 4
    fact = next(f for f in data["facts"] if f["kind"] == "choices")
    fact["paths"].popitem()
    fact["rf"].pop()
    assert "but not of one candidate alone" in problems(data)
    data = certify_file(ROOT / "litmus" / "x86" / "CoWW.litmus", "", options)
    assert data["claim"] == "allowed" and verify_certificate(data).ok


def test_locks_take_part_in_coherence() -> None:
    subject = subject_of("c/MP+locks")
    locks = {e.number for e in subject.structure.events if "LKW" in e.sets}
    assert locks and locks <= subject.scenes.ordered


def test_what_locks_are_seen_to_be_is_chosen(tmp_path: Path) -> None:
    """A failed trylock saw some acquisition of the other thread: the witness says which."""
    path = tmp_path / "trylock.litmus"
    path.write_text(TRYLOCK, encoding="utf-8")
    data = certify_file(path)
    assert data["claim"] == "allowed"
    assert data["witness"]["choices"]["others-taken"]
    assert verify_certificate(data).ok
    data["witness"]["choices"] = {"others-taken": [[0, 0]]}
    assert "breaks a check" in problems(data)


TRYLOCK = """C trylock

{}

P0(spinlock_t *l, int *x)
{
	spin_lock(l);
	WRITE_ONCE(*x, 1);
	spin_unlock(l);
}

P1(spinlock_t *l, int *x)
{
	int r0;
	int r1;
	r0 = spin_trylock(l);
	if (r0) {
		spin_unlock(l);
	}
	r1 = READ_ONCE(*x);
}

exists (1:r0=0 /\\ 1:r1=0)
"""


@pytest.mark.parametrize(
    ("name", "outcome", "claim"),
    [
        ("kernel-c/counter-incremented", "lost", "allowed"),
        ("kernel-c/lookup-takes-reference", "bad-value", "forbidden"),
        ("membarrier/ewouldblock-checked-v2", "missed-barrier", "forbidden"),
        ("membarrier/ewouldblock-ignored-v2", "missed-barrier", "allowed"),
    ],
)
def test_named_conditions_of_kernel_c(name: str, outcome: str, claim: str) -> None:
    data = certify_file(ROOT / "litmus" / f"{name}.litmus", outcome)
    assert data["claim"] == claim
    assert data["outcome"]["name"] == outcome
    assert verify_certificate(data).ok
    data["outcome"]["proposition"] = {"or": []}
    data["outcome"]["text"] = "false"
    assert problems(data) == f"the outcome is not what the test calls `{outcome}`"


def test_loops_are_spoken_of_up_to_their_bound() -> None:
    result = verify_certificate(certificate("aarch64/MP+wait-loop", "aarch64"))
    assert result.ok
    assert result.limits == ("loops are followed 2 times at most: what takes longer is not spoken of",)


def test_filters_count(tmp_path: Path) -> None:
    path = tmp_path / "filtered.litmus"
    text = (ROOT / "litmus" / "x86" / "SB.litmus").read_text("utf-8")
    path.write_text(text.replace("exists", "filter (0:EAX=1)\nexists"), encoding="utf-8")
    data = certify_file(path)
    assert data["claim"] == "forbidden"
    assert verify_certificate(data).facts.keys() == {"outcome"}


def test_more_orders_than_the_reference_interpreter_goes_through(tmp_path: Path) -> None:
    writes = "".join(f"P{i}(int *x) {{ WRITE_ONCE(*x, {i + 1}); }}\n" for i in range(8))
    path = tmp_path / "orders.litmus"
    path.write_text(f"C orders\n\n{{}}\n\n{writes}\nexists (x=3)\n", encoding="utf-8")
    data = certify_file(path)
    assert data["claim"] == "allowed"
    assert verify_certificate(data).ok
    co = data["witness"]["co"]
    assert len(co) == 9 * 8 // 2
    data["witness"]["co"] = [[b, a] for a, b in co]
    assert "no candidate" in problems(data)


def test_time_runs_out() -> None:
    with pytest.raises(Inconclusive) as caught:
        json.loads(made("c/Z6.0+mbs", "lkmm", 0.0))
    assert caught.value.reason == "time-out"




@settings(HEAVY, max_examples=25)
@given(generate.programs(), generate.models())
def test_certificates_agree_with_the_engines(text: str, model: str) -> None:
    """Random programs under random models, most of them not monotone."""
    with tempfile.TemporaryDirectory() as folder:
        options = own_model(Path(folder), 'include "cos.cat"', model)
        path = Path(folder) / "random.litmus"
        path.write_text(text, encoding="utf-8")
        try:
            reached = check_file(str(path), options).reached
        except InputError:
            assume(False)
        data = certify_file(path, "", options)
        assert data["claim"] == ("allowed" if reached else "forbidden")
        assert verify_certificate(data).problems == ()


# --- small parts -----------------------------------------------------------------------------------------------------
def test_shrink_leaves_what_is_needed() -> None:
    assert shrink(list(range(20)), lambda kept: {3, 11} <= set(kept)) == [3, 11]
    assert shrink([1, 2, 3], lambda kept: True) == []
    assert shrink([], lambda kept: True) == []
    assert len(shrink(list(range(20)), lambda kept: {3, 11} <= set(kept), 2)) > 2


def test_the_shortest_cycle() -> None:
    assert sorted(shortest_cycle([(0, 1), (1, 2), (2, 0), (3, 4), (4, 3)])) == [3, 4]
    assert shortest_cycle([(0, 1), (1, 2), (2, 0)]) == (0, 1, 2)
    assert shortest_cycle([(5, 5), (0, 1), (1, 0)]) == (5,)
