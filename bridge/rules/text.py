"""Pure: turn any text into what every SEPA bank takes (EPC217-08), readable for the debtor.

Letters lose their accents by Unicode decomposition; what has none (ß, Ø, Greek, Cyrillic, punctuation) is in the small tables
below. The EPC's own table is larger and may not be copied; this agrees with it except where it gives a full stop for a
letter that has a plain Latin base (Ō, Ǎ ...) and for a lone accent: a readable name is worth more to the debtor than a dot.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Set as AbstractSet

from bridge.model.identifiers import SEPA_CHARACTERS

# "Alternativ auch zulaessig" in Anlage 3 of the German DFUe agreement; EPC217-08 alone would turn Mueller into Muller.
_GERMAN = {"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "ß": "ss", "ẞ": "SS"}

_PUNCTUATION = dict(zip(';[]{}\\|`_~&"', ",()()//'--+'", strict=True)) | {
    "¿": "?",
    # Not in the EPC table, but what office programs type.
    **dict.fromkeys("‘’‚‛“”„‟‹›′″", "'"),
    **dict.fromkeys("‐‑‒–—―−", "-"),
    "…": "...",
    "€": "E",
}

_LATIN = {
    "Æ": "A", "æ": "a", "Ð": "D", "ð": "d", "Ø": "O", "ø": "o", "Þ": "T", "þ": "t", "ß": "s", "ẞ": "S", "Đ": "D", "đ": "d",
    "Ħ": "H", "ħ": "h", "ı": "i", "Ĳ": "I", "ĳ": "i", "Ŀ": "L", "ŀ": "l", "Ł": "L", "ł": "l", "Œ": "O", "œ": "o",
    "Ŧ": "T", "ŧ": "t",
}  # fmt: skip

_GREEK = "αa βv γg δd εe ζz ηi θth ιi κk λl μm νn ξx οo πp ρr ςs σs τt υy φf χch ψps ωo"
_CYRILLIC = "аa бb вv гg дd еe жzh зz иi йy кk лl мm нn оo пp рr сs тt уu фf хh цts чch шsh щsht ъa ьy юyu яya"
_LETTERS = {pair[0]: pair[1:] for pair in f"{_GREEK} {_CYRILLIC}".split()}

_OWN: dict[str, str] = {
    **_PUNCTUATION,
    **_LATIN,
    **_LETTERS,
    **{letter.upper(): plain.upper() for letter, plain in _LETTERS.items()},
}


def sepa_text(text: str, *, limit: int, german: bool = True, known: AbstractSet[str] = SEPA_CHARACTERS) -> str:
    """Return ``text`` in SEPA characters, at most ``limit`` of them (at least 1), without blanks at the ends or doubled.

    Transliterate first, then collapse, trim and cut: ß grows into ss, so cutting first would still overrun. No "/" at either end
    and no "//" (EPC230-15). Where the input has a letter the result is never empty. ``german``: ä ö ü ß become ae oe ue ss.
    ``known``: the characters that a bank takes, where it takes more.
    """
    if limit < 1:
        raise ValueError("limit must be at least 1")
    plain = transliterate(text, german=german, known=known)
    while "//" in plain:
        plain = plain.replace("//", "/")
    return " ".join(plain.split()).strip("/ ")[:limit].rstrip("/ ")


def transliterate(text: str, *, german: bool = True, known: AbstractSet[str] = SEPA_CHARACTERS) -> str:
    """Replace every character outside the SEPA set; what has no equivalent becomes a full stop, as EPC217-08 says.

    Any white space becomes a blank; accents typed as characters of their own join their letter first; invisible format characters
    (zero-width joiners, direction marks) disappear.
    """
    composed = unicodedata.normalize("NFC", text)
    if SEPA_CHARACTERS.issuperset(composed):
        return composed
    return "".join(_plain(char, german=german, known=known) for char in composed)


def _plain(char: str, *, german: bool, known: AbstractSet[str]) -> str:
    if char in known:
        return char
    if german and char in _GERMAN:
        return _GERMAN[char]
    if char in _OWN:
        return _OWN[char]
    if char in "\t\n\v\f\r\u2028\u2029" or unicodedata.category(char) == "Zs":
        return " "
    # U+00AD, the soft hyphen, stands in the EPC table with a full stop; the rest of its kind does not.
    if unicodedata.combining(char) or (unicodedata.category(char) in ("Cf", "Mn", "Me") and char != "\u00ad"):
        return ""
    base = unicodedata.normalize("NFD", char)[0]
    return _plain(base, german=german, known=known) if base != char else "."
