"""Tokens of picker links: what they hold, who can make them, and for how long."""

import time
from dataclasses import replace
from pathlib import Path

import pytest

from avatar_gen.errors import PickerLinkInvalid, SettingsError, SigningKeyNeeded
from avatar_gen.security.picker_tokens import PickerGrant, PickerTokens, read_signing_keys
from avatar_gen.settings.schema import Auth

OLD, NEW, OTHER = ("old-" + "a" * 32, "new-" + "b" * 32, "other-" + "c" * 32)


def grant() -> PickerGrant:
    return PickerGrant(
        identity="ab" * 16,
        state="",
        expires=int(time.time()) + 60,
        seed="Ада 👩‍🚀",
        styles=("smile", "bloom"),
        photos=False,
        return_origin="https://www.example.org",
    )


def test_a_token_is_read_as_it_was_issued() -> None:
    tokens = PickerTokens([NEW])
    for each in (grant(), replace(grant(), styles=None, return_origin=None)):
        assert tokens.read(tokens.issue(each)) == each


def test_the_first_key_signs_and_all_keys_verify() -> None:
    before, during, after = PickerTokens([OLD]), PickerTokens([NEW, OLD]), PickerTokens([NEW])
    assert during.read(before.issue(grant())) == grant()
    assert after.read(during.issue(grant())) == grant()
    with pytest.raises(PickerLinkInvalid):
        before.read(during.issue(grant()))
    with pytest.raises(PickerLinkInvalid):
        after.read(before.issue(grant()))


def test_a_token_with_any_changed_character_is_forged() -> None:
    tokens = PickerTokens([NEW])
    token = tokens.issue(grant())
    payload, _, signature = token.rpartition(".")
    # The last character of the signature has bits that base64 ignores.
    for position in range(len(token) - 1):
        changed = "A" if token[position] != "A" else "B"
        with pytest.raises(PickerLinkInvalid):
            tokens.read(token[:position] + changed + token[position + 1 :])
    for forged in ("", ".", payload, f"{payload}.", f".{signature}", token * 2, "é", token + "A" * 5000):
        with pytest.raises(PickerLinkInvalid):
            tokens.read(forged)


def test_a_token_of_another_key_or_for_another_use_is_forged() -> None:
    with pytest.raises(PickerLinkInvalid):
        PickerTokens([NEW]).read(PickerTokens([OTHER]).issue(grant()))


def test_a_token_expires() -> None:
    tokens = PickerTokens([NEW])
    token = tokens.issue(replace(grant(), expires=int(time.time())))
    with pytest.raises(PickerLinkInvalid, match="has expired"):
        tokens.read(token)


def test_without_a_key_there_are_no_tokens() -> None:
    with pytest.raises(SigningKeyNeeded, match="AUTH_SIGNING_KEY"):
        PickerTokens([]).issue(grant())
    with pytest.raises(PickerLinkInvalid):
        PickerTokens([]).read(PickerTokens([NEW]).issue(grant()))


def test_the_keys_of_the_settings_come_before_those_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_text(f"\ufeff{OLD}\n{OTHER}\n")
    for keys in (NEW, [NEW]):
        auth = Auth.model_validate({"signing_key": keys, "signing_key_file": str(path)})
        assert read_signing_keys(auth) == [NEW, OLD, OTHER]
        assert NEW not in repr(auth)
        assert not auth.on


@pytest.mark.parametrize("content", ["", "short\n", f"{OLD}\nshort", "\xff"])
def test_a_file_without_good_keys_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "keys"
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(SettingsError, match="keys: ") as error:
        read_signing_keys(Auth.model_validate({"signing_key_file": str(path)}))
    assert OLD not in str(error.value)


def test_a_missing_file_is_an_error_of_the_start(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        read_signing_keys(Auth.model_validate({"signing_key_file": str(tmp_path / "none")}))
