"""The tables of edits: the bundled ones are sound, a user's own lies over them, and bad ones are refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from membar_check.diagnostics import InputError
from membar_check.engine.models import get_macros
from membar_check.explain.edits.table import PLAIN, load_table
from membar_check.litmus.parser import ARCHITECTURES
from membar_check.resources import models_dir


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_stronger_is_never_cheaper(arch: str) -> None:
    table = load_table(arch)
    assert table.fences
    for ladder in table.ladders:
        costs = [table.cost(name) for name in ladder.forms]
        assert costs == sorted(costs), ladder
        assert ladder.leaving <= set(ladder.forms)
        assert all(name == PLAIN or name in table.fences or name in table.forms for name in ladder.forms)


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_forms_of_a_ladder_make_the_same_access(arch: str) -> None:
    table = load_table(arch)
    for ladder in table.ladders:
        assert len({table.forms[name].access for name in ladder.forms if name in table.forms}) <= 1, ladder


def test_the_kernel_model_knows_every_name() -> None:
    table = load_table("C")
    text = (models_dir() / "lkmm.def").read_text() + (models_dir() / "lkmm-membarrier.def").read_text()
    assert get_macros(models_dir() / "lkmm.def") is not None
    for name in (*table.fences, *table.forms):
        assert f"\n{name}(" in text, name
    for fence in table.fences.values():
        for name in (fence.after | fence.before) - {"spin_lock_irq", "raw_spin_lock_irq", "__spin_lock_irqsave"}:
            assert f"\n{name}(" in text, name


def test_costs() -> None:
    table = load_table("C")
    assert table.cost("smp_mb") == 10
    assert table.cost("") == table.cost("plain") == table.cost("unknown") == 0
    assert table.change("smp_wmb", "smp_mb") == 6
    assert table.change("smp_mb", "smp_wmb") == 0
    assert table.change("", "smp_mb") == 10


def test_ladders() -> None:
    table = load_table("C")
    assert table.weaker("smp_mb") == ("smp_rmb", "smp_wmb", "barrier")
    assert table.stronger("smp_rmb") == ("smp_mb",)
    assert table.stronger("smp_mb") == ()
    assert table.weaker("synchronize_rcu") == ("smp_mb",)
    assert table.stronger("plain", "load") == ("READ_ONCE", "smp_load_acquire")
    assert table.stronger("plain", "store") == ("WRITE_ONCE", "smp_store_release")
    assert table.stronger("atomic_xchg_acquire") == ("atomic_xchg",)
    assert table.adds("smp_rmb", frozenset({"smp_wmb"}))
    assert not table.adds("smp_rmb", frozenset({"smp_mb"}))
    assert not table.adds("smp_mb", frozenset({"smp_mb"}))


def test_x86_64_has_the_table_of_x86() -> None:
    assert load_table("X86_64").fences == load_table("X86").fences


def write(folder: Path, text: str) -> str:
    path = folder / "mine.toml"
    path.write_text(text)
    return str(path)


def test_a_table_of_ones_own(tmp_path: Path) -> None:
    text = """
        [sets]
        kind = ["r", "w"]
        [fence.smp_mb]
        cost = 99
        [fence."my_{kind}mb"]
        cost = 2.5
        add = true
        after = ["{kind}_lock"]
        [form.MY_READ]
        cost = 2
        access = "load"
        argument = "object"
        [[ladder]]
        forms = ["my_{kind}mb", "smp_mb"]
        [[ladder]]
        forms = ["plain", "MY_READ"]
        from = ["MY_READ"]
    """
    table = load_table("C", write(tmp_path, text))
    bundled = load_table("C")
    assert table.cost("smp_mb") == 99
    assert table.fences["smp_mb"].add
    assert table.cost("smp_rmb") == bundled.cost("smp_rmb")
    assert table.fences["my_rmb"].after == {"r_lock"}
    assert table.stronger("my_wmb") == ("smp_mb",)
    assert table.weaker("MY_READ") == ("plain",)
    assert "MY_READ" not in table.stronger("plain", "load")
    assert bundled.cost("smp_mb") == 10


def test_costs_only(tmp_path: Path) -> None:
    table = load_table("AArch64", write(tmp_path, '[fence."dmb  sy"]\ncost = 1\n[form.ldar]\ncost = 0\n'))
    assert table.cost("DMB SY") == 1
    assert table.cost("LDAR") == 0
    assert table.forms["LDAR"].access == load_table("AArch64").forms["LDAR"].access


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("[fence.smp_mb\n", 1, "this is no TOML"),
        ("[fence.a]\ncost = 1\ncost = 2\n", 3, "this is no TOML"),
        ("[fence]\nsmp_mb = 3\n", 2, "`smp_mb` is no table"),
        ("[fance.x]\ncost = 1\n", 1, "`fance` means nothing, expected sets or fence or form or ladder"),
        ("fence = 3\n", 1, "`fence` holds tables"),
        ("[fence.x]\n", 1, "the cost of `x` is None, expected a number from 0 on"),
        ('\n[fence.x]\ncost = "dear"\n', 2, "the cost of `x` is 'dear'"),
        ("[fence.x]\ncost = -1\n", 1, "the cost of `x` is -1"),
        ("[fence.x]\ncost = true\n", 1, "the cost of `x` is True"),
        ("[fence.x]\ncost = nan\n", 1, "the cost of `x` is nan"),
        ("[fence.x]\ncost = 1\nadd = 1\n", 3, "`add` is 1, expected true or false"),
        ("[fence.x]\ncost = 1\nprice = 1\n", 3, "`price` means nothing for a fence"),
        ('[fence.x]\ncost = 1\nafter = "y"\n', 3, "`after` is a list of words"),
        ('[fence."{k}_x"]\ncost = 1\n', 1, "there is no set `k`"),
        ("[sets]\nk = 3\n", 2, "`k` is a list of words"),
        ("sets = 3\n", 1, "`sets` holds lists of words"),
        ('[form.X]\ncost = 1\naccess = "both"\n', 1, "`access` of `X` is 'both', expected one of load, store, rmw"),
        ('[form.X]\ncost = 1\nargument = 3\n', 1, "`argument` of `X` is 3, expected one of object, pointer, same"),
        ("[form.X]\ncost = 1\nadd = true\n", 3, "`add` means nothing for a form"),
        ('[[ladder]]\nforms = ["smp_mb"]\n', 1, "a ladder has two forms or more"),
        ('[[ladder]]\nforms = ["smp_mb", "xmb"]\n', 2, "`xmb` is neither a fence nor a form"),
        ('[[ladder]]\nforms = ["smp_wmb", "smp_mb"]\nup = ["smp_mb"]\n', 3, "`up` means nothing for a ladder"),
        ('[[ladder]]\nforms = ["smp_wmb", "smp_mb"]\nfrom = ["smp_rmb"]\n', 3, "`smp_rmb` is no rung of this ladder"),
        ('[ladder]\nforms = ["smp_wmb", "smp_mb"]\n', 1, "ladders are written `[[ladder]]`"),
    ],
)
def test_bad_tables(tmp_path: Path, text: str, line: int, message: str) -> None:
    with pytest.raises(InputError) as caught:
        load_table("C", write(tmp_path, text))
    assert message in caught.value.message
    assert caught.value.span is not None
    assert caught.value.span.line == line


def test_tables_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read: no such file"):
        load_table("C", str(tmp_path / "none.toml"))
    with pytest.raises(InputError, match="cannot be read"):
        load_table("C", str(tmp_path))
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="is no UTF-8"):
        load_table("C", str(tmp_path / "bytes.toml"))
