"""Odd requests made from the OpenAPI document. `make fuzz` sends a million of them."""

from tests.conftest import MakeService, Service
from tests.slow.fuzz import Fuzzer, run_schemathesis
from tests.slow.size import sized

ROUNDS = sized(full=20, small=2)
"""Of 6,000 requests each."""


def test_schemathesis_finds_no_answer_that_contradicts_the_document(service: Service) -> None:
    sent, failures = run_schemathesis(service, number=20261120, examples=sized(full=100, small=10))
    assert failures == ""
    assert sent > 300


def test_no_odd_request_gets_a_500_or_its_own_text_back(make_service: MakeService) -> None:
    fuzzer = Fuzzer(make_service({"logging": {"level": "error"}}).start())
    for number in range(1, ROUNDS + 1):
        fuzzer.run(number)
    assert fuzzer.statuses.keys() >= {200, 201, 304, 400, 404, 405, 415}
    assert fuzzer.service.log.read_text() == ""
