"""Two clients with equal grants, content and address: who made a request remains a guess."""

import pytest

from leafkey.coap.message import decode
from leafkey.coap.numbers import PAT
from leafkey.pat.tokens import LEVELS
from tests.privacy.leaks import LEAKS
from tests.privacy.measure import UNSEEN, heard, planted, unlinkability


@pytest.mark.parametrize("level", LEVELS.values(), ids=LEVELS)
def test_clients_cannot_be_told_apart(level: int):
    verdict = unlinkability(level)
    assert verdict.pairs == UNSEEN - 1
    assert verdict.over_noise <= 1, verdict


FAMILIES = {
    "counter_in_token": {"tokens", "bits", "all"},
    "counting_message_ids": {"mids", "all"},
    "shorter_at": {"lengths", "bits", "all"},
    "order_of_options": {"options", "bits", "all"},
    "one_port": {"ports", "bits", "all"},
    "biased_bit": {"ATs", "bits", "all"},
}


@pytest.mark.parametrize("leak", LEAKS, ids=FAMILIES)
def test_a_leak_that_was_planted_is_found(leak):
    verdict = planted(leak)
    assert verdict.over_noise > 3, verdict
    assert verdict.by in FAMILIES[leak.__name__]


@pytest.mark.parametrize("level", LEVELS.values(), ids=LEVELS)
def test_what_is_measured_is_what_clients_do(level: int):
    _, unseen = heard(level)
    shares = [sum(shown.client == client for shown in unseen) / UNSEEN for client in (0, 1)]
    assert all(0.47 < share < 0.53 for share in shares)
    ats = [decode(shown.request).option(PAT) for shown in unseen]
    assert len(set(ats)) == UNSEEN
    assert {at[0] for at in ats if at} == {level}
    answered = [decode(shown.answer).code for shown in unseen if shown.answer]
    assert len(answered) > 0.99 * UNSEEN
    assert {code >> 5 for code in answered} == {2}
