"""The pytest plugin, in runs of pytest of its own."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

import membar_check.explain.api
import membar_check.pytest_plugin.collecting
import membar_check.pytest_plugin.failing
import membar_check.report.explain.text  # noqa: F401  (loaded once: a run forgets what was loaded in it)

pytest_plugins = ["pytester"]
Run = Callable[..., pytest.RunResult]

STORES = """\
X86 {name}
{{ x=0; y=0; }}
 P0         | P1         ;
 MOV [x],$1 | MOV [y],$1 ;
 {fence}    | {fence}    ;
 MOV EAX,[y] | MOV EAX,[x] ;
exists (0:EAX=0 /\\ 1:EAX=0)
"""


@pytest.fixture
def run(pytester: pytest.Pytester, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs pytest with the plugin, in this process unless ``apart``; explanations have time."""
    monkeypatch.setenv("COLUMNS", "200")
    root = request.getfixturevalue("root")
    installed = request.config.pluginmanager.has_plugin("membar_check")  # its runs have it, too
    plugin = () if installed else ("-p", "membar_check.pytest_plugin", "-W", "ignore:Module already imported")
    monkeypatch.setenv("PYTHONPATH", str(root))

    def call(*arguments: str | Path, apart: bool = False, explain: str = "60") -> pytest.RunResult:
        start = pytester.runpytest_subprocess if apart else pytester.runpytest_inprocess
        return start(*plugin, "-p", "no:cacheprovider", f"--membar-explain={explain}", *arguments)

    return call


@pytest.fixture
def tests(pytester: pytest.Pytester) -> Path:
    """``t/``: store buffering without and with fences."""
    folder = pytester.mkdir("t")
    (folder / "SB.litmus").write_text(STORES.format(name="SB", fence="NOP"), encoding="utf-8")
    (folder / "SB+mfences.litmus").write_text(STORES.format(name="SB+mfences", fence="MFENCE"), encoding="utf-8")
    _expect(folder, "SB.litmus x86-tso Sometimes", "SB.litmus sc Never", "SB+mfences.litmus x86-tso Never")
    return folder


def _expect(folder: Path, *lines: str) -> None:
    (folder / "expected.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _ids(result: pytest.RunResult) -> list[str]:
    return [line for line in result.outlines if line.startswith("t/")]


# --- what is collected -----------------------------------------------------------------------------------------------
def test_a_folder_gives_a_test_a_file_under_the_model_of_its_dialect(run: Run, tests: Path) -> None:
    result = run("t", "--collect-only", "-q")
    assert _ids(result) == [
        "t/SB+mfences.litmus::SB+mfences.litmus[x86-tso]",
        "t/SB.litmus::SB.litmus[x86-tso]",
    ]
    run("t").assert_outcomes(passed=2)


@pytest.mark.parametrize("setting", ["--membar-all-models", "membar_models = all"])
def test_all_models_that_are_expected(run: Run, tests: Path, pytester: pytest.Pytester, setting: str) -> None:
    option = [setting] if setting.startswith("-") else []
    pytester.makeini("[pytest]\n" + ("" if option else setting))
    result = run("t", "--collect-only", "-q", *option)
    assert [line.split("[")[1] for line in _ids(result)] == ["x86-tso]", "x86-tso]", "sc]"]


def test_models_from_the_command_line_go_before_the_ini_file(run: Run, tests: Path, pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\nmembar_models = sc power\n")
    assert len(_ids(run("t/SB.litmus", "--collect-only", "-q"))) == 2
    shutil.copy(Path(str(tests)) / "SB.litmus", Path(str(tests)) / "again.litmus")
    result = run("t/SB.litmus", "--model", "sc", "--model=x86-tso", "--collect-only", "-q")
    assert _ids(result) == ["t/SB.litmus::SB.litmus[sc]", "t/SB.litmus::SB.litmus[x86-tso]"]


def test_a_model_file_goes_by_its_stem(run: Run, tests: Path) -> None:
    (tests / "mine.cat").write_text('"mine"\nacyclic po | rf | co | fr as sc\n', encoding="utf-8")
    result = run("t/SB.litmus", "--membar-model", "t/mine.cat", "--collect-only", "-q")
    assert _ids(result) == ["t/SB.litmus::SB.litmus[mine]"]


@pytest.mark.parametrize(
    "expression, names",
    [
        ("mfences", ["SB+mfences.litmus[sc]", "SB+mfences.litmus[x86-tso]"]),
        ("SB and not mfences and sc", ["SB.litmus[sc]"]),
        ("x86-tso", ["SB+mfences.litmus[x86-tso]", "SB.litmus[x86-tso]"]),
    ],
)
def test_k_selects_by_name_and_model(run: Run, tests: Path, expression: str, names: list[str]) -> None:
    result = run("t", "--model", "sc", "--model", "x86-tso", "--collect-only", "-q", "-k", expression)
    assert [line.split("::")[1] for line in _ids(result)] == names


def test_m_selects_by_the_marker(run: Run, tests: Path, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(**{"t/test_other": "def test_other(): pass"})
    run("t", "-m", "litmus", "--strict-markers").assert_outcomes(passed=2, deselected=1)
    run("t", "-m", "not litmus", "--strict-markers").assert_outcomes(passed=1, deselected=2)


def test_one_item_by_its_id(run: Run, tests: Path) -> None:
    run("t/SB.litmus::SB.litmus[x86-tso]").assert_outcomes(passed=1)


def test_only_paths_on_the_command_line_unless_told(run: Run, tests: Path, pytester: pytest.Pytester) -> None:
    run().assert_outcomes()
    pytester.makeini("[pytest]\ntestpaths = t\n")
    run().assert_outcomes()
    run(".").assert_outcomes(passed=2)
    pytester.makeini("[pytest]\ntestpaths = t\nmembar_collect = always\n")
    run().assert_outcomes(passed=2)
    pytester.makeini("[pytest]\nmembar_collect = never\n")
    run("t").assert_outcomes()


# --- outcomes --------------------------------------------------------------------------------------------------------
def test_what_is_too_much_fails_with_the_execution_that_shows_it(run: Run, tests: Path) -> None:
    _expect(tests, "SB.litmus x86-tso Never states=3")
    result = run("t/SB.litmus")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "*__ SB.litmus[[]x86-tso] __*",
            "t/SB.litmus under x86-tso: expected Never (expected.txt), observed Sometimes; expected 3 states, found 4",
            "  condition  exists (0:EAX=0 /? 1:EAX=0)",
            "  expected   Never",
            "  observed   Sometimes (1 positive, 3 negative)",
            "    0:EAX=0; 1:EAX=0",
            "x86-tso allows 0:EAX=0 /? 1:EAX=0; how it happens, from top to bottom:",
            "P0 *P1",
            "*reads y = 0*",
            "  - P0 may take line 6 (reads y) before its write to x in line 4 is visible*",
            "more: membar-check explain t/SB.litmus --model x86-tso",
            "FAILED t/SB.litmus::SB.litmus[[]x86-tso] - expected Never (expected.txt), observed Sometimes*",
        ]
    )
    assert "Traceback" not in result.stdout.str() and ".py" not in result.stdout.str().replace("conftest.py", "")


def test_what_is_missed_fails_with_what_forbids_it(run: Run, tests: Path) -> None:
    _expect(tests, "SB+mfences.litmus x86-tso Sometimes")
    result = run("t/SB+mfences.litmus")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "*expected Sometimes (expected.txt), observed Never",
            "x86-tso forbids 0:EAX=0 /? 1:EAX=0.",
            "*Ruled out by tso (x86-tso.cat:*, acyclic), 1 execution*",
            "*So P0 line 4 would have to come before itself.",
        ]
    )


def test_explanations_can_be_turned_off_or_run_out_of_time(run: Run, tests: Path) -> None:
    _expect(tests, "SB.litmus x86-tso Never")
    off = run("t/SB.litmus", explain="0").stdout.str()
    assert "why: membar-check explain t/SB.litmus --model x86-tso" in off and "from top to bottom" not in off
    short = run("t/SB.litmus", explain="0.001").stdout.str()
    assert "not explained: " in short and "time-out after 0.001 s" in short


def test_broken_files_are_errors_at_their_place(run: Run, tests: Path) -> None:
    text = (tests / "SB.litmus").read_text("utf-8")
    (tests / "SB.litmus").write_text(text.replace("MOV EAX,[y]", "MOVE EAX,[y]"), encoding="utf-8")
    result = run("t/SB.litmus")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        [
            "*ERROR at setup of SB.litmus[[]x86-tso]*",
            "t/SB.litmus:6:2: instruction `MOVE` of X86 is not supported",
            "     MOVE EAX,[[]y] | MOV EAX,[[]x] ;",
            "     ^^^^^^^^^^^^",
            "ERROR t/SB.litmus::SB.litmus[[]x86-tso] - Failed: t/SB.litmus:6:2: instruction `MOVE`*",
        ]
    )
    assert "Traceback" not in result.stdout.str() and "_pytest" not in result.stdout.str()


def test_no_answer_is_a_failure_with_its_reason(run: Run, tests: Path) -> None:
    result = run("t/SB.litmus", "--membar-timeout", "0.00001")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["inconclusive (time-out): t/SB.litmus: no answer: time-out after 1e-05 s"])
    assert "give it more with --membar-timeout" in result.stdout.str()


def test_a_bound_that_is_too_low_is_a_failure(run: Run, pytester: pytest.Pytester) -> None:
    (pytester.mkdir("t") / "loop.litmus").write_text(
        "C loop\n{}\nP0(int *x)\n{\n\twhile (READ_ONCE(*x) == 0) {\n\t}\n}\nP1(int *x)\n{\n\tint r0;\n"
        "\n\tr0 = READ_ONCE(*x);\n}\nexists (1:r0=1)\n",
        encoding="utf-8",
    )
    result = run("t", "--membar-unroll", "1")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*inconclusive (unrolling): executions were cut at the unrolling bound*"])
    assert "--membar-unroll N" in result.stdout.str()


def test_kernel_c_fails_with_its_class(run: Run, pytester: pytest.Pytester, root: Path) -> None:
    shutil.copy(root / "litmus" / "kernel-c" / "counter-preempted.litmus", pytester.mkdir("t"))
    result = run("t")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*under lkmm: found lost", "  observed   lost*", "lkmm allows lost; how it happens*"])
    assert "~exists (false)" not in result.stdout.str()


# --- files of expected verdicts --------------------------------------------------------------------------------------
def test_an_entry_without_a_test_fails(run: Run, tests: Path) -> None:
    _expect(tests, "SB.litmus x86-tso Sometimes", "gone.litmus sc Never", "SB+mfences.litmus x86-tso Never")
    result = run("t")
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(
        [
            "t/expected.txt:2:1: an entry, but there is no such test",
            "    gone.litmus sc Never",
            "FAILED t/expected.txt::gone.litmus[[]sc] - *",
        ]
    )
    run("t", "--model", "x86-tso").assert_outcomes(passed=2)
    run("t/SB.litmus").assert_outcomes(passed=1)


def test_a_malformed_file_is_an_error_at_its_place(run: Run, tests: Path) -> None:
    _expect(tests, "SB.litmus x86-tso Perhaps")
    result = run("t")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["t/expected.txt:1:19: found 'Perhaps', expected Never*", "*^^^^^^^"])
    run("t/SB.litmus").assert_outcomes(failed=1)


def test_other_files_of_that_name_are_left_alone(run: Run, pytester: pytest.Pytester) -> None:
    (pytester.mkdir("t") / "expected.txt").write_text("what a program prints\n", encoding="utf-8")
    result = run("t")
    result.assert_outcomes()
    assert result.ret == pytest.ExitCode.NO_TESTS_COLLECTED


def test_expectations_from_one_file(run: Run, tests: Path, pytester: pytest.Pytester) -> None:
    (pytester.path / "all.txt").write_text("t/SB.litmus x86-tso Never\n", encoding="utf-8")
    result = run("t/SB.litmus", "--membar-expected", "all.txt", explain="0")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*expected Never (all.txt), observed Sometimes*"])


# --- options ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "arguments, ini, message",
    [
        (["--model", "nosuch"], "", "there is no model 'nosuch'"),
        (["--model", "sc", "--membar-all-models"], "", "exclude each other"),
        (["--model", "sc", "--membar-unroll", "0"], "", "membar_unroll: found '0', expected a whole number from 1"),
        (["--model", "sc", "--membar-timeout", "soon"], "", "found 'soon', expected a positive number of seconds"),
        (["--model", "sc", "--membar-expected", "no.txt"], "", "no.txt: cannot read expected verdicts"),
        ([], "membar_collect = sometimes", "membar_collect = sometimes: expected one of auto, always, never"),
        ([], "membar_models = all sc", "`all` stands alone"),
        ([], "membar_models = nosuch", "there is no model 'nosuch'"),
    ],
)
def test_wrong_options_end_the_run(
    run: Run, tests: Path, pytester: pytest.Pytester, arguments: list[str], ini: str, message: str
) -> None:
    pytester.makeini(f"[pytest]\n{ini}\n")
    result = run("t", *arguments)
    text = result.stdout.str() + result.stderr.str()
    assert message in text and "Traceback" not in text and "INTERNALERROR" not in text
    assert result.ret == pytest.ExitCode.USAGE_ERROR


def test_somebody_elses_model_option_stays_theirs(run: Run, tests: Path, pytester: pytest.Pytester) -> None:
    pytester.makeconftest("def pytest_addoption(parser): parser.addoption('--model', help='of a car')")
    pytester.makepyfile("def test_theirs(pytestconfig): assert pytestconfig.getoption('--model') == 'beetle'")
    result = run("--model", "beetle", "test_somebody_elses_model_option_stays_theirs.py", "t")
    result.assert_outcomes(passed=3)
    run("t", "--membar-model", "sc", "--collect-only").stdout.fnmatch_lines(["*SB.litmus[[]sc]*"])
    assert "of a car" in run("--help").stdout.str()


def test_help_names_the_options(run: Run) -> None:
    text = run("--help").stdout.str()
    for option in ("--model=M|PATH", "--membar-all-models", "--membar-timeout=S", "membar_collect (string)"):
        assert option in text


# --- with other plugins ----------------------------------------------------------------------------------------------
def test_processes_of_xdist(run: Run, tests: Path, pytester: pytest.Pytester) -> None:
    pytest.importorskip("xdist")
    pytester.makeini("[pytest]\ntestpaths = t\n")
    _expect(tests, "SB.litmus x86-tso Never", "SB.litmus sc Never", "SB+mfences.litmus x86-tso Never")
    result = run("t", "-n", "2", "--model", "sc", "--model", "x86-tso", apart=True, explain="0")
    result.assert_outcomes(passed=2, failed=2)  # the condition of SB+mfences does not hold under sc
    result.stdout.fnmatch_lines(["FAILED t/SB.litmus::SB.litmus[[]x86-tso] - expected Never (expected.txt), observed*"])
    assert run("-n", "1", apart=True).ret == pytest.ExitCode.NO_TESTS_COLLECTED


def test_junit_xml_of_pytest(run: Run, tests: Path, pytester: pytest.Pytester) -> None:
    _expect(tests, "SB.litmus x86-tso Never", "SB+mfences.litmus x86-tso Never")
    run("t", "--junitxml=out.xml", explain="0").assert_outcomes(passed=1, failed=1)
    cases = {case.get("name"): case for case in ElementTree.parse(pytester.path / "out.xml").iter("testcase")}
    failure = cases["SB.litmus[x86-tso]"].find("failure")
    assert failure is not None and (failure.get("message") or "").startswith("expected Never (expected.txt)")
    told = {p.get("name"): p.get("value") for p in cases["SB+mfences.litmus[x86-tso]"].iter("property")}
    assert told == {"model": "x86-tso", "observed": "Never"}


def test_start_up_loads_nothing_but_the_plugin(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import sys
        def test_loaded():
            loaded = {name for name in sys.modules if name.startswith("membar_check")}
            assert loaded == {"membar_check", "membar_check.pytest_plugin"}
        """
    )
    run(apart=True).assert_outcomes(passed=1)
