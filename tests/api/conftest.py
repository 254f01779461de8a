"""The application inside the test process, for tests of what it answers."""

from collections.abc import Iterator

import httpx
import pytest

from tests.conftest import App


@pytest.fixture(scope="session")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """One application that many tests share; they may add avatars and delete their own."""
    shared = App(tmp_path_factory.mktemp("app")).start()
    yield shared
    shared.close()


@pytest.fixture
def app_client(app: App) -> httpx.Client:
    return app.client
