"""Files as a stream, read from anywhere; unpacked as scp would name them."""

import io
import os
import subprocess
import tarfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from execo._archive import Archive, ArchiveError, pack_command, unpack_command
from execo._chain.source import Source


def content(archive, start=0):
    return b"".join(archive.pieces(start))


def names_in(data):
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        return archive.getnames()


def sh(command, data=b"", cwd=None):
    return subprocess.run(["/bin/sh", "-c", command], input=data, capture_output=True, cwd=cwd)


@pytest.fixture
def tree(tmp_path):
    top = tmp_path / "a dir"
    (top / "sub").mkdir(parents=True)
    (top / "sub" / "-x é'\n").write_text("one\n")
    (top / "empty").write_bytes(b"")
    (top / "big").write_bytes(bytes(range(256)) * 9000)
    (top / "link").symlink_to("sub")
    os.chmod(top / "big", 0o751)
    os.utime(top / "big", (1_000_000, 1_000_000))
    return top


def test_a_stream_is_a_tar_of_the_size_that_was_told(tree):
    archive = Archive([str(tree)])
    data = content(archive)
    assert len(data) == archive.size
    names = names_in(data)
    assert names[0] == "a dir"
    # a link is what it leads to
    assert "a dir/link/-x é'\n" in names


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(offset=st.integers(0, 2_400_000))
def test_a_stream_goes_on_from_any_offset(tree, offset):
    archive = Archive([str(tree)])
    start = min(offset, archive.size)
    assert content(archive, start) == content(archive)[start:]


def test_checksum_is_that_of_all_however_often_parts_are_given(tree):
    source = Source(Archive([str(tree)]))
    first = source.pieces(0)
    got = len(next(first))
    assert source.checksum is None
    for piece in source.pieces(got // 2):
        assert piece
    assert source.checksum is not None
    again = Source(Archive([str(tree)]))
    assert b"".join(again.pieces(0))
    assert again.checksum == source.checksum


def test_files_that_cannot_be_sent_are_named(tmp_path):
    with pytest.raises(ArchiveError, match=r"nowhere: No such file"):
        Archive([str(tmp_path / "nowhere")])
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(ArchiveError, match="fifo: not a regular file"):
        Archive([str(tmp_path)])
    loop = tmp_path / "loop"
    loop.mkdir()
    (loop / "up").symlink_to("..")
    (tmp_path / "fifo").unlink()
    with pytest.raises(ArchiveError, match="up: a symbolic link to a directory that it is in"):
        Archive([str(tmp_path)])


def test_a_file_that_changes_meanwhile_is_an_error(tmp_path):
    file = tmp_path / "file"
    file.write_bytes(bytes(3_000_000))
    archive = Archive([str(file)])
    file.write_bytes(b"short")
    with pytest.raises(ArchiveError, match="file: became shorter while it was sent"):
        content(archive)
    file.unlink()
    with pytest.raises(ArchiveError, match="file: No such file"):
        content(archive)


@pytest.mark.parametrize("new", ["new", "a&b,c\\d", "with space", "-dash", "line\nend", "'q'"])
def test_a_single_one_gets_a_new_name_where_no_directory_is(tree, tmp_path, new):
    done = sh(unpack_command(f"{tmp_path}/{new}", False), content(Archive([str(tree)])))
    assert (done.returncode, done.stderr) == (0, b"")
    unpacked = tmp_path / new
    assert sorted(os.listdir(unpacked)) == ["big", "empty", "link", "sub"]
    status = (unpacked / "big").stat()
    assert (status.st_mode & 0o777, int(status.st_mtime)) == (0o751, 1_000_000)


def test_a_directory_gets_files_by_their_names(tree, tmp_path):
    (tmp_path / "dst").mkdir()
    done = sh(unpack_command(f"{tmp_path}/dst", False), content(Archive([str(tree / "big")])))
    assert (done.returncode, done.stderr) == (0, b"")
    assert (tmp_path / "dst" / "big").read_bytes() == (tree / "big").read_bytes()


@pytest.mark.parametrize(("location", "several"), [("none", True), ("none/", False)])
def test_several_files_and_a_slash_want_a_directory(tree, tmp_path, location, several):
    data = content(Archive([str(tree / "big")]))
    done = sh(unpack_command(f"{tmp_path}/{location}", several), data)
    assert done.returncode == 1
    assert b"none" in done.stderr
    assert b"no such directory" in done.stderr


def test_files_are_packed_from_where_they_are(tree, tmp_path):
    files = ["a dir/sub", "a dir/big", f"{tree}/empty"]
    packed = sh(pack_command(files), cwd=tmp_path)
    assert packed.stderr == b""
    names = names_in(packed.stdout)
    assert names == ["sub", "sub/-x é'\n", "big", "empty"]
    single = sh(pack_command(["a dir/"]), cwd=tmp_path)
    assert names_in(single.stdout)[0] == "a dir"


def test_a_file_that_is_missing_there_is_an_error(tmp_path):
    packed = sh(pack_command(["no such file"]), cwd=tmp_path)
    assert packed.returncode == 2
    assert b"no such file" in packed.stderr


def test_a_directory_that_holds_itself_by_a_link_is_an_error_at_once(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "up").symlink_to("..")
    packed = sh(pack_command(["a"]), cwd=tmp_path)
    assert (packed.returncode, packed.stdout) == (2, b"")
    assert b"a/b/up" in packed.stderr


def test_a_file_may_have_the_name_of_the_sign_of_the_home(tmp_path):
    (tmp_path / "~").touch()
    assert names_in(sh(pack_command([f"{tmp_path}/~"])).stdout) == ["~"]


def test_the_home_is_called_by_its_sign(tmp_path):
    packed = sh(f"HOME={tmp_path}; touch $HOME/x; " + pack_command(["~/x", "/etc/hostname"]))
    assert names_in(packed.stdout) == ["x", "hostname"]


def test_a_file_whose_size_is_not_known_is_refused():
    with pytest.raises(ArchiveError, match="/proc/self/status: its size is not known"):
        Archive(["/proc/self/status"])
