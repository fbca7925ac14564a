"""After which reasons a failed debit is tried again, when, and how often."""

from __future__ import annotations

from datetime import date

import pytest

from bridge.rules import retries
from bridge.rules.reasons import REASONS
from bridge.rules.retries import Failed
from bridge.settings import RETRIED

FRIDAY = date(2026, 11, 27)


def failed(reason: str, *, state: str = "returned", attempt: int = 1, counted: int = 1, account_changed: bool = False) -> Failed:
    return Failed("INV-7-1", state, reason, FRIDAY, attempt, counted, account_changed)


@pytest.mark.parametrize("code", ["MD01", "MD06", "MD07", "MS02", "SL01", "AC13", "AM05", "DUPL", "DU03", "RR04"])
def test_after_some_reasons_nobody_tries_again(code: str) -> None:
    """Disputed, dead, a copy: another debit is a wrong one, by a policy and by a person, whatever account it names."""
    for one in (failed(code), failed(code, account_changed=True)):
        assert code in retries.why_not(one)
        assert retries.again_on(one, (code,), 9, 0) is None


@pytest.mark.parametrize("code", ["AC01", "AC04", "AC06", "AG01", "BE01", "DNOR"])
def test_an_account_that_takes_no_debit_is_not_debited_again(code: str) -> None:
    """A person may where the mandate has got another one since."""
    assert "mandate amend --iban" in retries.why_not(failed(code))
    assert retries.again_on(failed(code), (code,), 9, 0) is None
    assert retries.why_not(failed(code, account_changed=True)) == ""


def test_after_ninety_nine_attempts_there_is_no_other() -> None:
    """A name of two digits is used up: neither the policy nor a person makes one that the database refuses."""
    assert "the last of 99 attempts" in retries.why_not(failed("AM04", attempt=99, counted=1))
    assert retries.again_on(failed("AM04", attempt=99, counted=1), ("AM04",), 98, 0) is None
    assert retries.why_not(failed("AM04", attempt=98, counted=1)) == ""


@pytest.mark.parametrize(
    "code", ["AM04", "MS03", "ED05", "AG02", "MD02", "FF01", "BE05", "RC01", "RR02", "AM14", "TM01", "NARR", "XYZ", ""]
)
def test_a_person_may_try_again_what_is_not_forbidden(code: str) -> None:
    """What time or a repair cures, and what nobody knows: a person decides."""
    assert retries.why_not(failed(code)) == ""


def test_the_policy_takes_only_what_time_may_cure() -> None:
    """The settings allow the reasons that the table calls "later", and no others; none of them pauses a mandate."""
    assert sorted(code for code, reason in REASONS.items() if reason.again == "later") == list(RETRIED)
    assert not any(reason.pauses for reason in REASONS.values() if reason.again in {"later", "repaired"})


@pytest.mark.parametrize(("days", "on"), [(0, FRIDAY), (1, date(2026, 11, 30)), (3, date(2026, 12, 2))])
def test_it_waits_so_many_bank_days(days: int, on: date) -> None:
    """Counted from the day of the return, without the weekend."""
    assert retries.again_on(failed("AM04"), ("AM04",), 2, days) == on


@pytest.mark.parametrize(
    ("counted", "most", "again"), [(1, 0, False), (1, 1, True), (2, 1, False), (2, 2, True), (3, 2, False), (4, 2, False)]
)
def test_it_is_never_endless(counted: int, most: int, again: bool) -> None:
    """So many attempts after the first, and no more."""
    assert (retries.again_on(failed("AM04", counted=counted), ("AM04",), most, 0) is not None) == again


@pytest.mark.parametrize(("counted", "again"), [(1, True), (2, False)])
def test_ms03_is_tried_again_once(counted: int, again: bool) -> None:
    """In Germany it hides the death of the debtor as well as a lack of funds."""
    assert (retries.again_on(failed("MS03", counted=counted), ("MS03",), 5, 0) is not None) == again


def test_by_itself_only_what_the_policy_names() -> None:
    """Not another reason, not one that nobody knows, and not what the creditor had the bank withdraw."""
    assert retries.again_on(failed("ED05"), ("AM04",), 5, 0) is None
    assert retries.again_on(failed("XYZ"), ("XYZ",), 5, 0) is not None  # the settings refuse such a policy
    assert retries.again_on(failed("AM04", state="withdrawn"), ("AM04",), 5, 0) is None
    assert retries.why_not(failed("MD06", state="withdrawn")) == ""


def test_what_is_technical_does_not_count() -> None:
    """Wrong data of ours cost the debtor nothing."""
    assert [code for code in ("FF01", "MD02", "AM04", "MS03", "XYZ") if retries.technical(code)] == ["FF01", "MD02"]
