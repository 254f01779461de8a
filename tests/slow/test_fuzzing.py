"""Odd requests to a service with all of its parts on. `make fuzz` sends them for an hour."""

from pathlib import Path

import pytest

from tests.conftest import Service
from tests.slow.everything import everything
from tests.slow.fuzz import Fuzzer, run_schemathesis
from tests.slow.size import FULL, sized

ROUNDS = sized(full=60, small=1)
"""Of 2,000 requests each."""

STATUSES = {200, 201, 202, 400, 404, 405, 415}


@pytest.mark.parametrize("service", sized(full=["sqlite", "postgresql"], small=["postgresql"]), indirect=True)
def test_schemathesis_finds_no_answer_that_contradicts_the_document(service: Service) -> None:
    sent, failures = run_schemathesis(service, number=20261120, examples=sized(full=100, small=5))
    assert failures == ""
    assert sent > 300


def test_no_odd_request_gets_a_500_or_its_own_text_back(tmp_path: Path) -> None:
    with everything(tmp_path) as service:
        fuzzer = Fuzzer(service)
        number = 0
        # The requests of a round also depend on the code of the tests, and some rounds begin no job.
        while number < ROUNDS or (number < ROUNDS + 4 and not fuzzer.statuses.keys() >= STATUSES):
            number += 1
            fuzzer.run(number)
        assert fuzzer.statuses.keys() >= STATUSES
        if FULL:
            # Every operation succeeded, too.
            assert fuzzer.operations == fuzzer.successes.keys()
    assert service.log.read_text() == ""
