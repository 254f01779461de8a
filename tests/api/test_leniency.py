"""Requests of other people's clients that an older service understood: docs/urls.md and the contract."""

import httpx
import pytest

MD5 = "0bc83cb571cd1c50ba6f3e8a78ef1346"


class TestPicturesWithoutAnIdentity:
    @pytest.mark.parametrize("path", ["", "/", "/0", f"/{MD5}0", "/" + "a" * 40])
    def test_are_the_default_picture(self, app_client: httpx.Client, path: str) -> None:
        answer = app_client.get(f"/avatar{path}?s=96&d=mm&r=g")
        assert answer.status_code == 200
        assert answer.content == app_client.get(f"/avatar/{MD5}?s=96&d=mm").content
