"""Copies of files to and from hosts, through a real scp."""

import os

import pytest

from execo import Get, Put

QUIET = {"nolog_exit_code": True, "nolog_error": True, "nolog_timeout": True}
HOSTS = ["127.0.0.1", "127.0.0.2"]
NAMES = [
    "plain",
    "with space",
    " spaces around ",
    "quote'single",
    'quote"double',
    "dollar$HOME",
    "back`quote`",
    "back\\slash",
    "back\\*star",
    "new\nline",
    "tab\there",
    "caf\u00e9-\u65e5\u672c\u8a9e",
    "latin-\udce9",
    "-leading-dash",
    "-rf",
    "host:colon",
    "a@b:c",
    "star*",
    "what?",
    "[bracket]",
    "[!x]",
    "{brace,s}",
    "~tilde",
    "#hash",
    "semi;colon&and|pipe",
    "(paren)",
    "<in>out",
    "%s%n",
    "!bang",
    "...",
    "\r",
]


@pytest.fixture
def here(tmp_path, monkeypatch):
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def there(tmp_path):
    folder = tmp_path / "there"
    folder.mkdir()
    return folder


def test_file_is_put_in_a_directory_and_under_a_new_name(params, here, there):
    (here / "f").write_text("content")
    assert Put(HOSTS[0], "f", str(there), params).run(30).finished_ok
    assert Put(HOSTS[0], "f", str(there / "g"), params).run(30).finished_ok
    assert (there / "f").read_text() == (there / "g").read_text() == "content"


def test_directory_is_copied_whole_with_modes_and_dates(params, here, there):
    (here / "d" / "e").mkdir(parents=True)
    script = here / "d" / "e" / "run.sh"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o750)
    os.utime(script, (1_000_000_000, 1_000_000_000))
    assert Put(HOSTS[0], "d", str(there), params).run(30).finished_ok
    stat = (there / "d" / "e" / "run.sh").stat()
    assert (stat.st_mode & 0o777, stat.st_mtime) == (0o750, 1_000_000_000)
    assert Get(HOSTS[0], str(there / "d"), "back", params).run(30).finished_ok
    assert (here / "back" / "e" / "run.sh").read_text() == "#!/bin/sh\n"


def test_several_files_and_paths_as_objects(params, here, there):
    for name in ("a", "b", "c"):
        (here / name).write_text(name)
    assert Put(HOSTS[0], [here / "a", "b", "c"], there, params).run(30).finished_ok
    assert sorted(os.listdir(there)) == ["a", "b", "c"]
    (here / "got").mkdir()
    get = Get(HOSTS[0], (str(there / "a"), there / "b"), here / "got", params).run(30)
    assert get.finished_ok
    assert sorted(os.listdir(here / "got")) == ["a", "b"]


def test_each_host_has_its_own_file_and_its_own_place(params, here, there):
    for host in HOSTS:
        (here / f"{host}.conf").write_text(host)
    put = Put(HOSTS, "{{{host}}}.conf", f"{there}/for-{{{{{{host}}}}}}", params).run(30)
    assert put.finished_ok
    for host in HOSTS:
        assert (there / f"for-{host}").read_text() == host


def test_expressions_in_paths_see_the_names_of_the_caller(params, here, there):
    names = ["x", "y"]
    for name in names:
        (here / name).write_text(name)
    Put(HOSTS, "{{names}}", f"{there}/{{{{[n * 2 for n in names]}}}}", params).run(30)
    assert {path.name: path.read_text() for path in there.iterdir()} == {"xx": "x", "yy": "y"}


def test_location_that_ends_with_a_slash_is_created_for_each_host(params, here, there):
    (there / "log").write_text("lines")
    get = Get(HOSTS, str(there / "log"), "results/{{{host}}}/", params).run(30)
    assert get.finished_ok
    for host in HOSTS:
        assert (here / "results" / host / "log").read_text() == "lines"


def test_host_in_the_local_location_gives_each_host_a_file(params, here, there):
    (there / "log").write_text("lines")
    assert Get(HOSTS, str(there / "log"), "log-{{{host}}}", params).run(30).finished_ok
    assert sorted(os.listdir(here)) == [f"log-{host}" for host in HOSTS]


def test_missing_local_file_is_a_failed_process_and_no_exception(params, here, there):
    put = Put(HOSTS, "nothing", str(there), params, process_args=QUIET).run(30)
    assert put.ended
    assert not put.ok
    assert all(process.exit_code for process in put.processes)
    assert "nothing" in put.processes[0].stderr


def test_missing_remote_file_is_a_failed_process_and_no_exception(params, here, there):
    get = Get(HOSTS, str(there / "nothing"), ".", params, process_args=QUIET).run(30)
    assert get.ended
    assert not get.ok
    assert all(process.exit_code for process in get.processes)
    assert [process.host for process in get.processes] == HOSTS


def test_missing_remote_directory_is_a_failed_process(params, here, there):
    (here / "f").write_text("content")
    put = Put(HOSTS[0], "f", str(there / "no" / "dir" / "f"), params, process_args=QUIET).run(30)
    assert not put.ok
    assert put.processes[0].exit_code != 0


def test_single_text_is_one_file_and_not_its_letters(params, here, there):
    (here / "abc").write_text("1")
    put = Put(HOSTS[0], "abc", str(there), params).run(30)
    assert put.local_files == ["abc"]
    assert os.listdir(there) == ["abc"]


def test_no_host_copies_nothing_and_ends(params, here):
    assert Put([], "nothing", "/nowhere", params).run(5).finished_ok
    assert Get([], "nothing", "/nowhere", params).run(5).finished_ok


def test_file_of_some_megabytes_arrives_whole(params, here, there):
    content = os.urandom(1 << 20) * 8
    (here / "big").write_bytes(content)
    Put(HOSTS[0], "big", str(there), params).run(60)
    Get(HOSTS[0], str(there / "big"), "back", params).run(60)
    assert (here / "back").read_bytes() == content


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_any_name_of_a_file_is_put_and_got_as_it_is(params, here, there, name):
    (here / name).write_text("content")
    put = Put(HOSTS[0], name, str(there), params).run(30)
    assert put.ok, put.processes[0].dump()
    assert os.listdir(there) == [name]
    (here / name).unlink()
    get = Get(HOSTS[0], f"{there}/{name}", "./", params).run(30)
    assert get.ok, get.processes[0].dump()
    assert os.listdir(here) == [name]


def test_files_of_all_names_are_put_at_once(params, here, there):
    for name in NAMES:
        (here / name).write_text(name, "utf-8", "surrogateescape")
    put = Put(HOSTS[0], NAMES, str(there), params).run(30)
    assert put.finished_ok, put.processes[0].dump()
    assert sorted(os.listdir(there)) == sorted(NAMES)


def test_new_name_on_either_side_may_hold_anything(params, here, there):
    (here / "f").write_text("content")
    odd = " it's $HOME *?[x] \\ ~\n\"`"
    assert Put(HOSTS[0], "f", f"{there}/{odd}", params).run(30).finished_ok
    assert os.listdir(there) == [odd]
    assert Get(HOSTS[0], f"{there}/{odd}", f"-g {odd}", params).run(30).finished_ok
    assert sorted(os.listdir(here)) == [f"-g {odd}", "f"]


def test_wildcard_does_not_fetch_other_files(params, here, there):
    for name in ("a*", "ab"):
        (there / name).write_text(name)
    assert Get(HOSTS[0], f"{there}/a*", "./", params).run(30).finished_ok
    assert os.listdir(here) == ["a*"]
