"""`{{{host}}}` and `{{expression}}`."""

import io
import logging
from pathlib import Path

import pytest

from execo import Get, Host, Local, ProcessOutputHandler, Put, Remote, RemoteSerial
from execo.substitutions import Substitutions, callers_names, substituted_options

GLOBAL = ["g0", "g1"]


def told(text, index=0, address="h", **names):
    return Substitutions(names)(text, index, address)


def test_the_host_is_the_address_that_is_connected_to():
    assert told("ping {{{host}}} {{{ host }}}", address="node-1") == "ping node-1 node-1"


def test_an_expression_gives_each_host_its_element_again_and_again():
    substitute = Substitutions({"x": [1, 2, 3]})
    assert [substitute("n{{x}}", i, "h") for i in range(5)] == ["n1", "n2", "n3", "n1", "n2"]


def test_a_single_value_is_for_every_host():
    assert [told("{{n}} {{s}}", i, n=12, s="ab") for i in range(2)] == ["12 ab", "12 ab"]
    assert told("{{h}}", h=Host("node-1")) == "node-1"


@pytest.mark.parametrize(
    "values",
    [
        ["a", "b"],
        ("a", "b"),
        {"a": 1, "b": 2}.keys(),
        {"a": 1, "b": 2},
        iter("ab"),
        {1: "a", 2: "b"}.values(),
    ],
)
def test_anything_that_has_elements_has_one_for_each_host(values):
    substitute = Substitutions({"x": values})
    assert [substitute("{{x}}", i, "h") for i in range(2)] == ["a", "b"]


def test_expressions_are_evaluated_once_for_all_hosts():
    calls: list[int] = []
    substitute = Substitutions({"f": lambda: calls.append(1) or len(calls)})
    assert [substitute("{{f()}}", i, "h") for i in range(3)] == ["1", "1", "1"]


def test_comprehensions_see_the_names():
    assert told("{{[f'{p}{i}' for i in r]}}", 1, p="n", r=range(3)) == "n1"
    assert told("{{ {'a': 1}['a'] }}") == "1"
    assert told("{{ x[0] }}-{{x[1]}}", x="ab") == "a-b"


@pytest.mark.parametrize(
    "text",
    [
        "docker ps --format '{{.Names}}'",
        "{{json .}}",
        "{{ range .Items }}{{ end_ }}",
        "{{#if}}",
        "{{}}",
        "{a} {{ {b} }",
        "${x}",
        "awk '{print $1}'",
    ],
)
def test_text_that_is_no_expression_passes_through_unchanged(text):
    assert told(text) == text


def test_a_name_that_nobody_knows_passes_with_one_warning(caplog):
    substitute = Substitutions({})
    assert [substitute("{{nobody}}", i, "h") for i in range(3)] == ["{{nobody}}"] * 3
    assert [r.levelno for r in caplog.records] == [logging.WARNING]
    assert "nobody" in caplog.text


def test_a_list_without_elements_is_refused_by_name():
    with pytest.raises(ValueError, match=r"\{\{x\}\} is empty"):
        told("{{x}}", x=[])


def test_the_host_in_a_value_is_not_substituted_again():
    assert told("{{x}}", x=["{{{host}}}"], address="node-1") == "{{{host}}}"


def test_names_are_those_of_the_caller_of_the_library():
    own = 1
    names = callers_names()
    assert (names["own"], names["GLOBAL"]) == (own, GLOBAL)


def test_an_action_sees_locals_of_the_function_that_creates_it():
    values = ["a", "b"]
    action = Remote("echo {{values}} {{GLOBAL}} {{{host}}}", ["h1", "h2"])
    assert [p.cmd for p in action.processes] == ["echo a g0 h1", "echo b g1 h2"]
    assert len(values) == 2


def test_an_action_in_a_comprehension_sees_the_function_around_it():
    outer = "o"
    actions = [Remote("echo {{outer}} {{own}}", "h") for own in (1, 2)]
    assert [a.processes[0].cmd for a in actions] == ["echo o 1", "echo o 2"]
    assert outer


def test_names_of_files_of_handlers_are_substituted_and_other_handlers_are_not():
    substitute = Substitutions({"x": ["a", "b"]})
    options = {"stdout_handlers": ["{{x}}.out", 3], "timeout": 4}
    found = substituted_options(options, substitute, 1, "h")
    assert found == {"stdout_handlers": ["b.out", 3], "timeout": 4}
    assert options["stdout_handlers"] == ["{{x}}.out", 3]


@pytest.mark.parametrize("single", [list, tuple, lambda given: given[0]])
@pytest.mark.parametrize("kind", [str, Path])
def test_file_names_of_handlers_are_substituted_alone_in_lists_and_as_paths(single, kind):
    action = Remote(
        "true", ["a", "b"], process_args={"stdout_handlers": single([kind("{{{host}}}")])}
    )
    assert [p.stdout_handlers for p in action.processes] == [["a"], ["b"]]


@pytest.mark.parametrize("handler", [1, io.StringIO(), ProcessOutputHandler()])
def test_a_single_handler_is_one_for_every_process(handler):
    action = Remote("true", ["a", "b"], process_args={"stderr_handlers": handler})
    assert [p.stderr_handlers for p in action.processes] == [[handler]] * 2


@pytest.mark.parametrize(
    "make",
    [
        lambda args: Remote("true", "h", process_args=args),
        lambda args: Put("h", "f", process_args=args),
        lambda args: Get("h", "f", process_args=args),
        lambda args: RemoteSerial("h", "ttyS0", process_args=args),
        lambda args: Local("true", process_args=args),
    ],
)
def test_impossible_process_args_are_refused_by_name(make):
    with pytest.raises(TypeError, match="process_args: 5: expected a dict"):
        make(5)
    with pytest.raises(TypeError, match=r"stdout_handlers: 1.5: expected a ProcessOutputHandler"):
        make({"stdout_handlers": 1.5})
