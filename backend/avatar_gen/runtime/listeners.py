"""The sockets on which the service listens."""

import os
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from avatar_gen.errors import StartupError

_BACKLOG = 2048
"""New connections that the kernel holds until the service accepts them."""

_PROBE_SECONDS = 1.0


def listen(host: str, port: int, variables: str) -> socket.socket:
    """Return a listening socket. The message of `StartupError` names the variables that set its address."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        # `::` means every address, those of IPv4 included.
        both = host == "::" and socket.has_dualstack_ipv6()
        return socket.create_server((host, port), family=family, backlog=_BACKLOG, dualstack_ipv6=both)
    except (OSError, TypeError) as error:
        # If a name cannot be resolved, the number is negative or missing.
        number = getattr(error, "errno", None) or 0
        reason = os.strerror(number) if number > 0 else "it is not the name of an address of this machine"
        raise StartupError(
            f"{host}:{port}: cannot listen here: {reason}; {variables} set another address"
        ) from error


@contextmanager
def listening_at(path: Path, mode: int) -> Iterator[socket.socket]:
    """Yield a listening Unix socket with these permissions. Close it, and remove its file, in the end.

    It replaces a socket that a killed process has left. Raises `StartupError`.
    """
    try:
        _remove_unused(path)
        listener = _bind(path, mode)
    except OSError as error:
        reason = error.strerror or error
        raise StartupError(
            f"{path}: cannot listen here: {reason}; server.uds (UDS) sets another path"
        ) from error
    mine = _file_key(path)
    try:
        yield listener
    finally:
        listener.close()
        # If it was closed before, another process may have made its own.
        with suppress(FileNotFoundError):
            if _file_key(path) == mine:
                path.unlink()


def _file_key(path: Path) -> tuple[int, int]:
    """Return what distinguishes a file from a later one at its path, which can have the same inode."""
    status = path.lstat()
    return status.st_ino, status.st_mtime_ns


def _bind(path: Path, mode: int) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX)
    try:
        listener.bind(os.fspath(path))
        # Before anything can connect.
        path.chmod(mode)
        listener.listen(_BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def _remove_unused(path: Path) -> None:
    """Remove a socket that nothing listens on. Raises `OSError`, and `StartupError` for any other file."""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(_PROBE_SECONDS)
        try:
            probe.connect(os.fspath(path))
        except FileNotFoundError:
            return
        except ConnectionRefusedError:
            if stat.S_ISSOCK(path.lstat().st_mode):
                path.unlink()
                return
            raise StartupError(f"{path}: this is not a socket; server.uds (UDS) sets another path") from None
        except (TimeoutError, BlockingIOError):
            pass  # A process listens, but has too many new connections.
    raise StartupError(f"{path}: another process listens here; server.uds (UDS) sets another path")


def address_of(listener: socket.socket) -> str:
    """Return what to write before a path of the service in a command of `curl`."""
    name = listener.getsockname()
    if listener.family == socket.AF_UNIX:
        return f"--unix-socket {name} http://localhost"
    host, port = name[:2]
    host = "localhost" if host in ("0.0.0.0", "::") else host  # noqa: S104 - all addresses
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
