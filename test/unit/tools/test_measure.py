"""Tests of the parts of tools/bench: figures read from consoles, runs compared, the table, the history."""
import os
import subprocess
import sys

import pytest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
sys.path.insert(0, os.path.join(TOP, "tools"))
from measure import history, report, wall  # noqa: E402
from measure.emulator import has_line  # noqa: E402
from measure.figures import change, figures_of, judge, markdown, memory_parts, part_replaced, resident, runs_agree, stamp_of, stamped_figures, table  # noqa: E402


def test_a_figure_is_read_whatever_stands_before_it():
    text = "(XEN) DOM1: figure uart_read count 256 avg 7 med 8 min 6 max 9\nfigure linux_init count 1 avg 0 med         919400000\n"
    found = figures_of(text)
    assert found["uart_read"] == {"count": 256, "avg": 7, "med": 8, "min": 6, "max": 9}
    assert found["linux_init"]["med"] == 919.4


def test_a_figure_that_is_cut_off_is_none():
    assert figures_of("figure linux_init count 1 av") == {}


def test_the_first_instruction_is_told_in_millions():
    assert figures_of("bench: counter 1000000000 Hz, first instruction at 37500000, 1 CPUs")["first_instruction"]["med"] == 37.5


@pytest.mark.parametrize("line, stamp", [
    ("[12345] text", 12345), ("(XEN) [0000000000003039] DOM1: text", 12345),
    ("text [12345]", None), ("(XEN) no stamp", None), ("[    0.001446] a Linux kernel's", None),
])
def test_stamps_of_both_kinds_are_read(line, stamp):
    assert stamp_of(line) == stamp


def test_stamps_make_the_figures_since_reset_where_a_guests_counter_does_not():
    text = "[60000000] bench: running since 1000000\n(XEN) [0000000005f5e100] DOM1: figure linux_init count 1 avg 0 med 7\n"
    assert stamped_figures(text) == {"first_instruction": {"med": 59.0}, "linux_init": {"med": 100.0}}
    assert stamped_figures("bench: running since 1000000\n") == {}


def test_parts_of_memory_are_told_in_kib_and_make_up_what_is_resident():
    names = {"hypervisor": "hv_memory", "ned": "ned_memory", "uvmm": "uvmm_memory"}
    found = memory_parts("ned: part hypervisor 1048576\nned: part ned 524288\nned: part free 1\nned: part uvmm 524288\n", names)
    assert found == {"hv_memory": {"med": 1024}, "ned_memory": {"med": 512}, "uvmm_memory": {"med": 512}}
    assert resident(found) == {"resident": {"med": 2}}
    assert resident(memory_parts("ned: part ned 524288\n", names)) == {}


def test_runs_that_differ_are_named_with_their_values():
    one, other = {"a": {"med": 1}, "b": {"med": 2}}, {"a": {"med": 1}, "b": {"med": 3}}
    assert runs_agree([one, one, one]) == (one, {})
    together, differ = runs_agree([one, other, {"a": {"med": 1}}])
    assert together == one and differ == {"b": [2, 3, None]}


def test_a_figure_is_judged_by_its_targets():
    assert judge(None, 10, 5) == "not measured" and judge(11, 10, 5) == "missed"
    assert judge(10, 10, 5) == "OK" and judge(5, 10, 5) == "OK, goal reached" and judge(7, None, None) == ""


def test_the_change_to_the_base_is_told():
    assert change(103, 100) == "+3.0%" and change(98, 100) == "-2.0%" and change(5, 5) == "=" and change(5, None) == ""


def test_the_table_has_a_column_for_each_system_and_a_dash_for_what_is_missing():
    row = {"figure": "uart_read", "what": "a read", "ours": 1487, "base": 1500, "others": {"native": 7}, "first": 900, "goal": None,
           "verdict": "missed"}
    head, line = table([row], ["native", "xen"]).splitlines()
    assert head.split() == ["figure", "native", "xen", "ours", "base", "first", "goal"]
    assert line.split() == ["uart_read", "7", "-", "1,487", "1,500", "-0.9%", "900", "-", "missed", "a", "read"]


def test_the_base_is_the_last_release_or_else_the_last_record():
    old, release, new = {"commit": "a"}, {"commit": "b", "release": "1"}, {"commit": "c"}
    assert history.base_of([]) is None and history.base_of([old, new]) is new and history.base_of([old, release, new]) is release


def test_a_commit_stands_once_in_the_history(tmp_path):
    path = tmp_path / "history.jsonl"
    assert history.load(path) == []
    records = history.record_made([{"commit": "a", "figures": {"x": 1}}, {"commit": "b"}], {"commit": "a", "figures": {"x": 2}})
    history.store(path, records)
    assert history.load(path) == [{"commit": "b"}, {"commit": "a", "figures": {"x": 2}}]


def test_a_line_has_ended_only_with_its_end():
    assert not has_line(b"figure linux_init count 1", "figure linux_init") and has_line(b"x\nfigure y med 1\n", "figure y")
    assert not has_line(b"other\n", "figure y")


@pytest.mark.parametrize("tool", ["bench", "bench-plot", "get-peers"])
def test_an_unknown_option_is_answered_with_the_usage(tool):
    done = subprocess.run([os.path.join(TOP, "tools", tool), "--nonsense"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert done.returncode == 2 and f"usage: {'tools/' if tool == 'get-peers' else ''}{tool}" in done.stdout


def test_a_part_of_a_document_is_replaced_and_the_rest_stays():
    text = "a\n<!-- table -->\nold\nold\n<!-- /table -->\nb\n"
    assert part_replaced(text, "table", "new\n") == "a\n<!-- table -->\nnew\n<!-- /table -->\nb\n"
    with pytest.raises(ValueError, match="profile"):
        part_replaced(text, "profile", "new")


def test_the_documents_table_leaves_a_cell_empty_where_nothing_was_measured():
    row = {"figure": "map_page", "what": "map a page", "ours": 1198, "others": {}, "first": None, "goal": None}
    assert markdown([row], ["native"]).splitlines()[2] == "| `map_page` | map a page |  | **1,198** |  |  |"


def test_wall_clock_ratios_compare_medians_and_tell_the_spread():
    rounds = [{"ours": {"linux_init": {"med": 2}}, "xen": {"linux_init": {"med": xen}}, "native": {}} for xen in (1, 4, 6)]
    assert wall.ratios(rounds) == [{"figure": "linux_init", "what": "Linux boot, reset to init", "systems": {"xen": {"med": 2, "min": 0.5, "max": 3, "rounds": 3}}}]
    assert wall.ratios([{"xen": {"linux_init": {"med": 1}}}]) == []
    assert wall.cell({"med": 2, "min": 0.5, "max": 3}) == "2.00 (0.50-3.00)" and wall.cell(None) == ""


def test_a_release_stays_one_when_its_commit_is_recorded_again():
    assert history.record_made([{"commit": "a", "release": "1"}], {"commit": "a", "figures": {}}) == [{"commit": "a", "release": "1", "figures": {}}]


def test_figures_that_were_run_once_are_named():
    rows = [{"figure": "a", "runs": {"ours": 3, "xen": 1}}, {"figure": "b", "runs": {"ours": 1, "xen": 1}}]
    assert report.once(rows) == "of ours: b; of xen: a, b" and report.once(rows[:0]) == ""
