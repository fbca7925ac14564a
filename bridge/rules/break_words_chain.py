"""The sentences of Breaks about chains and contracts, English and German side by side, by kind. Pure."""

from __future__ import annotations

_TWO_UNFREEZE = "dann sagen zwei Personen: bridge chain unfreeze"

#: kind -> (English, German) of all that a Break of it says
SENTENCES: dict[str, tuple[tuple[str, str], ...]] = {
    "ATTESTED_BY_OTHERS": (
        (
            "an outcome of invoice id {0}... was written, and not by this bridge",
            "ein Ausgang der Rechnung mit der Kennung {0}... wurde geschrieben, und nicht von hier",
        ),
        (
            "find out who else has the settlement role; after a restore it may be an outcome that the bridge itself wrote before",
            "klären, wer die Abrechnungsrolle noch hat; nach einer Wiederherstellung kann er von hier sein",
        ),
    ),
    "ATTEST_NOT_TAKEN": (
        ("no node of source {0} takes the signed call: {1}", "kein Knoten der Quelle {0} nimmt den signierten Aufruf an: {1}"),
        (
            "see whether {0} has the means to pay for it; the same call is sent again by every run",
            "prüfen, ob {0} ihn bezahlen kann; jeder Lauf sendet denselben Aufruf erneut",
        ),
    ),
    "ATTEST_REFUSED": (
        (
            "the contract does not take the outcome of invoice {0} ({1}): {2}",
            "der Vertrag nimmt den Ausgang der Rechnung {0} nicht an ({1}): {2}",
        ),
        (
            "give the settlement role to {0}, and no other; nothing is lost meanwhile",
            "{0} die Abrechnungsrolle geben und keine andere; bis dahin geht nichts verloren",
        ),
    ),
    "ATTEST_TOO_DEAR": (
        (
            "one gas costs {0} gwei now; source {1} pays {2} at most",
            "eine Einheit Gas kostet jetzt {0} gwei; Quelle {1} zahlt höchstens {2}",
        ),
        (
            "outcomes wait until it is cheaper; or set attest.fee_gwei_max higher",
            "die Ausgänge warten, bis es billiger ist; oder attest.fee_gwei_max erhöhen",
        ),
    ),
    "CANCELLED_UNKNOWN": (
        (
            "the contract cancels invoice id {0}..., which is not an invoice here",
            "der Vertrag storniert die Rechnung mit der Kennung {0}..., die es hier nicht gibt",
        ),
        ("see why its invoice was refused", "nachsehen, warum ihre Rechnung abgelehnt wurde"),
    ),
    "CLAIM_CONFLICT": (
        ("invoice id {0}... was already finalized", "die Rechnung mit der Kennung {0}... war schon finalisiert"),
        (
            "invoice id {0}... was finalized before a reorganisation, with other content",
            "die Rechnung mit der Kennung {0}... wurde vor einer Reorganisation mit anderem Inhalt finalisiert",
        ),
        ("ask the operator of the contract", "den Betreiber des Vertrags fragen"),
    ),
    "CODE_CHANGED": (
        ("the code at {0} is another one: {1}, and {2} before", "der Code unter {0} ist ein anderer: {1}, vorher {2}"),
        (
            "nothing more is read or collected from this source; look at it on chain, then two people say: bridge chain unfreeze",
            f"aus dieser Quelle wird nichts gelesen und eingezogen; auf der Chain ansehen, {_TWO_UNFREEZE}",
        ),
    ),
    "CONTRACT_CHANGED": (
        ("the contract was changed: {0}", "der Vertrag wurde geändert: {0}"),
        (
            "nothing of this source is collected; look at it on chain, then two people say: bridge chain unfreeze",
            f"aus dieser Quelle wird nichts eingezogen; auf der Chain ansehen, {_TWO_UNFREEZE}",
        ),
    ),
    "FINALITY_STALLED": (
        (
            "the last final block of source {0} is {1} minutes old; finality has stalled, or the chain has",
            "der letzte finale Block der Quelle {0} ist {1} Minuten alt; die Finalität stockt, oder die Chain",
        ),
        (
            "nothing new is collected meanwhile; look at the chain's status page, and at the nodes",
            "bis dahin wird nichts Neues eingezogen; Statusseite der Chain und die Knoten ansehen",
        ),
    ),
    "FINALITY_WENT_BACK": (
        (
            "the nodes call block {0} the last final one, but {1} was when it was read",
            "die Knoten nennen Block {0} den letzten finalen; beim Lesen war es {1}",
        ),
        (
            "nothing of this source is collected until it is final again; find out what happened to the chain or the nodes",
            "aus dieser Quelle wird nichts eingezogen, bis er wieder final ist; klären, was mit Chain oder Knoten geschah",
        ),
    ),
    "LOG_NOT_ON_CHAIN": (
        (
            "{0} stored log(s), in block {1} first, are not on the chain that is read now",
            "{0} gespeicherte(r) Log(s), zuerst in Block {1}, stehen nicht auf der Chain, die jetzt gelesen wird",
        ),
        (
            "find out which nodes were wrong; then two people say: bridge chain unfreeze --from-block {0}",
            f"klären, welche Knoten falsch lagen; {_TWO_UNFREEZE} --from-block {{0}}",
        ),
    ),
    "MALFORMED_LOG": (
        ("ask the operator of the contract", "den Betreiber des Vertrags fragen"),
        ("{0}", "ein Log ist keine Rechnung, die einziehbar ist: {0}"),
    ),
    "NODE_DISPUTE": (
        (
            "find out what is wrong with this node, replace it in bridge.toml if need be, and close this",
            "klären, was mit diesem Knoten ist, ihn nötigenfalls in bridge.toml ersetzen, dann schließen",
        ),
        ("node {0} of {1}: {2}", "Knoten {0} der Quelle {1}: {2}"),
    ),
    "NUMBER_CLASH": (
        ("invoice number {0} is already taken", "die Rechnungsnummer {0} ist schon vergeben"),
        ("ask the operator of the contract", "den Betreiber des Vertrags fragen"),
    ),
    "PROOF_LOST": (
        (
            "the contract no longer says how many invoices it finalized",
            "der Vertrag sagt nicht mehr, wie viele Rechnungen er finalisiert hat",
        ),
        (
            "nothing of this source is collected; ask the node, or find out what happened to the contract",
            "aus dieser Quelle wird nichts eingezogen; den Knoten fragen oder klären, was mit dem Vertrag geschah",
        ),
    ),
    "REORG_BELOW_FINAL": (
        ("block {0}, final when it was read, is another one now", "Block {0}, beim Lesen final, ist jetzt ein anderer"),
        (
            "find out what happened to the chain or the nodes; then two people say: bridge chain unfreeze",
            f"klären, was mit Chain oder Knoten geschah; {_TWO_UNFREEZE}",
        ),
    ),
    "SOURCE_INCOMPLETE": (
        (
            "the contract counts {0} invoices at block {1}, the logs {2}; or their running hash differs",
            "der Vertrag zählt {0} Rechnungen bei Block {1}, die Logs {2}; oder ihr fortlaufender Hash weicht ab",
        ),
        (
            "nothing of this source is collected; compare with another node",
            "aus dieser Quelle wird nichts eingezogen; mit einem anderen Knoten vergleichen",
        ),
    ),
    "TOKEN_PAYMENT": (
        ("a payment in tokens was not booked: {0}", "eine Zahlung in Token wurde nicht gebucht: {0}"),
        (
            "see the creditor's wallet; give it back, or correct bridge.toml",
            "die Wallet des Gläubigers ansehen; zurückgeben oder bridge.toml berichtigen",
        ),
    ),
}
