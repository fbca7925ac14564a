"""Why a debit failed, in words, and what a person does next. Pure.

Codes are ISO 20022 ExternalStatusReason / ExternalReturnReason as the SEPA schemes use them (EPC173-14); the German texts are
the banks' usual wording. In Germany AM04 and MD07 reach the creditor as MS03, for data protection.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reason:
    """A code's meaning and the next step, in English and German; ``pauses``: nothing more is collected under its mandate.

    ``again``: whether another attempt may follow: "later", by itself or by a person; when it is "repaired"; from another
    "account" of the debtor; if a "person" says so, as after a code that is not in the list; or "never".
    """

    code: str
    english: str
    german: str
    step: str
    pauses: bool = False
    again: str = "never"


#: next step -> English, German
STEPS = {
    "account": ("ask the debtor for the right account", "beim Zahler das richtige Konto erfragen"),
    "ask": ("ask the bank what it means", "bei der Bank nachfragen"),
    "copy": ("look whether it was sent twice; the first one stands", "prüfen, ob doppelt eingereicht; die erste gilt"),
    "core": ("agree on a CORE mandate", "ein CORE-Mandat vereinbaren"),
    "date": ("agree with the debtor how he pays", "mit dem Zahler klären, wie er zahlt"),
    "dispute": ("talk to the debtor; have the mandate's copy ready", "mit dem Zahler sprechen; Mandatskopie bereithalten"),
    "due": ("choose another due date", "ein anderes Fälligkeitsdatum wählen"),
    "file": ("stop and correct the file", "anhalten und die Datei berichtigen"),
    "fix": ("correct the data", "die Daten berichtigen"),
    "person": ("a person takes over; no reminder", "jemand übernimmt; keine Mahnung"),
    "text": ("read the bank's own words", "den Text der Bank lesen"),
    "talk": ("talk to the debtor before anything else", "zuerst mit dem Zahler sprechen"),
}
#: next step -> who must act, English and German
WHO = {
    "account": ("the debtor: he names another account", "der Zahler: er nennt ein anderes Konto"),
    "ask": ("our bank: it says what it means", "unsere Bank: sie sagt, was gemeint ist"),
    "core": ("the debtor: he signs a CORE mandate", "der Zahler: er unterschreibt ein CORE-Mandat"),
    "date": ("the debtor: he pays, or names a day", "der Zahler: er zahlt oder nennt einen Tag"),
    "dispute": ("we: a person shows the mandate and settles the dispute", "wir: jemand legt das Mandat vor und klärt den Streit"),
    "file": ("we: the file is ours", "wir: die Datei ist unsere"),
    "fix": ("we: the data are ours", "wir: die Daten sind unsere"),
    "person": ("we: a person decides what is done", "wir: jemand entscheidet, was geschieht"),
    "talk": ("the debtor: he says why, or lifts the block", "der Zahler: er sagt den Grund oder hebt die Sperre auf"),
}
#: whether another attempt may follow -> English, German
AGAIN = {
    "later": ("yes, by the policy or by a person", "ja, nach der Regel oder durch eine Person"),
    "repaired": ("after the repair, by a person", "nach der Berichtigung, durch eine Person"),
    "account": ("only from another account", "nur von einem anderen Konto"),
    "never": ("never", "nie"),
}
#: whether the mandate is paused -> English, German
MANDATE = {
    True: ("paused at once; a person resumes or revokes it", "pausiert sofort; eine Person setzt es fort oder widerruft es"),
    False: ("stays as it is", "bleibt, wie es ist"),
}
#: what a code alone does not say -> English, German
NOTES = {
    "MD01": (
        "of a bank it is a return (no valid mandate there), of the debtor by name a refund of up to 13 months",
        "von einer Bank ist es eine Rückgabe (dort kein gültiges Mandat), vom Zahler mit Namen eine Erstattung bis 13 Monate",
    ),
    "MD06": (
        "a refund within 8 weeks, without a reason; the claim stays",
        "eine Erstattung binnen 8 Wochen, ohne Begründung; die Forderung bleibt",
    ),
    "MS03": (
        "in Germany banks write it for lack of funds, and for a death, too: treated as lack of funds, tried again once at most",
        "deutsche Banken schreiben es für fehlende Deckung und auch bei Tod: wie fehlende Deckung, höchstens einmal erneut",
    ),
}
#: how a debit failed -> English, German
HOW = {
    "reject": ("rejected before settlement", "vor der Verrechnung abgewiesen"),
    "return": ("returned by a bank", "von einer Bank zurückgegeben"),
    "refund": ("refunded to the debtor", "dem Zahler erstattet"),
    "withdrawal": ("withdrawn by us", "von uns zurückgezogen"),
    "reversal": ("reversed by us", "von uns rückgerufen"),
}


def how(state: str, code: str, *, by_debtor: bool) -> str:
    """Which R-message ended a debit in this state: a key of HOW.

    MD06 is a refund by its meaning; any other one is that where the debtor, and no bank, is named as its originator (EPC173-14).
    """
    if state == "returned":
        return "refund" if code == "MD06" or by_debtor else "return"
    return {"rejected": "reject", "withdrawn": "withdrawal", "reversed": "reversal"}[state]


def _of_account(code: str, english: str, german: str, step: str = "account") -> Reason:
    return Reason(code, english, german, step, pauses=True, again="account")


def _of_copy(code: str, english: str, german: str) -> Reason:
    return Reason(code, english, german, "copy")


def _of_data(code: str, english: str, german: str) -> Reason:
    return Reason(code, english, german, "fix", again="repaired")


REASONS: dict[str, Reason] = {
    reason.code: reason
    for reason in (
        _of_account("AC01", "account number wrong", "IBAN fehlerhaft"),
        _of_account("AC04", "account closed", "Konto aufgelöst"),
        _of_account("AC06", "account blocked, or blocked for direct debits", "Konto gesperrt oder Lastschriftsperre", "talk"),
        Reason("AC13", "the debtor is a consumer (B2B)", "Zahler ist Verbraucher", "core", pauses=True),
        _of_account("AG01", "direct debits are forbidden on this account", "Zahlungsart für Konto unzulässig"),
        Reason("AG02", "operation or sequence code wrong", "Transaktionscode oder Sequenz ungültig", "fix", again="repaired"),
        _of_data("AM01", "amount is zero", "Betrag ist null"),
        _of_data("AM02", "amount not allowed", "Betrag nicht zulässig"),
        _of_data("AM03", "currency not processed", "Währung wird nicht verarbeitet"),
        Reason("AM04", "insufficient funds", "mangels Deckung", "date", again="later"),
        Reason("AM05", "duplicate", "Doppeleinreichung", "ask"),
        _of_data("AM09", "amount is not as agreed", "Betrag entspricht nicht der Vereinbarung"),
        _of_data("AM10", "control sum wrong", "Kontrollsumme falsch"),
        _of_data("AM14", "amount above the bank's limit", "Betrag über dem Limit der Bank"),
        _of_account("BE01", "name and account do not belong together", "Name passt nicht zum Konto"),
        Reason("BE05", "creditor identifier wrong", "Gläubiger-ID ungültig", "ask", again="repaired"),
        Reason("CH03", "due date too far ahead", "Fälligkeit zu weit in der Zukunft", "due", again="repaired"),
        Reason("CNOR", "our bank cannot be reached", "Bank des Zahlungsempfängers nicht erreichbar", "ask", again="repaired"),
        Reason("CUST", "cancelled at a customer's request", "auf Kundenwunsch storniert", "talk", again="person"),
        _of_account("DNOR", "debtor's bank cannot be reached", "Bank des Zahlers nicht erreichbar"),
        Reason("DT01", "date wrong", "Datum ungültig", "due", again="repaired"),
        _of_copy("DU01", "message id used before", "Nachrichten-ID schon verwendet"),
        _of_copy("DU02", "block id used before", "Block-ID schon verwendet"),
        _of_copy("DU03", "duplicate debit", "Lastschrift doppelt"),
        _of_copy("DU04", "EndToEndId used before", "EndToEndId schon verwendet"),
        _of_copy("DU05", "instruction id used before", "Auftrags-ID schon verwendet"),
        _of_copy("DUPL", "duplicate", "Doppeleinreichung"),
        Reason("ED05", "settlement failed", "Verrechnung fehlgeschlagen", "ask", again="later"),
        Reason("FF01", "file format wrong", "Dateiformat ungültig", "file", again="repaired"),
        Reason("FF05", "kind of direct debit wrong", "Lastschriftart falsch", "fix", again="repaired"),
        Reason("FOCR", "returned after a cancellation request", "Rückgabe nach Rückruf", "ask", again="person"),
        Reason("MD01", "no valid mandate, or unauthorised", "kein gültiges Mandat", "dispute", pauses=True),
        Reason("MD02", "mandate data missing or wrong", "Mandatsdaten fehlen oder stimmen nicht", "fix", again="repaired"),
        Reason("MD05", "should not have been collected", "hätte nicht eingezogen werden dürfen", "ask", again="person"),
        Reason("MD06", "refund asked for by the debtor", "Widerspruch durch den Zahler", "dispute", pauses=True),
        Reason("MD07", "debtor deceased", "Kontoinhaber verstorben", "person", pauses=True),
        Reason("MS02", "refused by the debtor", "vom Zahler abgelehnt", "talk", pauses=True),
        Reason("MS03", "reason not specified", "Grund nicht angegeben", "date", again="later"),
        Reason("NARR", "see the bank's text", "siehe Text der Bank", "text", again="person"),
        Reason("RC01", "bank identifier wrong", "BIC ungültig", "fix", again="repaired"),
        Reason("RR01", "debtor's account or id missing", "Konto oder Kennung des Zahlers fehlt", "fix", again="repaired"),
        Reason("RR02", "debtor's name or address missing", "Name oder Adresse des Zahlers fehlt", "fix", again="repaired"),
        Reason("RR03", "creditor's name or address missing", "Name oder Adresse des Empfängers fehlt", "fix", again="repaired"),
        Reason("RR04", "regulatory reason", "Aufsichtsrechtliche Gründe", "person", pauses=True),
        Reason("SL01", "blocked by a service of the debtor's bank", "Sperre oder Limit der Zahlerbank", "talk", pauses=True),
        Reason("TM01", "came after the cut-off time", "nach Annahmeschluss eingereicht", "due", again="repaired"),
    )
}

#: after these the mandate is paused at once; the scheme leaves it to the creditor's care, and a second debit would be a wrong one
PAUSING = frozenset(code for code, reason in REASONS.items() if reason.pauses)


def next_step(code: str, lang: str = "en") -> str:
    """What a person does after this code; an unknown one goes to a person as it is."""
    known = REASONS.get(code)
    return STEPS[known.step if known else "ask"][lang == "de"]


def meaning(code: str, lang: str = "en") -> str:
    """The code with its meaning; an unknown or missing one says so."""
    known = REASONS.get(code)
    if known is None:
        unlisted, none = (
            ("steht nicht in der Liste", "kein Grund angegeben") if lang == "de" else ("not in the list", "no reason given")
        )
        return f"{code} ({unlisted})" if code else none
    return f"{code} {known.german if lang == 'de' else known.english}"
