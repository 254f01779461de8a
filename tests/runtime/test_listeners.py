"""Unix sockets to listen on."""

import os
import socket
import stat
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from avatar_gen.errors import StartupError
from avatar_gen.runtime.listeners import address_of, listening_at


@pytest.fixture
def path() -> Iterator[Path]:
    """A path that is short enough for a socket."""
    with tempfile.TemporaryDirectory(prefix="avatars-") as folder:
        yield Path(folder) / "s"


def connect(path: Path) -> socket.socket:
    client = socket.socket(socket.AF_UNIX)
    client.connect(str(path))
    return client


@pytest.mark.parametrize("mode", [0o600, 0o660, 0o666])
def test_the_file_has_its_permissions_and_is_removed(path: Path, mode: int) -> None:
    before = os.umask(0o077)
    try:
        with listening_at(path, mode) as listener, closing(connect(path)):
            assert stat.S_IMODE(path.stat().st_mode) == mode
            assert address_of(listener) == f"--unix-socket {path} http://localhost"
            listener.close()
    finally:
        os.umask(before)
    assert not path.exists()


def leave_a_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as killed:
        killed.bind(str(path))
        killed.listen()


def test_it_replaces_a_socket_that_a_killed_process_has_left(path: Path) -> None:
    leave_a_socket(path)
    assert path.is_socket()
    with listening_at(path, 0o660), closing(connect(path)):
        pass


def fill(path: Path, stack: ExitStack) -> None:
    """Connect until the queue of new connections is full."""
    while True:
        client = stack.enter_context(socket.socket(socket.AF_UNIX))
        client.settimeout(0)
        try:
            client.connect(str(path))
        except BlockingIOError:
            return


@pytest.mark.parametrize("busy", [False, True])
def test_it_does_not_replace_one_on_which_a_process_listens(path: Path, *, busy: bool) -> None:
    """Not even if that process is too busy to accept a connection."""
    with socket.socket(socket.AF_UNIX) as other, ExitStack() as stack:
        other.bind(str(path))
        other.listen(0)
        if busy:
            fill(path, stack)
        with pytest.raises(StartupError, match="another process listens here"):
            stack.enter_context(listening_at(path, 0o660))
    assert path.is_socket()


@pytest.mark.parametrize("kind", ["file", "folder", "nowhere", "long"])
def test_a_path_that_cannot_be_a_socket_stops_the_start(path: Path, kind: str) -> None:
    if kind == "file":
        path.write_text("precious")
    elif kind == "folder":
        path.mkdir()
    elif kind == "nowhere":
        path = path / "s"
    else:
        path = path.with_name("s" * 200)
    with pytest.raises(StartupError) as failed, listening_at(path, 0o660):
        pass
    assert "\n" not in str(failed.value)
    assert str(failed.value).startswith(f"{path}: ")
    assert "server.uds (UDS) sets another path" in str(failed.value)
    assert kind != "file" or path.read_text() == "precious"


def test_the_socket_of_a_later_process_stays(path: Path) -> None:
    """After a service has closed its socket, another one may start before it has ended."""
    with ExitStack() as later:
        with listening_at(path, 0o660) as ours:
            ours.close()
            later.enter_context(listening_at(path, 0o660))
        connect(path).close()
    assert not path.exists()
