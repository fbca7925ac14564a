"""When a failed debit is tried again, and when never. Pure.

The schemes set no limit of their own (EPC016-06 is silent). A new attempt is a new collection with a new EndToEndId, a new date
and a new notice. After some reasons it would be a wrong debit, whoever asks for it: the debtor disputes it, or is dead, or his
account takes none and the mandate names no other. By policy only what time may cure is tried again, so often as the policy
says; MS03, behind which German banks put both lack of funds and death, once.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from bridge.rules import calendar
from bridge.rules.reasons import REASONS, Reason, meaning

ONCE = ("MS03",)
ATTEMPTS_MAX = 99  # an EndToEndId counts its attempts in two digits


@dataclass(frozen=True, slots=True)
class Failed:
    """The last attempt of an invoice: rejected, returned or withdrawn on a day. ``counted``: attempts that were not technical.

    ``account_changed``: its mandate debits another account now than this attempt did.
    """

    end_to_end_id: str
    state: str
    reason: str
    failed_on: date
    attempt: int
    counted: int
    account_changed: bool = False


def technical(reason: str) -> bool:
    """Whether data of ours were wrong: it is repaired and sent again, and does not count as an attempt."""
    known = REASONS.get(reason)
    return known is not None and known.again == "repaired"


def needs_account(failed: Failed) -> bool:
    """Whether only another account of the debtor may be debited."""
    known = _known(failed)
    return known is not None and known.again == "account"


def why_not(failed: Failed) -> str:
    """Why not even a person tries again; empty where he may."""
    if failed.attempt >= ATTEMPTS_MAX:
        return f"{failed.end_to_end_id} was the last of {ATTEMPTS_MAX} attempts; have the debtor pay otherwise"
    known = _known(failed)
    if known is not None and known.again == "never":
        return f"{failed.end_to_end_id} failed with {meaning(failed.reason)}; another debit would be a wrong one"
    if needs_account(failed) and not failed.account_changed:
        return (
            f"{failed.end_to_end_id} failed with {meaning(failed.reason)}; another debit of this account would be a wrong one."
            " Have the debtor name another, and 'bridge mandate amend --iban'"
        )
    return ""


def _known(failed: Failed) -> Reason | None:
    """A withdrawn debit has no code of the debtor's bank."""
    return None if failed.state == "withdrawn" else REASONS.get(failed.reason)


def again_on(failed: Failed, reasons: tuple[str, ...], retries_max: int, days_min: int) -> date | None:
    """From which day the policy makes another attempt; None where it makes none, and a person decides."""
    most = min(retries_max, 1) if failed.reason in ONCE else retries_max
    if failed.state == "withdrawn" or failed.reason not in reasons or why_not(failed) or failed.counted > most:
        return None
    return calendar.add_target_days(failed.failed_on, days_min) if days_min else failed.failed_on
