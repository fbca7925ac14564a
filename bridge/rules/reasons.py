"""Why a debit failed, in words, and what a person does next. Pure.

Codes are ISO 20022 ExternalStatusReason / ExternalReturnReason as the SEPA schemes use them (EPC173-14); the German texts are
the banks' usual wording. In Germany AM04 and MD07 reach the creditor as MS03, for data protection.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reason:
    """A code's meaning in English and German, and the next step."""

    code: str
    english: str
    german: str
    then: str


_NEW_ACCOUNT = "ask the debtor for the right account"
_FIX = "correct it and collect anew"
_TALK = "talk to the debtor before anything else"

REASONS: dict[str, Reason] = {
    reason.code: reason
    for reason in (
        Reason("AC01", "account number wrong", "IBAN fehlerhaft", _NEW_ACCOUNT),
        Reason("AC04", "account closed", "Konto aufgelöst", _NEW_ACCOUNT),
        Reason("AC06", "account blocked, or blocked for direct debits", "Konto gesperrt oder Lastschriftsperre", _TALK),
        Reason("AC13", "the debtor is a consumer (B2B)", "Zahler ist Verbraucher", "agree on a CORE mandate"),
        Reason("AG01", "direct debits are forbidden on this account", "Zahlungsart für Konto unzulässig", _NEW_ACCOUNT),
        Reason("AG02", "operation or sequence code wrong", "Transaktionscode oder Sequenz ungültig", _FIX),
        Reason("AM04", "insufficient funds", "mangels Deckung", "agree on a date, then collect anew"),
        Reason("AM05", "duplicate", "Doppeleinreichung", "check the books before anything else"),
        Reason("BE05", "creditor identifier wrong", "Gläubiger-ID ungültig", "stop all runs and ask the bank"),
        Reason("DNOR", "debtor's bank cannot be reached", "Bank des Zahlers nicht erreichbar", _NEW_ACCOUNT),
        Reason("ED05", "settlement failed", "Verrechnung fehlgeschlagen", "ask the bank, then collect anew"),
        Reason("FF01", "file format wrong", "Dateiformat ungültig", "stop and correct the file"),
        Reason(
            "MD01", "no valid mandate, or unauthorised", "kein gültiges Mandat", "stop collecting; have the mandate's copy ready"
        ),
        Reason("MD02", "mandate data missing or wrong", "Mandatsdaten fehlen oder stimmen nicht", _FIX),
        Reason(
            "MD06", "refund asked for by the debtor", "Widerspruch durch den Zahler", "stop collecting and talk to the debtor"
        ),
        Reason("MD07", "debtor deceased", "Kontoinhaber verstorben", "a person takes over; no reminder"),
        Reason("MS02", "refused by the debtor", "vom Zahler abgelehnt", _TALK),
        Reason("MS03", "reason not specified", "Grund nicht angegeben", "treat as insufficient funds, with care"),
        Reason("RC01", "bank identifier wrong", "BIC ungültig", _FIX),
        Reason(
            "SL01", "blocked by a service of the debtor's bank", "Sperre oder Limit der Zahlerbank", "the debtor must lift it"
        ),
    )
}


def next_step(code: str) -> str:
    """What a person does after this code; an unknown one goes to a person as it is."""
    known = REASONS.get(code)
    return known.then if known else "ask the bank what it means"


def meaning(code: str, lang: str = "en") -> str:
    """The code with its meaning; an unknown or missing one says so."""
    known = REASONS.get(code)
    if known is None:
        return f"{code} (not in the list)" if code else "no reason given"
    return f"{code} {known.english if lang == 'en' else known.german}"
