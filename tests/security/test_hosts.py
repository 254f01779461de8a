import pytest

from avatar_gen.security.hosts import AllowedHosts
from avatar_gen.settings.schema import Settings

KEY = {"sha256": "0" * 64}


@pytest.mark.parametrize(
    "host",
    [
        b"127.0.0.1",
        b"10.0.0.7:3000",
        b"[::1]",
        b"[fd00::7]:3000",
        b"localhost",
        b"LocalHost:80",
        b"avatar-backend:3000",
        b"x",
        b"localhost.",
        b"[]",
        b"",
    ],
)
def test_hosts_that_no_page_can_have_are_always_allowed(host: bytes) -> None:
    assert AllowedHosts(()).allows(host)
    assert AllowedHosts(("a.example",)).allows(host)


@pytest.mark.parametrize(
    "host",
    [
        b"a.example",
        b"127.0.0.1.a.example",
        b"rebind.network:3000",
        b"a.example.",
        b"1.2.3",
        b"127.1.a",
        b"[::1].a",
        b"::1.a",
        b"\xff.a",
        b"x" * 300 + b".a",
    ],
)
def test_all_others_are_not(host: bytes) -> None:
    assert not AllowedHosts(()).allows(host)


def test_names_that_are_configured_are_allowed() -> None:
    allowed = AllowedHosts(("a.example", "*.b.example"))
    for host in (b"a.example", b"A.Example:3000", b"a.example.", b"x.b.example", b"y.x.b.example:1"):
        assert allowed.allows(host)
    for host in (b"x.a.example", b"b.example", b"xb.example", b"a.example.evil.example"):
        assert not allowed.allows(host)


@pytest.mark.parametrize(
    ("keys", "names", "checked"),
    [
        ([], [], ()),
        ([KEY], [], None),
        ([], ["A.example."], ("a.example",)),
        ([KEY], ["a.example"], ("a.example",)),
        ([], ["*"], None),
        ([], ["a.example", "*"], None),
    ],
)
def test_without_keys_the_default_is_strict(
    keys: list[object], names: list[str], checked: tuple[str, ...] | None
) -> None:
    tree = {"auth": {"api_keys": keys}, "server": {"allowed_hosts": names}}
    assert Settings.model_validate(tree).checked_hosts() == checked
