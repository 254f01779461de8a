"""The fixtures of the page's tests."""

from tests.page.conftest import (
    browser,
    complaints,
    empty_service,
    kept,
    pytest_pycollect_makemodule,
    service,
    visit,
)

__all__ = [
    "browser",
    "complaints",
    "empty_service",
    "kept",
    "pytest_pycollect_makemodule",
    "service",
    "visit",
]
