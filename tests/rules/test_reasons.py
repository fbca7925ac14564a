"""Why a debit failed: what each code means, what a person does next, and after which the mandate is paused."""

from __future__ import annotations

import pytest

from bridge.rules import answers
from bridge.rules.reasons import PAUSING, REASONS, meaning, next_step

#: what is done next, in English and German -> after which codes
NEXT = {
    ("ask the debtor for the right account", "beim Zahler das richtige Konto erfragen"): "AC01 AC04 AG01 BE01 DNOR",
    ("ask the bank what it means", "bei der Bank nachfragen"): "AM05 BE05 CNOR ED05 FOCR MD05",
    (
        "look whether it was sent twice; the first one stands",
        "prüfen, ob doppelt eingereicht; die erste gilt",
    ): "DUPL DU01 DU02 DU03 DU04 DU05",
    ("choose another due date", "ein anderes Fälligkeitsdatum wählen"): "CH03 DT01 TM01",
    ("read the bank's own words", "den Text der Bank lesen"): "NARR",
    ("agree on a CORE mandate", "ein CORE-Mandat vereinbaren"): "AC13",
    ("agree with the debtor how he pays", "mit dem Zahler klären, wie er zahlt"): "AM04 MS03",
    ("talk to the debtor; have the mandate's copy ready", "mit dem Zahler sprechen; Mandatskopie bereithalten"): "MD01 MD06",
    ("stop and correct the file", "anhalten und die Datei berichtigen"): "FF01",
    ("correct the data", "die Daten berichtigen"): "AG02 AM01 AM02 AM03 AM09 AM10 AM14 FF05 MD02 RC01 RR01 RR02 RR03",
    ("a person takes over; no reminder", "jemand übernimmt; keine Mahnung"): "MD07 RR04",
    ("talk to the debtor before anything else", "zuerst mit dem Zahler sprechen"): "AC06 CUST MS02 SL01",
}
STEPS_BY_CODE = {code: steps for steps, codes in NEXT.items() for code in codes.split()}


def test_every_code_has_its_next_step() -> None:
    """These codes are known, and each leads to what its cause asks for, in both languages."""
    assert {code: (next_step(code), next_step(code, "de")) for code in REASONS} == STEPS_BY_CODE


def test_after_which_codes_a_mandate_is_paused() -> None:
    """Where the account, the debtor or his mandate is the cause, a second debit under the same mandate would be a wrong one."""
    assert {"AC01", "AC04", "AC06", "AC13", "AG01", "BE01", "DNOR", "MD01", "MD06", "MD07", "MS02", "RR04", "SL01"} == PAUSING


@pytest.mark.parametrize(
    ("code", "english", "german"),
    [
        ("AM05", "AM05 duplicate", "AM05 Doppeleinreichung"),
        ("MD06", "MD06 refund asked for by the debtor", "MD06 Widerspruch durch den Zahler"),
        ("ZZZZ", "ZZZZ (not in the list)", "ZZZZ (steht nicht in der Liste)"),
        ("", "no reason given", "kein Grund angegeben"),
    ],
)
def test_a_code_in_words(code: str, english: str, german: str) -> None:
    """A known code comes with its meaning; an unknown or missing one says so."""
    assert (meaning(code), meaning(code, "de")) == (english, german)


def test_codes_of_a_copy_are_those_that_move_nothing() -> None:
    """What a status report does not move is also what nobody collects again: the first debit stands."""
    copies = {code for code, reason in REASONS.items() if reason.step == "copy"} | {"AM05"}

    assert copies == answers.COPY_REASONS
    assert {REASONS[code].again for code in copies} == {"never"}


def test_what_only_a_person_decides() -> None:
    """A request, a text of the bank, a debit that should not have been: no policy tries again, and no repair is ours."""
    assert {code for code, reason in REASONS.items() if reason.again == "person"} == {"CUST", "FOCR", "MD05", "NARR"}


def test_an_unknown_code_goes_to_the_bank() -> None:
    """Nobody guesses at a code that is not in the list."""
    assert (next_step("ZZZZ"), next_step("ZZZZ", "de")) == ("ask the bank what it means", "bei der Bank nachfragen")
