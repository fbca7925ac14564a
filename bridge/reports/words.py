"""The words of the reports, English and German: one line each, so that none has only one of the two."""

from __future__ import annotations

from bridge.errors import UnknownName

LANGUAGES = ("en", "de")
WORDS: dict[str, tuple[str, str]] = {
    # reports and their tables
    "report.reconciliation": ("Reconciliation", "Abstimmung"),
    "report.ageing": ("Ageing of open items", "Altersstruktur der offenen Posten"),
    "report.returns": ("Rejected and returned direct debits", "Abgewiesene und zurückgegebene Lastschriften"),
    "report.forecast": ("Cash forecast", "Liquiditätsvorschau"),
    "report.audit": ("Audit report", "Prüfbericht"),
    "report.batches": ("Direct debit files", "Lastschriftdateien"),
    "table.proof": ("The proof", "Der Nachweis"),
    "table.beyond": ("Beyond the invoices", "Jenseits der Rechnungen"),
    "table.accounts": ("Bank accounts", "Bankkonten"),
    "table.days": ("Each account day by day", "Jedes Konto Tag für Tag"),
    "table.sources": ("Sources", "Quellen"),
    "table.waiting": ("Waits for a person", "Wartet auf jemanden"),
    "table.breaks": ("Needs a person", "Zu bearbeiten"),
    "table.buckets": ("By age", "Nach Alter"),
    "table.debtors": ("By debtor", "Nach Zahler"),
    "table.invoices": ("Open invoices", "Offene Rechnungen"),
    "table.total": ("In all", "Insgesamt"),
    "table.by_reason": ("By reason", "Nach Grund"),
    "table.by_bank": ("By the debtor's bank", "Nach Bank des Zahlers"),
    "table.by_mandate_age": ("By age of the mandate at presentation", "Nach Alter des Mandats bei Einreichung"),
    "table.fees": ("What it cost", "Was es gekostet hat"),
    "table.forecast": ("By TARGET day", "Nach TARGET-Tag"),
    "table.uncounted": ("Not counted", "Nicht mitgezählt"),
    "table.population": ("All of the period", "Grundgesamtheit des Zeitraums"),
    "table.balances": ("Trial balance", "Summen und Salden"),
    "table.fold": ("What each contract must state", "Was jeder Vertrag auf der Chain ausweisen muss"),
    "table.checks": ("Checks", "Prüfungen"),
    "table.files": ("Files with their hashes", "Dateien mit ihren Prüfsummen"),
    "table.signatures": ("Signatures", "Freigaben"),
    "table.documents": ("Stored files", "Aufbewahrte Dateien"),
    "table.people": ("People and their rights", "Personen und ihre Rechte"),
    "table.acts": ("What people did", "Was Personen getan haben"),
    "table.by_hand": ("Booked by hand", "Von Hand gebucht"),
    "table.trail": ("From the sensor to the bank line", "Vom Sensor zur Bankzeile"),
    "table.lines": ("From the bank line to the chain", "Von der Bankzeile zur Chain"),
    "table.batches": ("Files", "Dateien"),
    # the view
    "cover": ("Report", "Bericht"),
    "as_of": ("booked until", "gebucht bis"),
    "known_at": ("known at", "Kenntnisstand"),
    "on": ("day of the report", "Stichtag"),
    "all": ("everything", "alles"),
    "total": ("total", "Summe"),
    "period": ("period", "Zeitraum"),
    "beginning": ("beginning", "Beginn"),
    "sample": ("sample", "Stichprobe"),
    "seed": ("seed", "Startwert"),
    # columns
    "part": ("part", "Teil"),
    "eur": ("EUR", "EUR"),
    "what": ("what", "was"),
    "why": ("why", "warum"),
    "next": ("next step", "nächster Schritt"),
    "id": ("id", "Nr."),
    "kind": ("kind", "Art"),
    "account": ("account", "Konto"),
    "iban": ("IBAN", "IBAN"),
    "ledger": ("ledger", "Hauptbuch"),
    "statement": ("statement", "Auszug"),
    "statement_on": ("of", "vom"),
    "difference": ("difference", "Differenz"),
    "source": ("source", "Quelle"),
    "completeness": ("completeness", "Vollständigkeit"),
    "verification": ("verification", "Prüfung"),
    "day": ("day", "Tag"),
    "opening": ("opening", "Anfangsstand"),
    "closing": ("closing", "Endstand"),
    "direct_debits": ("direct debits", "Lastschriften"),
    "returned": ("returned", "zurückgegeben"),
    "charges": ("charges", "Gebühren"),
    "transfers": ("transfers", "Überweisungen"),
    "other": ("other", "Sonstiges"),
    "unexplained": ("not explained", "nicht erklärt"),
    "bucket": ("age", "Alter"),
    "invoices": ("invoices", "Rechnungen"),
    "invoice": ("invoice", "Rechnung"),
    "debtor": ("debtor", "Zahler"),
    "due_on": ("due on", "fällig am"),
    "days": ("days", "Tage"),
    "state": ("state", "Stand"),
    "billed": ("billed", "berechnet"),
    "open": ("open", "offen"),
    "returned_open": ("returned, open", "zurückgegeben, offen"),
    "held": ("held", "angehalten"),
    "credit": ("credits", "Guthaben"),
    "owed": ("owed", "geschuldet"),
    "in_flight": ("at the bank", "bei der Bank"),
    "owner": ("owner", "zuständig"),
    "days_0_5": ("0-5 days", "0-5 Tage"),
    "days_6_30": ("6-30 days", "6-30 Tage"),
    "days_31_90": ("31-90 days", "31-90 Tage"),
    "clerk": ("clerk", "Sachbearbeitung"),
    "approver": ("approver", "Freigabe"),
    "admin": ("admin", "Administration"),
    "not_due": ("not due", "nicht fällig"),
    "days_1_30": ("1-30 days", "1-30 Tage"),
    "days_31_60": ("31-60 days", "31-60 Tage"),
    "days_61_90": ("61-90 days", "61-90 Tage"),
    "over_90": ("over 90 days", "über 90 Tage"),
    "reason": ("reason", "Grund"),
    "meaning": ("meaning", "Bedeutung"),
    "bank": ("bank", "Bank"),
    "mandate_age": ("mandate", "Mandat"),
    "presented": ("presented", "eingereicht"),
    "presented_eur": ("presented EUR", "eingereicht EUR"),
    "unanswered": ("unanswered", "ohne Antwort"),
    "withdrawn": ("withdrawn", "zurückgezogen"),
    "rejected": ("rejected", "abgewiesen"),
    "rejected_eur": ("rejected EUR", "abgewiesen EUR"),
    "returned_eur": ("returned EUR", "zurückgegeben EUR"),
    "failed_eur": ("failed EUR", "fehlgeschlagen EUR"),
    "rate": ("rate % by count", "Quote % nach Anzahl"),
    "rate_eur": ("rate % by amount", "Quote % nach Betrag"),
    "fees": ("fees EUR", "Gebühren EUR"),
    "interchange": ("of that interchange EUR", "davon Interbankenentgelt EUR"),
    "count": ("count", "Anzahl"),
    "first_debit": ("first debit", "erster Einzug"),
    "under_3_months": ("under 3 months", "unter 3 Monaten"),
    "under_1_year": ("under a year", "unter einem Jahr"),
    "older": ("older", "älter"),
    "fee_interchange": ("interchange of returned debits", "Interbankenentgelt der Rückgaben"),
    "fee_of_returns": ("own bank's fees of returned debits", "Gebühren der eigenen Bank für Rückgaben"),
    "fee_of_credits": ("kept from credits", "von Gutschriften einbehalten"),
    "fee_apart": ("booked apart", "gesondert gebucht"),
    "debits": ("debits", "Lastschriften"),
    "submitted": ("at the bank", "bei der Bank"),
    "in_files": ("in files that have not left", "in Dateien, noch nicht übergeben"),
    "formed": ("formed, in no file", "gebildet, in keiner Datei"),
    "expected": ("expected", "erwartet"),
    "loss": ("expected to fail", "erwarteter Ausfall"),
    "net": ("expected net", "erwartet netto"),
    "overdue": ("overdue", "überfällig"),
    "yes": ("yes", "ja"),
    "held_debits": ("debits that are held", "angehaltene Lastschriften"),
    "held_invoices": ("invoices that are held", "angehaltene Rechnungen"),
    "open_invoices": ("open invoices without a debit", "offene Rechnungen ohne Lastschrift"),
    "message_id": ("file", "Datei"),
    "scheme": ("scheme", "Verfahren"),
    "created_by": ("cut by", "erstellt von"),
    "approved_by": ("approved by", "freigegeben von"),
    "handed_over_on": ("handed over", "übergeben"),
    "sum": ("sum", "Summe"),
    "credited": ("credited", "gutgeschrieben"),
    "debit": ("debit", "Soll"),
    "credit_side": ("credit", "Haben"),
    "balance": ("balance", "Saldo"),
    "contract": ("contract", "Vertrag"),
    "invoice_chain": ("invoiceChain", "invoiceChain"),
    "holds": ("holds", "erfüllt"),
    "detail": ("detail", "Einzelheit"),
    "sha256": ("SHA-256", "SHA-256"),
    "by_whom": ("by", "von"),
    "at": ("at", "Zeitpunkt"),
    "same": ("signed the sealed bytes", "unterschrieb die versiegelten Bytes"),
    "direction": ("direction", "Richtung"),
    "bytes": ("bytes", "Bytes"),
    "refused": ("not used because", "nicht verwendet, weil"),
    "name": ("name", "Name"),
    "role": ("role", "Rolle"),
    "added_at": ("added at", "angelegt"),
    "added_by": ("added by", "angelegt von"),
    "disabled_at": ("disabled at", "gesperrt"),
    "disabled_by": ("disabled by", "gesperrt von"),
    "act": ("act", "Handlung"),
    "about": ("about", "Gegenstand"),
    "voucher": ("voucher", "Beleg"),
    "station": ("station", "Station"),
    "evidence": ("evidence", "Nachweis"),
    "line": ("line", "Zeile"),
    "booked_on": ("booked on", "gebucht am"),
    "line_eur": ("line EUR", "Zeile EUR"),
    "rule": ("rule", "Regel"),
    "collection": ("collection", "Einzug"),
    "log": ("log", "Log"),
    # what may stand in a cell
    "no": ("no", "nein"),
    "none": ("none", "keine"),
    "full": ("full", "vollständig"),
    "bloom": ("bloom", "Bloom"),
    "quorum-only": ("quorum-only", "nur Mehrheit"),
    "sent": ("sent", "gesendet"),
    "received": ("received", "empfangen"),
    "invoices_billed": ("invoices billed", "berechnete Rechnungen"),
    "taken_back": ("invoices taken back", "zurückgenommene Rechnungen"),
    "vouchers": ("vouchers", "Belege"),
    "bank_credits": ("credits on statements", "Gutschriften auf Auszügen"),
    "bank_debits": ("debits on statements", "Belastungen auf Auszügen"),
    "files": ("files that moved", "bewegte Dateien"),
    "by_hand": ("vouchers by hand", "Belege von Hand"),
    "documents": ("stored files", "aufbewahrte Dateien"),
    "reclaim": ("reclaim", "Rückforderung"),
    "customer_credit": ("customer credit", "Kundenguthaben"),
    "in_flight_not_owed": ("at the bank, not owed", "bei der Bank ohne Forderung"),
    "cancelled": ("cancelled", "storniert"),
    "orphaned": ("orphaned", "verwaist"),
    "paid_direct_debit": ("paid by direct debit", "per Lastschrift bezahlt"),
    "paid_transfer": ("paid by transfer", "per Überweisung bezahlt"),
    "paid_on_chain": ("paid on chain", "auf der Chain bezahlt"),
    "written_off": ("written off", "ausgebucht"),
    "reclaim_written_off": ("reclaim, written off", "Rückforderung, ausgebucht"),
    "token": ("tokens held", "Token im Bestand"),
    "not_ours": ("not ours", "fremd"),
    "suspense_credit": ("credits not explained", "nicht erklärte Gutschriften"),
    "suspense_debit": ("debits not explained", "nicht erklärte Belastungen"),
    "receivable": ("receivable", "Forderungen"),
    "clearing": ("at the bank (clearing)", "bei der Bank (Verrechnung)"),
    "remove": ("remove what holds it", "Grund beheben"),
    "proven": ("proven", "bewiesen"),
    "not proven": ("not proven", "nicht bewiesen"),
    "no proof": ("no proof", "kein Beweis"),
    "not asked": ("not asked", "nicht gefragt"),
    "sealed": ("sealed", "versiegelt"),
    "approved": ("approved", "freigegeben"),
    "exported": ("exported", "ausgegeben"),
    "answered": ("answered", "beantwortet"),
    "booked": ("booked", "gebucht"),
    "discarded": ("discarded", "verworfen"),
}

#: sentences; {0} and so on are figures of the report
NOTES: dict[str, tuple[str, str]] = {
    "ageing": (
        """What each invoice owes is its balance in the ledger's receivable account; the total of the column "owed" is
        the receivable of the reconciliation in the same view. What is at the bank is counted beside it, not in it.
        Days count from the due date.""",
        """Was eine Rechnung schuldet, ist ihr Saldo auf dem Forderungskonto; die Summe der Spalte „geschuldet“ ist die
        Forderung der Abstimmung in derselben Sicht. Was bei der Bank ist, steht daneben und ist nicht darin. Die Tage
        zählen ab Fälligkeit.""",
    ),
    "returns": (
        """Rate = rejected and returned, of the debits that the bank has decided: credited, rejected or returned. What it
        has not answered, and what was withdrawn, is not in it. Rounded half up to a hundredth of a percent.""",
        """Quote = abgewiesene und zurückgegebene von den Lastschriften, über die die Bank entschieden hat
        (gutgeschrieben, abgewiesen oder zurückgegeben). Ohne Antwort und zurückgezogen zählt nicht mit. Kaufmännisch
        auf Hundertstel Prozent gerundet.""",
    ),
    "fees": (
        """The fee of a return is what banks took beyond the debit's own amount. Interchange is the debtor bank's part of it,
        where the bank's file states it apart; where it does not, the whole fee counts as our own bank's.""",
        """Die Gebühr einer Rückgabe ist, was Banken über den Betrag der Lastschrift hinaus belastet haben. Interbankenentgelt
        ist der Teil der Zahlerbank, wo die Datei der Bank ihn gesondert nennt; sonst zählt alles zur eigenen Bank.""",
    ),
    "forecast": (
        """Expected to fail = expected × failed / decided by amount ({0} of {1} EUR, {2} %; debits due from {3} until {4},
        five bank days before the day of the report, when their returns have come), for each day rounded up to the cent.
        A debit in no file is counted on the first day that its file can still reach.""",
        """Erwarteter Ausfall = erwartet × fehlgeschlagen / entschieden nach Betrag ({0} von {1} EUR, {2} %; Lastschriften,
        fällig von {3} bis {4}, fünf Banktage vor dem Stichtag, wenn ihre Rückgaben da sind), je Tag auf den Cent
        aufgerundet. Eine Lastschrift in keiner Datei zählt am ersten Tag, den ihre Datei noch erreicht.""",
    ),
    "batches": (
        """Difference = sum of a file that left, less what the ledger has of it: credited, rejected, withdrawn,
        unanswered. What was credited and came back later is in both columns, credited and returned.""",
        """Differenz = Summe einer übergebenen Datei abzüglich dessen, was das Hauptbuch davon kennt: gutgeschrieben,
        abgewiesen, zurückgezogen, ohne Antwort. Was gutgeschrieben und später zurückgegeben wurde, steht in beiden
        Spalten.""",
    ),
    "sample": (
        """Sample: of the invoices billed and of the bank lines booked in the period at most {0} each, those whose SHA-256 of
        "{1}:" and their number ("{1}:line:7" for a line) is lowest; another seed draws others.""",
        """Stichprobe: von den im Zeitraum berechneten Rechnungen und gebuchten Bankzeilen je höchstens {0}, deren SHA-256 über
        „{1}:“ und ihre Nummer („{1}:line:7“ für eine Zeile) am niedrigsten ist; ein anderer Startwert zieht andere.""",
    ),
    "stations": (
        """Sensor: counter before -> after, findings that hold / findings, the root of the signed readings. Log: block / place in
        it, the hash of the call. Debit: EndToEndId, its mandate. File: its name and signers, its SHA-256. Answer and bank line:
        the SHA-256 of the bank's file. Posting: debit / credit account, voucher and its link in the voucher chain.""",
        """Sensor: Zählerstand vorher -> nachher, erfüllte / alle Feststellungen, Wurzel der signierten Messwerte. Log: Block /
        Platz darin, Hash des Aufrufs. Lastschrift: EndToEndId, Mandat. Datei: Name und Freigebende, SHA-256. Antwort und
        Bankzeile: SHA-256 der Bankdatei. Buchung: Soll- / Habenkonto, Beleg und sein Glied in der Belegkette.""",
    ),
    "checks": (
        """The first four checks are asked in this view; the others of the rows and bytes as they are while this is written:
        they fail only where something was changed past the program. `bridge check` asks more, of the present.""",
        """Die ersten vier Prüfungen gelten in dieser Sicht; die übrigen gelten den Zeilen und Bytes, wie sie beim Schreiben
        dieses Berichts sind: sie schlagen nur fehl, wo etwas am Programm vorbei geändert wurde. `bridge check` prüft mehr,
        in der Gegenwart.""",
    ),
    "fold": (
        """Whoever reads invoiceCount and invoiceChain of a contract at the block of its last log in view must find these
        figures; a contract of another kind has none.""",
        """Wer invoiceCount und invoiceChain eines Vertrags am Block seines letzten Logs in dieser Sicht liest, muss diese Werte
        finden; ein Vertrag anderer Art hat keine.""",
    ),
    "links": (
        """Voucher chain: up to link {0}, {1}; vouchers not sealed yet: {2}. Note this hash elsewhere:
        `bridge ledger verify --head` finds it again, or not.""",
        """Belegkette: bis Glied {0}, {1}; noch nicht versiegelte Belege: {2}. Dieser Hash gehört an anderer Stelle
        notiert: `bridge ledger verify --head` findet ihn wieder oder nicht.""",
    ),
    "days": (
        """Opening plus the signed columns = closing, by the ledger; the statement's own closing balance beside it. A line
        counts on the day of its booking, under what explains it in this view.""",
        """Anfangsstand plus die Spalten mit ihrem Vorzeichen = Endstand laut Hauptbuch; daneben der Endstand des Auszugs.
        Eine Zeile zählt an ihrem Buchungstag, unter dem, was sie in dieser Sicht erklärt.""",
    ),
    "since": (
        """Debits presented since {0}.""",
        """Lastschriften, eingereicht seit {0}.""",
    ),
    "elsewhere": (
        """Pre-notification: sent elsewhere (the invoice itself announces the debit) {0}""",
        """Vorabankündigung: anderswo (die Rechnung selbst kündigt den Einzug an) {0}""",
    ),
    "chain": (
        """Voucher chain: link {0}, {1}""",
        """Belegkette: Glied {0}, {1}""",
    ),
}


def word(key: str, lang: str) -> str:
    """The word in English or German. Raises UnknownName for a key that is none: a bug."""
    if key not in WORDS:
        raise UnknownName(f"{key!r} is no word of a report")
    return WORDS[key][LANGUAGES.index(lang)]


def note(key: str, lang: str, *values: str) -> str:
    """The sentence in English or German, on one line, with these values in it."""
    return " ".join(NOTES[key][LANGUAGES.index(lang)].split()).format(*values)
