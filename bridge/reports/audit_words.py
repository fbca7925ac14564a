"""The words of an audit report: stations, facts of vouchers, checks. In English a fact and a check keep their own names."""

from __future__ import annotations

from bridge.reports.words import LANGUAGES

STATIONS: dict[str, tuple[str, str]] = {
    "sensor": ("sensor", "Sensor"),
    "log": ("log on chain", "Log auf der Chain"),
    "debit": ("debit", "Lastschrift"),
    "notice": ("notice", "Ankündigung"),
    "file": ("file", "Datei"),
    "answer": ("bank's answer", "Antwort der Bank"),
    "bank_line": ("bank line", "Bankzeile"),
    "posting": ("posting", "Buchung"),
}
#: what a voucher books, as rules/lifecycle.py names it; "undone" is said of each in the same way
FACTS: dict[str, str] = {
    "invoice final": "Rechnung berechnet",
    "invoice cancelled": "Rechnung storniert",
    "invoice orphaned": "Rechnung verwaist",
    "paid on chain": "auf der Chain bezahlt",
    "opening": "Anfangsstand",
    "opening, overdrawn": "Anfangsstand, überzogen",
    "bank credit": "Gutschrift der Bank",
    "bank debit": "Belastung der Bank",
    "submitted": "übergeben",
    "rejected": "abgewiesen",
    "settled": "gutgeschrieben",
    "returned": "zurückgegeben",
    "late credit": "späte Gutschrift",
    "late debit": "späte Belastung",
    "bank fee": "Bankgebühr",
    "bank fee given back": "Bankgebühr erstattet",
    "interchange": "Interbankenentgelt",
    "interchange given back": "Interbankenentgelt erstattet",
    "line to line": "Zeile gegen Zeile",
    "transfer": "Überweisung",
    "refund": "Rückzahlung",
    "refund bounced": "Rückzahlung zurückgekommen",
    "not ours": "fremd",
    "not ours, paid": "fremd, ausgezahlt",
    "withdrawn": "zurückgezogen",
    "credit used": "Guthaben verwendet",
    "written off": "ausgebucht",
    "loss made good": "Ausbuchung ausgeglichen",
}

ACCOUNTS: dict[str, str] = {
    "Bank": "Bank",
    "Billed": "Berechnet",
    "Charges": "Gebühren",
    "Interchange": "Interbankenentgelt",
    "Clearing": "Verrechnung",
    "Loss": "Ausbuchungen",
    "NotOurs": "Fremdes Geld",
    "Opening": "Anfangsbestand",
    "Receivable": "Forderungen",
    "Suspense": "Zwischenkonto",
    "Token": "Token",
}
#: what a check says, by its id
GERMAN = {
    "bank": "Bank ist je Konto der Endstand des letzten gebuchten Auszugs",
    "clearing": "Verrechnung ist je Einzug, was unterwegs ist",
    "suspense": "Zwischenkonto ist je Bankzeile ihr nicht erklärter Rest",
    "proof": "der Betrag jeder Rechnung ist dort, wo ihre Teile sagen",
    "invoices": "jede Rechnung sagt, was ihr Log auf der Chain sagt",
    "amounts": "jede Lastschrift zieht den Betrag ihrer Rechnung und des Logs ein",
    "members": "jede Datei nennt Anzahl und Summe ihrer Lastschriften",
    "sealed": "die versiegelten Bytes enthalten die Lastschriften, die die Zeilen nennen",
    "signatures": "jede Datei ging mit den Freigaben hinaus, die sie braucht",
    "documents": "jede aufbewahrte Datei hat die Prüfsumme von damals",
    "statements": "jeder gebuchte Auszug ergibt seinen Endstand",
    "statement-chain": "gebuchte Auszüge schließen lückenlos aneinander an",
    "references": "jede Zeile, auf die eine andere verweist, ist da",
    "vouchers": "jeder Beleg hat die Buchungen, mit denen er gebucht wurde",
    "voucher-chain": "die Belegkette ist ganz und umfasst, was das letzte Glied finden musste",
    "payloads": "jeder Beleg hat die Prüfsumme dessen, was gebucht wurde",
    "accounts": "jede Buchung geht zwischen den Konten ihres Vorgangs",
    "matches": "jede Bankzeile ist durch das erklärt, was die Bank in ihr sagt",
    "undone": "was zurückgenommen wurde, wurde als Ganzes zurückgenommen",
    "written-off": "zwei Personen stimmten jeder Ausbuchung zu",
    "moves": "jeder Stand ist der, den seine letzte Bewegung nennt",
    "histories": "jede Folge von Bewegungen ist lückenlos, und jede Bewegung ist eine erlaubte",
    "triggers": "die Trigger, die Geldzeilen schützen, sind da, wie wir sie setzten",
}


def station(key: str, lang: str) -> str:
    """What a station on an invoice's way is called."""
    return STATIONS[key][LANGUAGES.index(lang)]


def fact(name: str, lang: str) -> str:
    """What a voucher books; in English it has its own name."""
    plain = name.removesuffix(" undone")
    return name if lang == "en" else FACTS[plain] + (", zurückgenommen" if plain != name else "")


def account(name: str, lang: str) -> str:
    """A ledger account; in German with its own name, by which postings know it."""
    return name if lang == "en" or ACCOUNTS[name] == name else f"{ACCOUNTS[name]} ({name})"


def title(check_id: str, english: str, lang: str) -> str:
    """What a check says; one without a German sentence says it in English."""
    return GERMAN.get(check_id, english) if lang == "de" else english
