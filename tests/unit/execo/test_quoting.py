"""Words and shell text."""

import logging
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from execo.quoting import join, local_argv, quote, remote_command, split

WORDS = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), max_size=20)


def warnings(caplog):
    return [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]


@settings(max_examples=40, deadline=None)
@given(st.lists(WORDS, min_size=1, max_size=8))
def test_a_shell_gives_back_the_words_that_were_joined(words):
    script = f"printf '%s\\0' {join(words)}"
    found = subprocess.run(["/bin/sh", "-c", script], capture_output=True, check=True).stdout
    assert found.decode().split("\0")[:-1] == words


@given(st.lists(WORDS, max_size=8))
def test_split_gives_back_the_words_that_were_joined(words):
    assert split(join(words)) == words


@given(WORDS)
def test_a_quoted_text_is_one_word(word):
    assert split(quote(word)) == [word]


def test_a_quotation_without_end_is_told_with_its_text():
    with pytest.raises(ValueError, match=r"'.*echo \"a.*No closing quotation"):
        split('echo "a')


def test_text_is_split_as_a_shell_would():
    assert local_argv("echo 'a b'  c\\ d \"e\"") == ["echo", "a b", "c d", "e"]


def test_words_stay_as_they_are(caplog):
    assert local_argv(("echo", "a b", "|", "$x")) == ["echo", "a b", "|", "$x"]
    assert not warnings(caplog)


@pytest.mark.parametrize(
    "text",
    [
        "a | b",
        "a|b",
        "cd /tmp && ls",
        "a || b",
        "ls; pwd",
        "ls > file",
        "ls >file",
        "cat <file",
        "ls 2>&1",
        "ls &> file",
        "sleep 1 &",
        "sleep 1 & wait",
    ],
)
def test_a_shell_operator_that_no_shell_reads_gives_one_warning(caplog, text):
    local_argv(text)
    assert len(warnings(caplog)) == 1
    assert "use shell=True" in warnings(caplog)[0]


@pytest.mark.parametrize(
    "text",
    [
        "echo hello",
        "grep 'a|b' file",
        'echo "a > b; c & d"',
        "find . -exec ls {} \\;",
        "curl http://host/?a=1&b=2",
        "docker ps --format '{{.Names}}'",
        "echo 'it'\"'\"'s; fine'",
    ],
)
def test_a_command_without_an_operator_of_the_shell_gives_no_warning(caplog, text):
    local_argv(text)
    assert not warnings(caplog)


@pytest.mark.parametrize("cmd", ["", "  ", [], ()])
def test_an_empty_command_is_refused(cmd):
    with pytest.raises(ValueError, match="is empty"):
        local_argv(cmd)
    with pytest.raises(ValueError, match="is empty"):
        remote_command(cmd)


@pytest.mark.parametrize("cmd", [["echo", 1], ("echo", None)])
def test_a_word_that_is_no_text_is_refused(cmd):
    with pytest.raises(TypeError, match="expected text"):
        local_argv(cmd)
    with pytest.raises(TypeError, match="expected text"):
        remote_command(cmd)


def test_text_for_a_host_stays_as_it_is(caplog):
    assert remote_command("a | b; {x} $HOME") == "a | b; {x} $HOME"
    assert not warnings(caplog)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["ls", "/tmp"], "ls /tmp"),
        (("echo", "a b", "$HOME"), "echo 'a b' '$HOME'"),
        (["grep", "-E", "a|b"], "grep -E 'a|b'"),
        (["sh", "-c", "ls | wc -l"], "sh -c 'ls | wc -l'"),
        (["sh", "-c", "sleep 5 &"], "sh -c 'sleep 5 &'"),
        (["docker", "ps", "--format", "{{.Names}}"], "docker ps --format '{{.Names}}'"),
        (["echo", ""], "echo ''"),
        (["hostname"], "hostname"),
    ],
)
def test_words_for_a_host_are_quoted_for_its_shell(caplog, words, text):
    assert remote_command(words) == text
    assert not warnings(caplog)


@pytest.mark.parametrize(
    ("fragments", "text"),
    [
        (("cd /tmp && ls",), "cd /tmp && ls"),
        (("$HOME/bin/x",), "$HOME/bin/x"),
        (["ls", "|", "wc"], "ls | wc"),
        (("cd /tmp &&", "ls -l"), "cd /tmp && ls -l"),
        (("ls -l", "> file", "2>&1"), "ls -l > file 2>&1"),
        (("sleep infinity", "&"), "sleep infinity &"),
    ],
)
def test_fragments_of_shell_text_are_pasted_with_one_warning(caplog, fragments, text):
    assert remote_command(fragments) == text
    assert len(warnings(caplog)) == 1
    assert "taken as text" in warnings(caplog)[0]
