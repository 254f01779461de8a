"""What `runtime` relies on of uvicorn's private interfaces.

A release of uvicorn that changes one of these methods may change what our protocol does. Read the new method,
adapt `runtime`, and note the new digest.
"""

import inspect
import re
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

ROOT = Path(__file__).parents[2]

DIGESTS = {
    "FlowControl.pause_reading": "7c27388bb984e9ed",
    "FlowControl.resume_reading": "a0429d30857e8488",
    "HttpToolsProtocol.__init__": "4f08999410347141",
    "HttpToolsProtocol.connection_made": "6efb565ff3d36b91",
    "HttpToolsProtocol.connection_lost": "c91a4c9bf2e29c55",
    "HttpToolsProtocol.on_message_begin": "96d377fdc7c2baef",
    "HttpToolsProtocol.on_header": "65d62c044f61fdbd",
    "HttpToolsProtocol.on_headers_complete": "1ea8589acfad92d8",
    "HttpToolsProtocol.on_body": "dba9c32aeba35b6a",
    "HttpToolsProtocol.on_message_complete": "1fbad42dc31fc01f",
    "HttpToolsProtocol.on_response_complete": "64e254f28e389e76",
    "HttpToolsProtocol.shutdown": "d7351fa33f00d430",
    "HttpToolsProtocol._start_asgi_task": "9c08c2571ae9b038",
    "RequestResponseCycle.__init__": "4d2f220910c33c12",
    "RequestResponseCycle.run_asgi": "0f33f2449a444bc2",
    "RequestResponseCycle.send": "abdd8601b326a8da",
    "RequestResponseCycle.receive": "8124ae006be71184",
    "Server.startup": "2aa1d70a244bfcf2",
    "Server.on_tick": "60ea49b06ccf68c1",
    "Server.main_loop": "afccb353a119333f",
    "Server.handle_exit": "553276efa26e09ea",
    "Server.shutdown": "9b33c50562992b1e",
    "Server.capture_signals": "e1bbcd4770d1c887",
    "Server._serve": "4575b7a50adfede8",
}


@pytest.mark.parametrize("name", DIGESTS)
def test_a_method_is_the_one_that_was_read(name: str) -> None:
    owner, _, method = name.partition(".")
    classes: tuple[type[Any], ...] = (FlowControl, HttpToolsProtocol, RequestResponseCycle, uvicorn.Server)
    (found,) = (each for each in classes if each.__name__ == owner)
    assert sha256(inspect.getsource(getattr(found, method)).encode()).hexdigest()[:16] == DIGESTS[name]


@pytest.mark.parametrize("name", ["uvicorn", "httptools"])
def test_an_unread_release_cannot_be_installed(name: str) -> None:
    pyproject = (ROOT / "backend/pyproject.toml").read_text(encoding="utf-8")
    lock = (ROOT / "backend/requirements.lock").read_text(encoding="utf-8")
    bound = re.search(rf'"{name} >=[0-9.]+,<0\.([0-9]+)"', pyproject)
    locked = re.search(rf"^{name}==0\.([0-9]+)\.", lock, re.MULTILINE)
    assert bound
    assert locked
    assert int(bound[1]) == int(locked[1]) + 1
