"""Whatever the words and names are, they arrive byte for byte at the other side."""

import os
import re
import shutil
import sys

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from execo import Get, Process, Put, Remote, SshProcess

PRINT_HEX = "import os, sys; print(*(os.fsencode(w).hex() or '-' for w in sys.argv[1:]))"
PYTHON = (sys.executable, "-I", "-S", "-c", PRINT_HEX)

NASTY = [
    "", " ", "  two  ", "\n", "a\nb", "\t", "\r", "\r\n", "'", '"', "'\"'\"'", "\\", "\\\\", "\\n",
    "$HOME", "${x}", "$(id)", "`id`", "~", "~root", "*", "?", "[a]", "{a,b}", "!", "!!", "#", "a#b",
    "%s", "=", "a=b", "-", "--", "-rf", "--help", "(x)", "^", "caf\u00e9", "\u65e5\u672c",
    "\U0001f600",
    "\udcff\udc80", "\x01\x1b[31m", "\x7f", "\u2028", "a;b", "a&b", "a|b", "a>b", "{{x}}",
    "{{{host}}}",
]  # fmt: skip

# surrogates of surrogateescape stand for bytes; the others for nothing
_characters = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
_bytes = st.binary(max_size=20).map(
    lambda data: data.replace(b"\0", b"").decode("utf-8", "surrogateescape")
)
_shellish = st.text(alphabet="ab '\"\\$`!*?[]{}()~#\n\t\r;&|<>=-%^", max_size=12)
words = st.one_of(st.sampled_from(NASTY), st.text(_characters, max_size=20), _bytes, _shellish)

_operators = re.compile(r"^([|;&<>]|\d+[<>])|[|;&<>]$")


def told(arguments):
    return [os.fsencode(word).hex() or "-" for word in arguments]


def is_word_for_ssh(word):
    """A word that begins or ends with a shell operator may be meant as text for the shell."""
    return not _operators.search(word.strip())


@settings(max_examples=60)
@given(st.lists(words, min_size=1, max_size=30))
@example(NASTY)
@example(["|", "&&", ">", "2>&1", ";", "&", "<"])
def test_any_words_arrive_as_they_are_at_a_local_process(arguments):
    process = Process((*PYTHON, *arguments)).run(30)
    assert process.stdout.split() == told(arguments)
    assert process.ok


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(arguments=st.lists(words.filter(is_word_for_ssh), min_size=1, max_size=40))
@example(arguments=NASTY)
def test_any_words_arrive_as_they_are_at_the_other_side_of_ssh(params, arguments):
    process = SshProcess((*PYTHON, *arguments), "127.0.0.1", params).run(30)
    assert process.stdout.split() == told(arguments)
    assert process.ok


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(st.lists(words.filter(is_word_for_ssh), min_size=1), min_size=4, max_size=4))
def test_any_words_made_for_each_host_arrive_as_they_are(params, texts):
    hosts = [f"127.0.0.{number}" for number in range(1, 5)]
    remote = Remote(lambda host, index: (*PYTHON, *texts[index]), hosts, params).run(60)
    assert [p.stdout.split() for p in remote.processes] == [told(each) for each in texts]


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(words.filter(is_word_for_ssh), min_size=4, max_size=4))
def test_any_value_substituted_in_a_sequence_arrives_as_one_word(params, texts):
    hosts = ["127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4"]
    remote = Remote((*PYTHON, "{{texts}}"), hosts, params).run(60)
    assert [p.stdout.split() for p in remote.processes] == [told([text]) for text in texts]


@settings(max_examples=60)
@given(st.text(_characters.filter(lambda c: c != "\r"), max_size=2000))
def test_any_input_comes_back_from_a_local_process(text):
    process = Process("cat").start()
    process.write(text)
    process.close_stdin().wait(30)
    assert process.stdout == text


def is_name(name):
    # {{ in a path is a substitution
    return name not in ("", ".", "..") and "{{" not in name and len(os.fsencode(name)) < 200


_names = words.map(lambda word: word.replace("/", "_")).filter(is_name)


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names=st.lists(_names, min_size=1, max_size=25, unique=True))
def test_files_of_any_name_are_put_and_got(params, tmp_path, monkeypatch, names):
    here, there, back = (tmp_path / folder for folder in ("here", "there", "back"))
    for folder in (here, there, back):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
    monkeypatch.chdir(here)
    for name in names:
        (here / name).write_text(name, "utf-8", "surrogateescape", newline="")
    # a path that begins with ~ is of a home, here as in a shell
    given_names = [f"./{name}" if name.startswith("~") else name for name in names]
    put = Put("127.0.0.1", given_names, str(there), params).run(30)
    assert put.ok, put.processes[0].dump()
    get = Get("127.0.0.1", [f"{there}/{name}" for name in names], str(back), params).run(30)
    assert get.ok, get.processes[0].dump()
    assert {p.name: p.read_bytes() for p in back.iterdir()} == {n: os.fsencode(n) for n in names}
