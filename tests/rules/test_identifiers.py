"""IBAN, BIC, creditor identifier and references: what is refused, what is only a warning, and what is never shown."""

from __future__ import annotations

import csv
import subprocess
import sys

import pytest

from bridge.errors import BadInput
from bridge.model import identifiers
from tests.testdata import TESTDATA


def accepted(text: str) -> bool:
    try:
        identifiers.check_iban(text)
    except BadInput:
        return False
    return True


def test_a_good_iban_has_no_warning() -> None:
    """A normal account is accepted with its country and bank code, and nothing to look at."""
    verdict = identifiers.check_iban("DE89370400440532013000")

    assert (verdict.iban, verdict.country, verdict.bank_code) == ("DE89370400440532013000", "DE", "37040044")
    assert verdict.warnings == ()


@pytest.mark.parametrize("text", ["DE89 3704 0044 0532 0130 00", " de89370400440532013000\n", "De89\u00a03704004405 32013000"])
def test_blanks_and_case_do_not_matter(text: str) -> None:
    """What people type is brought into one form."""
    assert identifiers.check_iban(text).iban == "DE89370400440532013000"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("DE88370400440532013000", "DE88…3000: the check digits are wrong"),
        ("DE8937040044053201300", "21 characters instead of the 22 of DE"),
        ("TR330006100519786457841326", "TR is not in SEPA"),
        ("XX89370400440532013000", "XX is not in SEPA"),
        ("DE89AA0400440532013000", "the check digits are wrong"),
        ("Erika Mustermann", "IBAN …: this is not an IBAN"),
        ("", "this is not an IBAN"),
        ("DE8９370400440532013000", "this is not an IBAN"),
        ("DE89-3704-0044-0532-0130-00", "this is not an IBAN"),
    ],
)
def test_wrong_ibans_are_refused_masked(text: str, words: str) -> None:
    """Checksum, length, country and characters are refused, and the message shows at most the ends of the value."""
    with pytest.raises(BadInput, match=words) as refused:
        identifiers.check_iban(text)

    assert "370400440532013" not in str(refused.value)
    assert "Erika" not in str(refused.value)
    assert refused.value.__cause__ is None


def test_wrong_structure_is_refused_masked() -> None:
    """An IBAN whose check digits are right but whose bank code has letters is refused by the country's structure."""
    with pytest.raises(BadInput, match="DE14…3000: bank code or account number are not built like those of DE"):
        identifiers.check_iban("DE14AA0400440532013000")


@pytest.mark.parametrize("digits", ["00", "01", "99"])
def test_aliases_of_check_digits_are_refused(digits: str) -> None:
    """Digits outside 02 to 98 can satisfy mod 97, but no bank issues them."""
    assert not accepted(f"DE{digits}370400440532013000")
    assert not any(accepted(f"BE{digits}{account:012d}") for account in range(200))


def test_national_check_digit_is_a_warning() -> None:
    """A German account number whose own check digit is wrong may still exist: finance is told, the account is taken."""
    verdict = identifiers.check_iban("DE21500500009876543210")

    assert verdict.warnings == (
        "IBAN DE21…3210: the account number's own check digit does not compute; have the debtor confirm it",
    )


def test_unknown_bank_is_a_warning() -> None:
    """A bank code in no list may be new or closed: finance is told, the account is taken."""
    verdict = identifiers.check_iban("DE87200500001234567890")

    assert verdict.warnings == ("IBAN DE87…7890: bank code 20050000 is in no list of DE banks; is it closed?",)


@pytest.mark.parametrize("iban", ["MT84MALT011000012345MTLCAST001S", "MC5811222000010123456789030"])
def test_short_bank_lists_say_nothing(iban: str) -> None:
    """Where the registry knows a handful of banks, a missing one is no news."""
    assert identifiers.check_iban(iban).warnings == ()


def test_sepa_is_41_countries_and_gibraltar() -> None:
    """30 in the EEA, 11 outside, and Gibraltar with a prefix of its own (EPC409-09 v8.0)."""
    assert (len(identifiers.EEA), len(identifiers.OUTSIDE_EEA), len(identifiers.IBAN_LENGTHS)) == (30, 11, 42)
    assert identifiers.in_eea("NO")
    assert not any(identifiers.in_eea(country) for country in ("CH", "GB", "AL", "ME", "MD", "MK", "RS", "GI"))
    with pytest.raises(BadInput, match="'NC' is not in SEPA"):
        identifiers.in_eea("NC")


@pytest.mark.parametrize(
    ("iban", "shown"),
    [("DE89370400440532013000", "DE89…3000"), ("de89 3704 0044 0532 0130 00", "DE89…3000"), ("Erika Mustermann", "…"), ("", "…")],
)
def test_mask(iban: str, shown: str) -> None:
    """Four characters at each end of an IBAN, nothing of anything else."""
    assert identifiers.mask(iban) == shown


def test_verdict_hides_its_iban() -> None:
    """The IBAN stays out of repr, and so out of logs."""
    assert "370400440532013" not in repr(identifiers.check_iban("DE87200500001234567890"))


def test_bic_of_an_iban() -> None:
    """The registry knows the BIC of common banks, and says None otherwise."""
    assert identifiers.bic_of("DE89370400440532013000") == "COBADEFFXXX"
    assert identifiers.bic_of("DE87200500001234567890") is None
    assert identifiers.bic_of("nonsense") is None


@pytest.mark.parametrize("bic", ["COBADEFFXXX", "cobadeff", "POFICHBEXXX", "BARCGGSP", "NWBKGI21", "1234DEFF"])
def test_good_bics(bic: str) -> None:
    """8 or 11 characters of a SEPA country or territory, in upper case."""
    assert identifiers.check_bic(bic) == bic.upper()


@pytest.mark.parametrize("bic", ["NOTPROVIDED", "COBADEF", "COBADEFFXX", "CHASUS33", "COBAD3FF", "", "COBADEFFXXÜ"])
def test_bad_bics(bic: str) -> None:
    """NOTPROVIDED has the shape of a BIC and is none; other countries and shapes are refused."""
    with pytest.raises(BadInput, match="BIC"):
        identifiers.check_bic(bic)


@pytest.mark.parametrize(
    ("text", "valid"),
    [
        ("DE98ZZZ09999999999", True),
        ("DE98ABC09999999999", True),
        ("de98 zzz0 9999 999999", True),
        ("DE97ZZZ09999999999", False),
        ("DE74ZZZ09999999999", False),
        ("DE98ZZZ0999999999", False),
        ("DE98---09999999999", False),
        ("DE98mmm09999999999", True),
        ("", False),
    ],
)
def test_creditor_ids(text: str, valid: bool) -> None:
    """The German test identifier, its variations, and what only looks like one. stdnum would swallow hyphens and a small m."""
    if valid:
        assert identifiers.check_creditor_id(text) == text.replace(" ", "").upper()
    else:
        with pytest.raises(BadInput):
            identifiers.check_creditor_id(text)


def test_creditor_key_has_no_business_code() -> None:
    """One creditor with two business codes is one creditor; mandates are unique under it."""
    assert identifiers.creditor_key("DE98ZZZ09999999999") == "DE9809999999999"
    assert identifiers.creditor_key("de98 abc 09999999999") == identifiers.creditor_key("DE98ZZZ09999999999")


@pytest.mark.parametrize("text", ["MND 1", "A", "a/b", "x" * 35, " padded "])
def test_good_references(text: str) -> None:
    """A slash or blank inside is allowed; outer blanks go."""
    assert identifiers.check_mandate_id(text) == text.strip()
    assert identifiers.check_end_to_end_id(text) == text.strip()


@pytest.mark.parametrize("text", ["", "   ", "/a", "a/", "a//b", "Mü1", "a\tb", "a\nb", "x" * 36, "a_b", "a&b"])
def test_bad_references(text: str) -> None:
    """No schema catches the slashes; banks may refuse them all the same."""
    with pytest.raises(BadInput, match="mandate reference"):
        identifiers.check_mandate_id(text)
    with pytest.raises(BadInput, match="EndToEndId"):
        identifiers.check_end_to_end_id(text)


def test_a_refused_reference_is_not_repeated() -> None:
    """A column that slipped may have put a name where a reference belongs."""
    with pytest.raises(BadInput) as refused:
        identifiers.check_mandate_id("Jürgen Müller")

    assert "rgen" not in str(refused.value)


def test_schwifty_is_imported_late() -> None:
    """Importing the module is cheap: neither schwifty nor stdnum is loaded before the first check."""
    code = "import sys, bridge.model.identifiers; print({'schwifty', 'stdnum'} & set(sys.modules))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert found.stdout == "set()\n"


if TESTDATA is not None:

    def vectors(name: str) -> list[dict[str, str]]:
        with TESTDATA.joinpath("vectors", name).open(encoding="utf-8", newline="") as lines:
            return list(csv.DictReader(lines))

    def test_iban_vectors() -> None:
        """Of the listed IBANs exactly the valid ones of SEPA countries are accepted."""
        rows = vectors("iban_vectors.csv")
        expected = {row["iban"]: row["valid"] == "yes" and row["iban"][:2] in identifiers.IBAN_LENGTHS for row in rows}

        assert len(rows) == 129
        assert {iban: accepted(iban) for iban in expected} == expected
        assert sum(expected.values()) == 46

    @pytest.mark.parametrize("row", vectors("creditor_id_vectors.csv"), ids=lambda row: row["creditor_identifier"] or "empty")
    def test_creditor_id_vectors(row: dict[str, str]) -> None:
        """The check digits leave out the business code; lower case is brought into upper."""
        text = row["creditor_identifier"]
        if row["valid"].startswith("yes"):
            assert identifiers.check_creditor_id(text) == text.upper()
        else:
            with pytest.raises(BadInput, match="creditor identifier"):
                identifiers.check_creditor_id(text)

    @pytest.mark.parametrize("row", vectors("mandate_id_vectors.csv"), ids=lambda row: row["mandate_id"] or "empty")
    def test_mandate_id_vectors(row: dict[str, str]) -> None:
        """1 to 35 characters of the SEPA set."""
        if row["expected"] == "valid":
            assert identifiers.check_mandate_id(row["mandate_id"]) == row["mandate_id"]
        else:
            with pytest.raises(BadInput, match="mandate reference"):
                identifiers.check_mandate_id(row["mandate_id"])
