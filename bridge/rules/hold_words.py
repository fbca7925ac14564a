"""The sentences that say why an invoice or a debit waits, English and German side by side. Pure.

``{0}`` and so on stand for the values of the sentence. What a person wrote as his reason is none of them.
"""

from __future__ import annotations

#: (English, German)
SENTENCES: tuple[tuple[str, str], ...] = (
    # rules.eligibility
    ("the currency is {0}; only EUR can be collected", "die Währung ist {0}; nur EUR kann eingezogen werden"),
    ("no mandate for debtor {0}...; import one", "kein Mandat für Zahler {0}...; eines einlesen"),
    (
        "more than one mandate fits this debtor ({0}); revoke all but one",
        "mehr als ein Mandat passt zu diesem Zahler ({0}); alle bis auf eines widerrufen",
    ),
    (
        "mandate {0} lapses on {1}, 36 months after its last debit; get a new one",
        "Mandat {0} verfällt am {1}, 36 Monate nach dem letzten Einzug; ein neues einholen",
    ),
    (
        "B2B mandate {0} is not yet confirmed with the debtor's bank",
        "Firmenlastschrift-Mandat {0} ist bei der Bank des Zahlers noch nicht bestätigt",
    ),
    ("one-off mandate {0} was already used", "das einmalige Mandat {0} ist schon genutzt"),
    ("{0} of {1} is open; only the whole amount is collected", "{0} von {1} sind offen; nur der ganze Betrag wird eingezogen"),
    ("{0} is above the limit of {1}; a person releases it", "{0} liegen über der Grenze von {1}; jemand gibt es frei"),
    ("an open break is on it: {0}", "dazu ist etwas zu bearbeiten: {0}"),
    # judging
    (
        "it would collect another amount than invoice {0} has; run 'bridge check'",
        "sie zöge einen anderen Betrag ein als Rechnung {0} hat; 'bridge check' aufrufen",
    ),
    (
        "one-off mandate {0} is used by another debit of this file",
        "das einmalige Mandat {0} ist durch eine andere Lastschrift dieser Datei genutzt",
    ),
    (
        "line {0} of the bank names it and is not explained yet",
        "Zeile {0} der Bank nennt sie und ist noch nicht erklärt",
    ),
    (
        "line {0} of the bank is about {1}, an earlier attempt, and is not explained yet",
        "Zeile {0} der Bank betrifft {1}, einen früheren Einzug, und ist noch nicht erklärt",
    ),
    # rules.doubts
    ("debtor {0}... is on the block list", "Zahler {0}... steht auf der Sperrliste"),
    (
        "invoice {0} says the same debtor, machine, period and amount; release it if both are owed",
        "Rechnung {0} nennt denselben Zahler, Maschine, Zeitraum und Betrag; freigeben, wenn beide geschuldet sind",
    ),
    ("{0} is more than {1} times this debtor's usual {2}", "{0} sind mehr als das {1}-fache der bei diesem Zahler üblichen {2}"),
    (
        "{0} would be due of this debtor in {1}; the limit is {2}",
        "{0} wären von diesem Zahler in {1} fällig; die Grenze ist {2}",
    ),
    # rules.notices
    ("its notice of {0} is less than {1} days before {2}", "die Ankündigung vom {0} liegt weniger als {1} Tage vor dem {2}"),
    ("nobody was told of this amount on {0}", "niemandem wurde dieser Betrag zum {0} angekündigt"),
    # custody.fitness
    (
        "mandate {0} was amended after the file was made, which says what is no longer so",
        "Mandat {0} wurde nach dem Erstellen der Datei geändert; sie sagt, was nicht mehr gilt",
    ),
    ("the bank took it until {0}", "die Bank nahm sie bis {0} an"),
    # the state of a mandate, and why it came to it
    ("mandate {0} is {1}: {2}", "Mandat {0} ist {1}: {2}"),
    ("mandate {0} is {1}", "Mandat {0} ist {1}"),
    ("{0} came back: {1}", "{0} kam zurück: {1}"),
    (
        "lapsed on {0}: {1} months without a debit presented",
        "verfallen am {0}: {1} Monate ohne eingereichte Lastschrift",
    ),
)
