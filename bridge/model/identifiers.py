"""Pure: is this IBAN, BIC, creditor identifier or reference what it claims to be? The only door to schwifty and stdnum.

Malformed values are refused with BadInput before anything is stored; what only *may* be wrong (national check digits, a bank code
that no registry knows) is a warning for finance, because such an account can be real. Messages never hold a whole IBAN, and never
the text of a reference: a column that slipped may have put a name there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING

from bridge.errors import BadInput

if TYPE_CHECKING:
    from schwifty import IBAN

# EPC409-09 v8.0 (24 Dec 2025): 41 countries; IBAN lengths from the SWIFT registry. An own table, because schwifty 2026.10.1's
# in_sepa_zone lacks AL MD ME MK RS and counts NC PF TF WF, which are no part of SEPA.
# fmt: off
EEA: Mapping[str, int] = MappingProxyType(
    {
        "AT": 20, "BE": 16, "BG": 22, "HR": 21, "CY": 28, "CZ": 24, "DK": 18, "EE": 20, "FI": 18, "FR": 27,
        "DE": 22, "GR": 27, "HU": 28, "IS": 26, "IE": 22, "IT": 27, "LV": 21, "LI": 21, "LT": 20, "LU": 20,
        "MT": 31, "NL": 18, "NO": 15, "PL": 28, "PT": 25, "RO": 24, "SK": 24, "SI": 19, "ES": 24, "SE": 24,
    }
)
# fmt: on
OUTSIDE_EEA: Mapping[str, int] = MappingProxyType(
    {"AL": 28, "AD": 24, "CH": 21, "GB": 22, "MC": 27, "MD": 24, "ME": 22, "MK": 19, "RS": 22, "SM": 27, "VA": 22}
)
# Territories: Gibraltar has an IBAN prefix of its own and is treated as outside the EEA. The others use GB, FI or FR in the IBAN
# and show only in a BIC (or, PM, nowhere: a French IBAN may belong to Saint-Pierre-et-Miquelon and cannot be told apart).
TERRITORIES_WITH_IBAN: Mapping[str, int] = MappingProxyType({"GI": 23})
TERRITORIES_WITHOUT_IBAN = frozenset({"GG", "JE", "IM", "AX", "GF", "GP", "MQ", "YT", "RE", "BL", "MF", "PM"})

IBAN_LENGTHS: Mapping[str, int] = MappingProxyType({**EEA, **OUTSIDE_EEA, **TERRITORIES_WITH_IBAN})

# What every SEPA bank takes (EPC217-08, EPC130-08): text and references alike.
SEPA_CHARACTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/-?:().,'+ ")
# What German banks take in names and texts beyond it (DFUe agreement, Anlage 3, chapter 2.1); never in references.
GERMAN_CHARACTERS = frozenset("ÄÖÜäöüß&*$%")
REFERENCE_MAX = 35

# Below this, schwifty's list of a country's banks is a sample (Malta: 1, Monaco: 1), and a code missing from it says nothing.
REGISTRY_BANKS_MIN = 10

# Letters count as 10 .. 35 in the check digits of ISO 7064.
_BASE36 = {ord("A") + offset: str(10 + offset) for offset in range(26)}
_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{8,30}")
_BIC = re.compile(r"[A-Z0-9]{4}[A-Z]{2}[A-Z0-9]{2}(?:[A-Z0-9]{3})?")
_CREDITOR_REFERENCE = re.compile(r"RF[0-9]{2}[A-Z0-9]{1,21}")
CREDITOR_REFERENCE_MAX = 21
_CREDITOR_ID = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{3}[A-Z0-9]{1,28}")
_CREDITOR_ID_DE = re.compile(r"DE[0-9]{2}[A-Z0-9]{3}0[0-9]{10}")


@dataclass(frozen=True, slots=True)
class IbanVerdict:
    """An IBAN that may be debited (upper case, no blanks), its country and national bank code, what finance should look at."""

    iban: str = field(repr=False)
    country: str
    bank_code: str
    warnings: tuple[str, ...]


def check_iban(text: str) -> IbanVerdict:
    """Accept an IBAN of a SEPA country; refuse a wrong length, structure or check digit.

    Blanks and case do not matter. National check digits that do not compute and a bank code missing from the registry become
    warnings: registries lag behind mergers, and only the bank knows. Raises BadInput with the masked value.
    """
    iban = _compact(text)
    fault = iban_fault(iban)
    if fault:
        raise BadInput(f"IBAN {mask(iban)}: {fault}")
    parsed = _parse(iban)
    return IbanVerdict(iban=iban, country=iban[:2], bank_code=parsed.bank_code, warnings=_warnings(parsed))


def iban_fault(iban: str) -> str | None:
    """Say why a normalised IBAN cannot be debited by SEPA, or None: country, length and ISO 7064 mod 97-10 check digits.

    Structure beyond that (digits where a country wants digits) is ``check_iban``'s.
    """
    if not _IBAN.fullmatch(iban):
        return "this is not an IBAN (two letters, two digits, then letters and digits, at most 34 characters)"
    if iban[:2] not in IBAN_LENGTHS:
        return f"{iban[:2]} is not in SEPA, so it cannot be collected by SEPA direct debit"
    if len(iban) != IBAN_LENGTHS[iban[:2]]:
        return f"{len(iban)} characters instead of the {IBAN_LENGTHS[iban[:2]]} of {iban[:2]}"
    # 02 .. 98: the aliases 00, 01 and 99 satisfy mod 97 too, but no bank ever issued them.
    if 98 - _mod97(iban[4:] + iban[:2] + "00") != int(iban[2:4]):
        return "the check digits are wrong; a character was mistyped"
    return None


def mask(iban: str) -> str:
    """Show an IBAN's country, check digits and last four characters ("DE89…3000"); of anything else nothing at all."""
    compact = _compact(iban)
    return f"{compact[:4]}…{compact[-4:]}" if _IBAN.fullmatch(compact) else "…"


def bic_of(iban: str) -> str | None:
    """The BIC that schwifty's registry gives for an IBAN's bank code (8 or 11 characters), or None where it knows none."""
    compact = _compact(iban)
    if iban_fault(compact):
        return None
    bic = _parse(compact).bic
    return None if bic is None else str(bic)


def bank_code(iban: str) -> str | None:
    """The national bank code in an IBAN (Germany: Bankleitzahl), which names a bank and no account; None where it has none."""
    compact = _compact(iban)
    if iban_fault(compact):
        return None
    return _parse(compact).bank_code or None


def in_eea(country: str) -> bool:
    """Whether a debit to an account of this IBAN country needs neither BIC nor address (Regulation 260/2012).

    Raises BadInput for a country that is not in SEPA at all.
    """
    if country not in IBAN_LENGTHS:
        raise BadInput(f"country {country!r} is not in SEPA")
    return country in EEA


def check_bic(text: str) -> str:
    """Accept a BIC (ISO 9362:2022, 8 or 11 characters) of a SEPA country; returned in upper case. Raises BadInput.

    "NOTPROVIDED" has the shape of a Romanian BIC and is refused by name: without a BIC the field stays empty.
    """
    bic = _compact(text)
    fault = bic_fault(bic)
    if fault:
        raise BadInput(f"BIC: {fault}")
    return bic


def bic_fault(bic: str) -> str | None:
    """Say what is wrong with a normalised BIC, or None."""
    if bic == "NOTPROVIDED":
        return "NOTPROVIDED is not a BIC; leave the field empty"
    if not _BIC.fullmatch(bic):
        return "8 or 11 letters and digits are needed, the country at positions 5 and 6"
    if bic[4:6] not in IBAN_LENGTHS and bic[4:6] not in TERRITORIES_WITHOUT_IBAN:
        return f"its country {bic[4:6]} is not in SEPA"
    return None


def check_creditor_id(text: str) -> str:
    """Accept a SEPA creditor identifier (EPC262-08, AT-E005); returned in upper case without blanks. Raises BadInput.

    The check digits leave out positions 5 to 7, the creditor business code: a mistyped business code is never noticed. Only
    German lengths are enforced (18); the list of the other countries is the EPC's and not public enough to hard-code.
    """
    identifier = _compact(text)
    fault = creditor_id_fault(identifier)
    if fault:
        raise BadInput(f"creditor identifier: {fault}")
    return identifier


def creditor_id_fault(identifier: str) -> str | None:
    """Say what is wrong with a normalised creditor identifier, or None: its shape, its country, its check digits."""
    from stdnum.eu import at_02

    if not identifier:
        return "it is missing"
    if not _CREDITOR_ID.fullmatch(identifier):
        return "8 to 35 letters and digits are needed: country, two check digits, business code (ZZZ), national part"
    if identifier[:2] not in IBAN_LENGTHS:
        return f"its country {identifier[:2]} is not in SEPA"
    if identifier.startswith("DE") and not _CREDITOR_ID_DE.fullmatch(identifier):
        return "a German one has 18 characters: DE, two check digits, business code (ZZZ), 0 and ten digits"
    # Not at_02.validate: it strips stray characters and takes the aliases 00, 01 and 99 of mod 97.
    if at_02.calc_check_digits(identifier) != identifier[2:4]:
        return f"{identifier[:7]}…: the check digits are wrong; a character was mistyped"
    return None


def creditor_reference_fault(reference: str) -> str | None:
    """Say what is wrong with a structured creditor reference (ISO 11649, "RF18539007547034"), or None."""
    from stdnum import iso11649
    from stdnum.exceptions import ValidationError

    if not _CREDITOR_REFERENCE.fullmatch(reference):
        return "RF, two check digits and 1 to 21 capital letters or digits are needed"
    try:
        iso11649.validate(reference)
    except ValidationError:
        return "the check digits are wrong; a character was mistyped"
    return None


def creditor_reference(text: str) -> str:
    """The structured reference made of a text of 1 to 21 letters and digits; other characters are left out.

    Raises BadInput where nothing is left, or more than fits.
    """
    from stdnum.iso7064 import mod_97_10

    body = re.sub(r"[^A-Z0-9]", "", text.upper())
    if not 1 <= len(body) <= CREDITOR_REFERENCE_MAX:
        raise BadInput(f"a structured reference is made of 1 to {CREDITOR_REFERENCE_MAX} letters and digits, not of {len(body)}")
    return f"RF{mod_97_10.calc_check_digits(body + 'RF')}{body}"


def creditor_key(creditor_id: str) -> str:
    """A creditor identifier without its business code (positions 5 to 7): what a mandate reference is unique under.

    ``DE98ZZZ09999999999`` and ``DE98ABC09999999999`` are the same creditor. Upper case without blanks.
    """
    identifier = _compact(creditor_id)
    return identifier[:4] + identifier[7:]


def check_mandate_id(text: str) -> str:
    """Accept a mandate reference: 1 to 35 SEPA characters, outer blanks removed. Raises BadInput. See ``reference_fault``."""
    return _check_reference("mandate reference", text)


def check_end_to_end_id(text: str) -> str:
    """Accept an EndToEndId: 1 to 35 SEPA characters, outer blanks removed. Raises BadInput. See ``reference_fault``."""
    return _check_reference("EndToEndId", text)


def reference_fault(reference: str) -> str | None:
    """Say what is wrong with a reference (message, block, EndToEndId, mandate), or None.

    1 to 35 characters of the SEPA set, not blank at either end, no "/" at either end and no "//" (EPC230-15). The schemas let
    the slashes through; the banks do not have to.
    """
    if not reference.strip():
        return "it is empty"
    if len(reference) > REFERENCE_MAX:
        return f"it has {len(reference)} characters, {REFERENCE_MAX} are allowed"
    foreign = [(place, char) for place, char in enumerate(reference, start=1) if char not in SEPA_CHARACTERS]
    if foreign:
        place, char = foreign[0]
        return f"the character {char!r} at position {place} is not allowed; use A-Z a-z 0-9 + ? / - : ( ) . , ' and blanks"
    if reference != reference.strip():
        return "it begins or ends with a blank"
    if reference.startswith("/") or reference.endswith("/") or "//" in reference:
        return "it begins or ends with '/' or contains '//'"
    return None


def _check_reference(what: str, text: str) -> str:
    reference = text.strip(" ")
    fault = reference_fault(reference)
    if fault:
        raise BadInput(f"{what}: {fault}")
    return reference


def _compact(text: str) -> str:
    """Without blanks, in upper case; text outside ASCII stays as it is, so that no upper() can turn it into a valid letter."""
    joined = "".join(text.split())
    return joined.upper() if joined.isascii() else joined


def _mod97(text: str) -> int:
    return int(text.translate(_BASE36)) % 97


def _parse(iban: str) -> IBAN:
    """Let schwifty check the national structure. Imported here: it takes 0.15 s, which ``bridge --help`` need not pay."""
    from schwifty import IBAN
    from schwifty.exceptions import SchwiftyException

    try:
        return IBAN(iban)
    except SchwiftyException:
        # Its message quotes the account number, so it is neither repeated nor chained.
        raise BadInput(f"IBAN {mask(iban)}: bank code or account number are not built like those of {iban[:2]}") from None


def _warnings(iban: IBAN) -> tuple[str, ...]:
    found = []
    if not _national_digits_right(iban):
        found.append(f"IBAN {mask(iban)}: the account number's own check digit does not compute; have the debtor confirm it")
    if iban.bank is None and _knows_banks_of(iban.country_code):
        found.append(f"IBAN {mask(iban)}: bank code {iban.bank_code} is in no list of {iban.country_code} banks; is it closed?")
    return tuple(found)


def _national_digits_right(iban: IBAN) -> bool:
    """False only where a country's algorithm says no; a country without a known algorithm is taken at its word."""
    import warnings

    from schwifty.exceptions import InvalidBBANChecksum, NationalChecksumNotVerified

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NationalChecksumNotVerified)
        try:
            iban.bban.validate_national_checksum()
        except InvalidBBANChecksum:
            return False
    return True


@cache
def _knows_banks_of(country: str) -> bool:
    from schwifty import registry

    return len(registry.get_banks_by_country(country)) >= REGISTRY_BANKS_MIN
