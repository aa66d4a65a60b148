"""Tables and curves of the bench."""

import pytest

from bench.curves import curves
from bench.report import BEGIN, END, details, number, targets_table, write_between
from bench.run import Run
from bench.summary import summary
from bench.workloads import WORKLOADS, Target, Workload

WORKLOAD = Workload("W", "do it", "start", ("ours", "peer"), targets=(Target(1.5, "peer"),))


def measured(**sides):
    return {
        name: summary([Run({"wall": wall, "cpu": 0, "tree": 0, "rss": 12.345, "grown": 0})])
        for name, wall in sides.items()
    }


@pytest.mark.parametrize(
    ("value", "text"), [(0.123, "0.12"), (9.994, "9.99"), (12.345, "12.3"), (123.4, "123")]
)
def test_numbers_have_the_digits_that_mean_something(value, text):
    assert number(value) == text


def test_a_target_is_a_line():
    [_, _, line] = targets_table([WORKLOAD], {"W": measured(ours=1.0, peer=2.0)})
    assert line == "| W: do it | wall s | 1.00 | peer: 2.00 | 0.50 x | <= 1.50 x | met |"


def test_a_missed_target_is_seen():
    [_, _, line] = targets_table([WORKLOAD], {"W": measured(ours=4.0, peer=2.0)})
    assert line.endswith("| 2.00 x | <= 1.50 x | **missed** |")


def test_a_failure_is_a_cell():
    found = {**measured(ours=1.0), "peer": summary([Run(failure="> 60 s", stopped=60)])}
    [_, _, line] = targets_table([WORKLOAD], {"W": found})
    assert "| peer: > 60 s | < 0.02 x |" in line
    assert details(WORKLOAD, found)[-1] == "| peer | > 60 s |  |  |  |  | 1 |"


def test_what_was_not_measured_is_said():
    [_, _, line] = targets_table([WORKLOAD], {})
    assert line.endswith("| not measured | peer: not measured | - | <= 1.50 x | not known |")


def test_all_lines_of_a_table_have_the_same_cells():
    found = {**measured(ours=1.0), "peer": summary([Run(failure="> 60 s")])}
    for table in (details(WORKLOAD, found)[3:], targets_table([WORKLOAD], {"W": found})):
        assert len({line.count("|") for line in table}) == 1


def test_the_text_between_the_marks_is_replaced(tmp_path):
    path = tmp_path / "speed.md"
    path.write_text(f"before\n{BEGIN}\nold\n{END}\nbehind\n")
    write_between(path, "new")
    write_between(path, "newer")
    assert path.read_text() == f"before\n{BEGIN}\n\nnewer\n{END}\nbehind\n"


def test_a_file_without_marks_is_left_alone(tmp_path):
    path = tmp_path / "speed.md"
    path.write_text("text")
    with pytest.raises(ValueError, match="bench: begin"):
        write_between(path, "new")
    assert path.read_text() == "text"


def test_a_curve_has_the_sizes_that_a_side_did_right():
    few = Workload("few", "", "start", (), curve=("processes", 10))
    many = Workload("many", "", "start", (), curve=("processes", 100))
    found = {"many": measured(ours=2.0, peer=3.0), "few": measured(ours=1.0)}
    assert curves("processes", [many, few], found) == {"ours": [(10, 1.0), (100, 2.0)]}


def test_workloads_have_names_of_their_own():
    assert len({workload.name for workload in WORKLOADS}) == len(WORKLOADS)
