"""Tests of the parts of tools/bench and tools/bench-plot that sort instructions by function and draw."""
import os
import struct
import sys
import xml.etree.ElementTree

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
sys.path.insert(0, os.path.join(TOP, "tools"))
from measure import plot, profile  # noqa: E402
from measure.figures import grown, series_of, started  # noqa: E402


def elf(base, opcodes, functions):
    """A file with code at base, and symbols [(name, address)]."""
    code = b"".join(struct.pack("<I", opcode) for opcode in opcodes)
    names, symbols = b"\0", b"\0" * 24
    for name, address in functions:
        symbols += struct.pack("<IBBHQQ", len(names), 2, 0, 1, address, 0)
        names += name.encode() + b"\0"
    code_at, names_at = 120, 120 + len(code)
    symbols_at = names_at + len(names)
    sections = b"".join(struct.pack("<IIQQQQIIQQ", 0, kind, 0, 0, at, size, link, 0, 0, entry) for kind, at, size, link, entry in
                        [(0, 0, 0, 0, 0), (1, code_at, len(code), 0, 0), (2, symbols_at, len(symbols), 3, 24), (3, names_at, len(names), 0, 0)])
    header = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF", 2, 183, 1, base, 64, symbols_at + len(symbols), 0, 64, 56, 1, 64, 4, 3)
    return header + struct.pack("<IIQQQQQQ", 1, 5, code_at, base, base, len(code), len(code), 4096) + code + names + symbols + sections


ONE = profile.Program("one", elf(0x400000, [1, 2, 3, 4], [("first", 0x400000), ("second", 0x400008)]))
TWO = profile.Program("two", elf(0x400000, [1, 2, 9, 9], [("other", 0x400000)]))


def test_instructions_are_sorted_by_function():
    counts = profile.profile("upper 7\n400000\n 00000001 5\n 00000002 5\n 00000003 4\n", [ONE, TWO])
    assert counts == {("one", "first"): 10, ("one", "second"): 4, (profile.OTHER, ""): 7}


def test_of_programs_at_the_same_address_it_is_the_one_with_these_bytes():
    counts = profile.profile("400004\n 00000002 3\n 00000009 3\n400008\n 00000077 1\n", [ONE, TWO])
    assert counts == {("two", "other"): 6, (profile.OTHER, ""): 1}


def test_a_rounds_cost_is_the_difference_by_the_rounds():
    with_it = profile.profile("400000\n 00000001 1030\n 00000002 300\n", [ONE])
    without = profile.profile("400000\n 00000001 300\n 00000002 5\n", [ONE])
    assert profile.per_round(with_it, without, 256) == {("one", "first"): 4}
    assert profile.per_round(without, without, 256) == {}


def test_the_text_has_the_sums_and_what_takes_most():
    counts = {("hv", "a"): 5, ("hv", "b"): 20, ("uvmm", "c"): 10, (profile.OTHER, ""): 3}
    lines = profile.text_of("title", counts, 2).splitlines()
    assert lines[0] == f"title: hv 25, uvmm 10, {profile.OTHER} 3"
    assert [line.split() for line in lines[1:]] == [["20", "hv", "b"], ["10", "uvmm", "c"], ["5", "in", "1", "more"]]


def test_a_start_is_counted_from_the_call_to_the_next_guest():
    text = "at vm_start 1 1000000\nvm: x\nbench: first instruction at 3500000, 1 CPUs\nfirst instruction at 9\nat vm_restart 1 5000000\nfirst instruction at 6000000"
    assert started(text) == [("vm_start", 1, 2.5), ("vm_restart", 1, 1.0)]


def test_points_become_series():
    points = grown("ops: growth map_page 1 600\ngrowth map_page 50 610\nmemory vms 1 4096\n", "growth")
    assert points == [("map_page", 1, 600), ("map_page", 50, 610)]
    assert series_of(points) == {"map_page": ([1, 50], [600, 610])}


def parts_of(svg, tag):
    return [one for one in xml.etree.ElementTree.fromstring(svg).iter() if one.tag.endswith("}" + tag)]


def test_a_bar_is_longer_by_the_same_for_each_factor_of_ten():
    svg = plot.bars("<title>", [("a", {"ours": 20, "xen": 200}), ("b", {"ours": 2000})], ["ours", "xen"])
    widths = [float(one.get("width")) for one in parts_of(svg, "rect") if list(one)]
    assert len(widths) == 3 and abs((widths[2] - widths[1]) - (widths[1] - widths[0])) < 0.2 and widths[1] > widths[0]


def test_bars_of_nothing_say_so():
    assert "nothing was measured" in plot.bars("t", [], ["ours"])


def test_a_line_goes_through_what_was_measured_and_leaves_out_the_rest():
    svg = plot.line_plots([{"title": "a & b", "x": ["x", "y", "z"], "y": [1, None, 3], "x_is": "", "y_is": "KiB"},
                           {"title": "one", "x": ["x"], "y": [5], "x_is": "VMs", "y_is": "KiB", "marks": {"goal": 4}}])
    first, second = parts_of(svg, "polyline")
    assert len(first.get("points").split()) == 2 and len(second.get("points").split()) == 1
    heights = [float(point.split(",")[1]) for point in first.get("points").split()]
    assert heights[0] > heights[1]


def test_numbers_stand_where_their_value_is_and_other_texts_one_after_the_other():
    assert plot.spread([64, 128, 4096], 0, 4032) == [0, 64, 4032]
    assert plot.spread(["a", "b", "c"], 0, 10) == [0, 5, 10] and plot.spread([7], 0, 10) == [5]


def test_texts_below_an_axis_do_not_run_into_each_other_and_the_last_one_stays():
    xs = [64, 128, 256, 512, 1024, 2048, 4096]
    positions = plot.spread(xs, 0, 300)
    chosen = plot.labels(xs, positions)
    assert chosen[0][0] == "64" and chosen[-1] == ("4096", 300)
    for (left, at), (right, then) in zip(chosen, chosen[1:]):
        assert then - at > (len(left) + len(right)) / 2 * 6


def test_a_target_is_a_dashed_line_with_its_name():
    svg = plot.line_plots([{"title": "t", "x": ["x"], "y": [5], "x_is": "", "y_is": "", "marks": {"goal": 4}}])
    assert [one.get("stroke-dasharray") for one in parts_of(svg, "line")].count("4 3") == 1
    assert "goal" in [one.text for one in parts_of(svg, "text")]
