"""Whose request it is."""

import pytest

from avatar_gen.api.client_address import ClientAddresses
from avatar_gen.settings.server import Server


def clients_behind(*trusted: str, uds: str | None = None) -> ClientAddresses:
    return ClientAddresses(Server.model_validate({"trusted_proxies": list(trusted), "uds": uds}))


PROXIES = clients_behind("10.0.0.0/8", "127.0.0.1", "2001:db8:ffff::/48")


def client(peer: str | None, *forwarded: str, clients: ClientAddresses = PROXIES) -> str:
    headers = [(b"x-forwarded-for", value.encode("latin-1")) for value in forwarded]
    headers.append((b"forwarded", b"for=192.0.2.99"))
    return clients.of({"client": peer and (peer, 1), "headers": headers})


@pytest.mark.parametrize(
    ("address", "who"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("::ffff:c000:207", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:DB8:1:2::1", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::1", "::/64"),
        ("testclient", "unknown"),
        (None, "unknown"),
    ],
)
def test_a_client_is_an_ipv4_address_or_an_ipv6_network(address: str | None, who: str) -> None:
    assert client(address) == who


@pytest.mark.parametrize("peer", ["192.0.2.7", "::ffff:192.0.2.7", "11.0.0.1", "2001:db8:1::1"])
def test_who_is_not_trusted_is_not_believed(peer: str) -> None:
    assert client(peer, "198.51.100.1", "10.0.0.1") == client(peer)
    assert client("10.0.0.1", "198.51.100.1", clients=clients_behind()) == "10.0.0.1"


def test_all_requests_through_a_unix_socket_are_from_a_proxy() -> None:
    """Over TCP, a client that has left has no address either, and is not trusted."""
    over_unix_socket = clients_behind(uds="avatars.sock")
    assert client(None, "203.0.113.5, 198.51.100.1", clients=over_unix_socket) == "198.51.100.1"
    assert client(None, clients=over_unix_socket) == "unknown"
    assert client(None, "198.51.100.1") == "unknown"


@pytest.mark.parametrize("peer", ["10.1.2.3", "::ffff:10.1.2.3", "127.0.0.1", "2001:db8:ffff:1::1"])
@pytest.mark.parametrize(
    ("forwarded", "who"),
    [
        (["198.51.100.1"], "198.51.100.1"),
        (["2001:db8:1:2:3::4"], "2001:db8:1:2::/64"),
        (["::ffff:198.51.100.1"], "198.51.100.1"),
        (["198.51.100.1:4711"], "198.51.100.1"),
        (["[2001:db8:1:2:3::4]:4711"], "2001:db8:1:2::/64"),
        (["  198.51.100.1\t"], "198.51.100.1"),
        (["203.0.113.5, 198.51.100.1"], "198.51.100.1"),
        (["203.0.113.5", "198.51.100.1"], "198.51.100.1"),
        (["203.0.113.5,198.51.100.1,10.9.9.9"], "198.51.100.1"),
        (["203.0.113.5,198.51.100.1", "10.9.9.9,127.0.0.1"], "198.51.100.1"),
        (["10.5.5.5,10.9.9.9"], "10.5.5.5"),
        (["10.5.5.5,rubbish,10.9.9.9"], "10.9.9.9"),
        (["198.51.100.1,,10.9.9.9"], "10.9.9.9"),
        (["198.51.100.1,10.9.9.9" + " " * 80], None),
    ],
)
def test_the_last_address_that_is_not_a_trusted_proxy_counts(
    peer: str, forwarded: list[str], who: str | None
) -> None:
    assert client(peer, *forwarded) == (who or client(peer))


@pytest.mark.parametrize(
    "forwarded",
    [[], [""], [","], ["unknown"], ["_hidden"], ["é"], ["198.51.100.256"], ["9" * 60_000], ["["]],
)
def test_a_proxy_that_does_not_say_is_the_client_itself(forwarded: list[str]) -> None:
    assert client("10.1.2.3", *forwarded) == "10.1.2.3"


def test_what_clients_send_is_not_remembered_without_end() -> None:
    clients = clients_behind("10.0.0.1")
    for number in range(10_000):
        client("10.0.0.1", f"2001:db8::{number:x}", clients=clients)
        client("10.0.0.1", f"{number}" + "x" * 1000, clients=clients)
    assert clients._read.cache_info().currsize <= 4096
