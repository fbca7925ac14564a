"""The sentences of Breaks about bank, files and invoices, English and German side by side, by kind. Pure.

``{0}`` and so on stand for the values of the sentence. A file's name, a date as in a MsgId or an id has its own form in both.
"""

from __future__ import annotations

#: words that stand as a value in a sentence
STATES = {
    "pending": "vorgemerkt",
    "held": "angehalten",
    "batched": "in einer Datei",
    "submitted": "bei der Bank",
    "accepted": "angenommen",
    "settled": "gutgeschrieben",
    "cancelled": "storniert",
    "rejected": "abgewiesen",
    "returned": "zurückgegeben",
    "reversed": "rückgerufen",
    "withdrawn": "zurückgezogen",
    "active": "aktiv",
    "paused": "pausiert",
    "revoked": "widerrufen",
    "expired": "verfallen",
    "replaced": "ersetzt",
    "sealed": "versiegelt",
    "approved": "freigegeben",
    "exported": "ausgegeben",
    "answered": "beantwortet",
    "booked": "gebucht",
    "discarded": "verworfen",
    "none has come yet": "bisher kam keiner",
    "was cancelled": "wurde storniert",
    "is on the chain no more": "steht nicht mehr auf der Chain",
    "was paid otherwise": "wurde anders bezahlt",
    "it was held": "sie war angehalten",
    "it was cancelled": "sie war storniert",
    "a debit without EndToEndId": "eine Lastschrift ohne EndToEndId",
    "it does not continue the ledger's balance": "er schließt nicht an den Saldo des Hauptbuchs an",
}

_HERE = ("ask the bank why it came here", "die Bank fragen, warum es hier ankam")
_WHERE_FROM = ("ask the bank where it has this debit from", "die Bank fragen, woher sie diese Lastschrift hat")
_NOTHING_MOVED = ("ask the bank; nothing was moved because of it", "die Bank fragen; es wurde deswegen nichts gebucht")
_DISCARD = (
    "do not upload it: two people run 'bridge batch discard {0} --not-uploaded'",
    "nicht hochladen: zwei Personen rufen 'bridge batch discard {0} --not-uploaded' auf",
)

#: kind -> (English, German) of all that a Break of it says
SENTENCES: dict[str, tuple[tuple[str, str], ...]] = {
    # bank lines
    "AMOUNT_DIFF": (
        (
            "{0} is {1}, the bank says {2}, and no charge explains it",
            "{0} lautet auf {1}, die Bank sagt {2}; keine Gebühr erklärt das",
        ),
        ("ask the bank what the difference is", "die Bank fragen, was die Differenz ist"),
    ),
    "BATCH_SUM": (
        (
            "{0} is neither all of the batch ({1}) nor all but its known rejects",
            "{0} ist weder die ganze Datei ({1}) noch die Datei ohne die bekannten Abweisungen",
        ),
        ("ask the bank for the details of this line", "die Bank nach den Einzelheiten dieser Zeile fragen"),
    ),
    "DETAIL_SUM": (
        ("its details add up to {0}, the line is {1}", "die Einzelposten ergeben {0}, die Zeile lautet auf {1}"),
        ("no amount is given for {0}", "für {0} ist kein Betrag angegeben"),
        ("ask the bank for the right details", "die Bank nach den richtigen Einzelposten fragen"),
        ("ask the bank for the amounts of this line", "die Bank nach den Beträgen dieser Zeile fragen"),
    ),
    "HIGH_FEE": (
        ("the bank kept {0} as a charge on {1}", "die Bank hat am {1} eine Gebühr von {0} einbehalten"),
        ("ask the bank what it is for", "die Bank fragen, wofür"),
    ),
    "LATE_CREDIT": (
        ("{0} was credited although it is {1}", "{0} wurde gutgeschrieben, obwohl sie {1} ist"),
        ("see whether the customer must be refunded", "prüfen, ob der Kunde Geld zurückbekommt"),
    ),
    "LINE_WAITING": (
        ("{0} of {1} waits for its counterpart", "{0} vom {1} warten auf den Gegenposten"),
        ("ask the bank for it", "die Bank danach fragen"),
    ),
    "NEVER_SENT": (
        ("{0} is {1} and stands in no file that went to the bank", "{0} ist {1} und steht in keiner Datei, die an die Bank ging"),
        (
            "the bank answers about {0}, which is {1} and never left",
            "die Bank antwortet zu {0}; diese Datei ist {1} und ging nie hinaus",
        ),
        ("the bank says {0} was {1}, but it is {2}", "die Bank sagt, {0} sei {1}; bei uns ist sie {2}"),
        _WHERE_FROM,
        (
            "ask the bank where it has it from; if the database was restored: bridge doctor",
            "die Bank fragen, woher sie sie hat; wurde die Datenbank wiederhergestellt: bridge doctor",
        ),
    ),
    "OTHER_ACCOUNT": (
        ("{0} was collected on another account", "{0} wurde auf ein anderes Konto eingezogen"),
        (
            "a lump sum names {0} and others, which were collected on another account",
            "eine Sammelgutschrift nennt {0} und andere, die auf ein anderes Konto eingezogen wurden",
        ),
        _HERE,
    ),
    "PARTLY_EXPLAINED": (
        ("{0} of it is not explained; a person has it in hand", "{0} davon sind nicht erklärt; jemand bearbeitet sie"),
        ("accept, split or ignore the rest", "den Rest zuordnen, aufteilen oder als fremd ausbuchen"),
    ),
    "RETURN_WITHOUT_REASON": (
        (
            "a debit names {0}, but the bank does not call it a return",
            "eine Belastung nennt {0}, aber die Bank nennt sie nicht Rückgabe",
        ),
        ("ask the bank what it is, then explain it", "die Bank fragen, was es ist, dann zuordnen"),
    ),
    "SECOND_CREDIT": (
        (
            "a lump sum came for a batch of which a part was already credited",
            "eine Sammelgutschrift kam für eine Datei, von der ein Teil schon gutgeschrieben ist",
        ),
        ("ask the bank; see whether it must be sent back", "die Bank fragen; prüfen, ob das Geld zurückmuss"),
    ),
    "SECOND_RETURN": (
        ("{0} is already {1} and was debited again", "{0} ist schon {1} und wurde noch einmal belastet"),
        ("ask the bank; a return can be booked only once", "die Bank fragen; eine Rückgabe kann nur einmal gebucht werden"),
    ),
    "TOLD_LATER": (
        (
            "the line of {0} was explained before its advice came, which says why the debit came back: {1}",
            "die Zeile vom {0} war erklärt, bevor ihr Avis kam; es nennt den Grund der Rückgabe: {1}",
        ),
        (
            "see 'bridge explain' for the reason, and whether the mandate must be paused",
            "den Grund mit 'bridge explain' ansehen und prüfen, ob das Mandat pausieren muss",
        ),
    ),
    "TRANSFER_NAMES_DEBIT": (
        (
            "a transfer names {0}; the debit itself may still come",
            "eine Überweisung nennt {0}; die Lastschrift selbst kann noch kommen",
        ),
        ("see whether the customer paid twice", "prüfen, ob der Kunde doppelt gezahlt hat"),
    ),
    "UNDONE": (
        ("its explanation was taken back: {0}", "die Zuordnung wurde zurückgenommen: {0}"),
        (
            "accept, split or ignore it; or give it back to the rules: bridge reconcile release {0}",
            "zuordnen, aufteilen oder als fremd ausbuchen; oder den Regeln zurückgeben: bridge reconcile release {0}",
        ),
    ),
    "UNKNOWN_CREDIT": (
        ("{0} on {1} names nothing that we know", "{0} vom {1} nennen nichts, was wir kennen"),
        ("find out who paid and for what", "herausfinden, wer wofür gezahlt hat"),
    ),
    "UNKNOWN_DEBIT": (
        ("{0} on {1} names nothing that we know", "{0} vom {1} nennen nichts, was wir kennen"),
        ("find out who was paid and why", "herausfinden, wer das Geld bekam und warum"),
    ),
    "UNKNOWN_DETAIL": (
        ("a part of it names nothing that we know", "ein Teil davon nennt nichts, was wir kennen"),
        ("find out who paid, then explain the rest", "herausfinden, wer gezahlt hat, dann den Rest zuordnen"),
    ),
    "UPLOAD_UNCLEAR": (
        (
            "the bank has {0}, which stands in several files, and nobody said which one was uploaded",
            "die Bank hat {0}; sie steht in mehreren Dateien, und niemand hat gesagt, welche hochgeladen wurde",
        ),
        ("say which one: bridge batch mark-uploaded", "sagen, welche: bridge batch mark-uploaded"),
        (
            "see in the portal which one it was: bridge batch mark-uploaded",
            "im Portal nachsehen, welche es war: bridge batch mark-uploaded",
        ),
    ),
    # beyond an invoice
    "CUSTOMER_CREDIT": (
        ("{0} is the customer's: invoice {1} was paid beyond its amount", "{0} gehören dem Kunden: Rechnung {1} wurde überzahlt"),
        (
            "refund it and accept the line, or: bridge invoice use-credit",
            "erstatten und die Zeile zuordnen, oder: bridge invoice use-credit",
        ),
    ),
    "DEBIT_NOT_OWED": (
        ("{0} is at the bank in {1}, but {2}", "{0} ist mit {1} bei der Bank, aber: {2}"),
        ("ask the bank to take it back, or refund the customer", "die Bank um Rückruf bitten oder dem Kunden erstatten"),
    ),
    "DEBIT_TWICE": (
        ("{0} is at the bank in {1} and in {2}", "{0} ist mit {1} und mit {2} bei der Bank"),
        (
            "ask the bank to take one of them back, or refund the customer",
            "die Bank um Rückruf einer der beiden bitten oder dem Kunden erstatten",
        ),
    ),
    "PAID_TWICE": (
        ("invoice {0} {1}, and its debit {2} is {3}", "Rechnung {0} {1}, und ihre Lastschrift {2} ist {3}"),
        (
            "discard its file if it was not uploaded; else have the bank recall it, or refund it once it is credited",
            "ihre Datei verwerfen, wenn sie nicht hochgeladen ist; sonst zurückrufen lassen oder nach Gutschrift erstatten",
        ),
    ),
    "RECLAIM": (
        ("{0} more went back than came for invoice {1}", "{0} mehr gingen zurück, als für Rechnung {1} kamen"),
        ("ask the bank or the customer for it", "von der Bank oder vom Kunden zurückfordern"),
    ),
    # what the bank answers
    "CONTRADICTION": (
        ("the report both takes and rejects {0}", "die Rückmeldung nimmt {0} an und weist sie zugleich ab"),
        _NOTHING_MOVED,
    ),
    "COPY_REJECTED": (
        (
            "the bank calls it a copy ({0}); the first file stands as it was",
            "die Bank nennt sie eine Doppeleinreichung ({0}); die erste Datei gilt wie bisher",
        ),
        _NOTHING_MOVED,
    ),
    "NOT_IN_THIS_FILE": (
        (
            "block {0} does not stand in the file that the report is about",
            "Block {0} steht nicht in der Datei, um die es in der Rückmeldung geht",
        ),
        (
            "{0} does not stand in the file that the report is about",
            "{0} steht nicht in der Datei, um die es in der Rückmeldung geht",
        ),
        _NOTHING_MOVED,
    ),
    "NOT_OUR_FILE": (
        ("a status report is about a {0}, and we send only {1}", "eine Rückmeldung betrifft {0}; wir senden nur {1}"),
        ("a status report names file {0}, which is not ours", "eine Rückmeldung nennt Datei {0}, die nicht unsere ist"),
        ("ask the bank, or close it", "die Bank fragen oder schließen"),
    ),
    "OLD_FILE": (
        (
            "the bank answers about {0}, whose collections stand in another file by now",
            "die Bank antwortet zu {0}, deren Lastschriften inzwischen in einer anderen Datei stehen",
        ),
        ("do not upload the newer file before this is clear", "die neuere Datei nicht hochladen, bevor das geklärt ist"),
    ),
    "REJECT_AFTER_SETTLE": (
        (
            "the bank rejected {0}, which it had credited, and no debit followed",
            "die Bank hat {0} abgewiesen, die sie gutgeschrieben hatte, und keine Belastung folgte",
        ),
        ("ask the bank whether the money stays", "die Bank fragen, ob das Geld bleibt"),
    ),
    "UNKNOWN_STATUS": (
        ("the bank gives status {0}, which is not known", "die Bank nennt den Status {0}, den wir nicht kennen"),
        _NOTHING_MOVED,
    ),
    # silence
    "CLEARING_NOT_ZERO": (
        (
            "{0} of {1} debit(s) in file {2} stand in clearing, the last of them due on {3}",
            "{0} aus {1} Lastschrift(en) der Datei {2} stehen noch auf Verrechnung, die letzte war am {3} fällig",
        ),
        (
            "{0} of {1} debit(s) in file {2} stand in clearing, and none of them is at the bank",
            "{0} aus {1} Lastschrift(en) der Datei {2} stehen auf Verrechnung, und keine davon ist bei der Bank",
        ),
        (
            "import what the bank booked for this file, or ask the bank for it; then run 'bridge check'",
            "einlesen, was die Bank zu dieser Datei gebucht hat, oder die Bank fragen; dann 'bridge check'",
        ),
    ),
    "NO_ANSWER": (
        ("{0} was due on {1} and the bank has booked nothing", "{0} war am {1} fällig, und die Bank hat nichts gebucht"),
        ("import the missing statements, or ask the bank", "die fehlenden Auszüge einlesen oder die Bank fragen"),
    ),
    "NOT_HANDED_OVER": (
        (
            "file {0} of {1} is signed, and nobody said that it was handed over",
            "Datei {0} vom {1} ist freigegeben, und niemand hat gesagt, dass sie übergeben wurde",
        ),
        (
            "look into the portal; if it is there: bridge batch mark-uploaded {0}; if not, upload or discard it",
            "im Portal nachsehen; ist sie dort: bridge batch mark-uploaded {0}; wenn nicht, hochladen oder verwerfen",
        ),
    ),
    "STATEMENT_GAP": (
        (
            "statement {0} waits for the other pages of its statement",
            "Auszug {0} wartet auf die anderen Seiten seines Auszugs",
        ),
        (
            "import them; bridge reconcile parked says which are missing",
            "sie einlesen; welche fehlen, sagt bridge reconcile parked",
        ),
        ("statement {0} waits: {1}", "Auszug {0} wartet: {1}"),
        ("import the statement that is missing before it", "den Auszug einlesen, der davor fehlt"),
    ),
    "STATEMENT_MISSING": (
        (
            "debits were due on {0} on account {1}, and no statement of that day is there; the last one is of {2}",
            "am {0} waren auf Konto {1} Lastschriften fällig, und kein Auszug dieses Tages ist da; der letzte ist vom {2}",
        ),
        (
            "debits were due on {0} on account {1}, and no statement of that day is there; {2}",
            "am {0} waren auf Konto {1} Lastschriften fällig, und kein Auszug dieses Tages ist da; {2}",
        ),
        ("fetch the statements from the bank and import them", "die Auszüge bei der Bank abholen und einlesen"),
    ),
    "STATEMENT_REFUSED": (
        ("statement {0} is kept, not booked: {1}", "Auszug {0} ist aufbewahrt, nicht gebucht: {1}"),
        ("ask the bank for the right one", "die Bank um den richtigen bitten"),
    ),
    # files
    "BAD_FILE": (("{0}: {1}", "{0}: {1}"), ("look at inbox/failed", "in inbox/failed nachsehen")),
    "DO_NOT_UPLOAD": (("{0} waits for its upload, but {1}", "{0} wartet auf das Hochladen, aber: {1}"), _DISCARD),
    "FILE_FROZEN": (
        (
            "{0} of its debits, {1} first, are at the bank in {2}: sent too, it collects twice",
            "{0} ihrer Lastschriften, zuerst {1}, sind mit {2} bei der Bank: auch gesendet zieht sie doppelt ein",
        ),
        (
            f"{_DISCARD[0]}; if it was uploaded all the same: bridge batch mark-uploaded",
            f"{_DISCARD[1]}; wurde sie dennoch hochgeladen: bridge batch mark-uploaded",
        ),
    ),
    "NOTICE_FAILED": (
        (
            "correct the address: bridge mandate amend MNDID --set email=-",
            "die Adresse berichtigen: bridge mandate amend MNDID --set email=-",
        ),
        ("{0}", "die Vorabankündigung ging nicht hinaus: {0}"),
    ),
    "RELEARNED": (
        (
            "{0} left before this backup was restored; who signed it is not known here",
            "{0} ging hinaus, bevor diese Sicherung zurückgespielt wurde; wer sie freigab, ist hier nicht bekannt",
        ),
        (
            "see in the portal whether it was uploaded (bridge batch mark-uploaded, or two discard it), then close this",
            "im Portal nachsehen, ob sie hochgeladen ist (bridge batch mark-uploaded, oder zwei verwerfen sie), dann schließen",
        ),
    ),
    "UPLOAD_NOT_CONFIRMED": (
        (
            "the bank answers about {0}, which nobody marked as uploaded, and people had discarded it as not uploaded",
            "die Bank antwortet zu {0}, die niemand als hochgeladen gemeldet hat und die als nicht hochgeladen verworfen war",
        ),
        (
            "the bank answers about {0}, which nobody marked as uploaded",
            "die Bank antwortet zu {0}, die niemand als hochgeladen gemeldet hat",
        ),
        ("say that it was: bridge batch mark-uploaded {0}", "sagen, dass sie es wurde: bridge batch mark-uploaded {0}"),
    ),
}

#: how a Break ended that ended by itself, or with what a person did about its cause
ENDINGS: tuple[tuple[str, str], ...] = (
    ("it is at the bank", "sie ist bei der Bank"),
    ("{0} is at the bank", "{0} ist bei der Bank"),
    ("a person explained a part of it", "jemand hat einen Teil davon zugeordnet"),
    ("a person has it in hand", "jemand bearbeitet es"),
    ("a younger block is final", "ein jüngerer Block ist final"),
    ("all its pages are here", "alle seine Seiten sind da"),
    ("discarded: {0}", "verworfen: {0}"),
    ("it did not happen again", "es kam nicht wieder vor"),
    ("it could be read now", "sie ist jetzt lesbar"),
    ("it fits now and is booked", "er passt jetzt und ist gebucht"),
    ("it fits now and is refused", "er passt jetzt und ist abgelehnt"),
    ("it has come", "es ist gekommen"),
    ("it is clear now", "es ist geklärt"),
    ("it is otherwise now", "es ist jetzt anders"),
    ("it was given back to the rules", "den Regeln zurückgegeben"),
    ("its amount changed", "der Betrag hat sich geändert"),
    ("its cause is gone", "die Ursache ist weg"),
    ("its explanation was taken back", "die Zuordnung wurde zurückgenommen"),
    ("its file was learned again", "die Datei wurde wieder gelernt"),
    ("its news is heard", "die Rückmeldung ist verarbeitet"),
    ("its statement was booked in one piece", "sein Auszug ist als Ganzes gebucht"),
    ("nothing of it stands in clearing any more", "nichts davon steht noch auf Verrechnung"),
    ("the bank has answered", "die Bank hat geantwortet"),
    ("the block is there, final, and the one that was read", "der Block ist da, final und der gelesene"),
    ("the contract counts what was read", "der Vertrag zählt, was gelesen wurde"),
    ("the debtor was told by letter", "der Zahler wurde per Brief benachrichtigt"),
    ("the debtor was told", "der Zahler wurde benachrichtigt"),
    ("the late credit is gone", "die späte Gutschrift ist weg"),
    ("the line is explained", "die Zeile ist erklärt"),
    ("the upload is confirmed", "das Hochladen ist bestätigt"),
    ("two people unfroze the source", "zwei Personen haben die Quelle freigegeben"),
)
