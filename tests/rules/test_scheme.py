"""The scheme rules: each has a file that breaks it and nothing else."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from bridge.records.pain008 import Address, Amendment, DebitBlock, DebitFile, DebitLine
from bridge.rules import scheme
from bridge.rules.scheme import Finding, rule

FIRST = DebitLine(
    end_to_end_id="INV-1-1",
    amount_cents=10_000,
    mandate_id="MND-1",
    signed_on=date(2026, 6, 1),
    debtor_name="Erika Mustermann",
    debtor_iban="DE89370400440532013000",
    remittance="Rechnung INV-1",
)
SECOND = replace(FIRST, end_to_end_id="INV-2-1", mandate_id="MND-2")
SPENT = replace(SECOND, end_to_end_id="INV-3-1")
ADDRESS = Address("Rue du Lac", "1268", "2501", "Biel", "CH")
SWISS = replace(FIRST, debtor_iban="CH9300762011623852957", debtor_bic="POFICHBEXXX", debtor_address=ADDRESS)
BLOCK = DebitBlock(
    pmt_inf_id="MW-1-1",
    scheme="CORE",
    sequence="RCUR",
    due_on=date(2026, 12, 8),
    creditor_name="Musterwerk Maschinen GmbH",
    creditor_iban="DE02120300000000202051",
    creditor_bic="BYLADEM1001",
    creditor_id="DE98ZZZ09999999999",
    debits=(FIRST, SECOND),
)
OTHER = replace(BLOCK, pmt_inf_id="MW-1-2", debits=(replace(FIRST, end_to_end_id="INV-3-1", mandate_id="MND-3"),))
FILE = DebitFile("MW-1", datetime(2026, 11, 23, 8, 30, tzinfo=UTC), "Musterwerk Maschinen GmbH", (BLOCK, OTHER))


def block(**changes: object) -> DebitFile:
    """The file with its second block changed."""
    return replace(FILE, blocks=(BLOCK, replace(OTHER, **changes)))  # type: ignore[arg-type]


def debit(base: DebitLine = FIRST, **changes: object) -> DebitFile:
    """A file of one block whose second debit is changed."""
    changed = replace(base, **({"end_to_end_id": "INV-9-1", "mandate_id": "MND-9"} | changes))  # type: ignore[arg-type]
    return replace(FILE, blocks=(replace(BLOCK, debits=(SECOND, changed)),))


OWN, NAME, RF = BLOCK.creditor_id, BLOCK.creditor_name, "RF18539007547034"
HYBRID = Address(town="Biel", country="CH", lines=("Case postale 12",))
OLD, THREE = Address(country="CH", lines=("Rue du Lac 1268", "2501 Biel")), replace(ADDRESS, lines=("a", "b", "c"))
# id, the file that breaks only this rule, where, and a part of the message
CASES: list[tuple[str, DebitFile, str, str]] = [
    ("SDD-001", block(scheme="B2B"), "file", "CORE and B2B debits in one file"),
    ("SDD-002", replace(FILE, blocks=(replace(BLOCK, scheme="COR1"),)), "block[1]/scheme", "'COR1' is not one of: CORE, B2B"),
    ("SDD-003", block(sequence="RPRE"), "block[2]/sequence", "'RPRE' is not one of: RCUR, FRST, OOFF, FNAL"),
    ("SDD-004", replace(FILE, blocks=()), "file", "no block"),
    ("SDD-004", block(debits=()), "block[2]", "no debit"),
    ("SDD-005", replace(FILE, message_id="MW//1"), "file/message_id", "'//'"),
    ("SDD-005", replace(FILE, message_id="x" * 36), "file/message_id", "36 characters"),
    ("SDD-006", block(pmt_inf_id="MW-1-2/"), "block[2]/pmt_inf_id", "'/'"),
    ("SDD-007", block(pmt_inf_id="MW-1-1"), "block[2]/pmt_inf_id", "same block id"),
    ("SDD-008", debit(end_to_end_id="INV_9"), "block[1]/debit[2]/end_to_end_id", "'_' at position 4"),
    ("SDD-008", debit(end_to_end_id=" "), "block[1]/debit[2]/end_to_end_id", "empty"),
    ("SDD-009", debit(end_to_end_id="INV-2-1"), "block[1]/debit[2]/end_to_end_id", "INV-2-1: an earlier debit"),
    ("SDD-010", debit(amount_cents=0), "block[1]/debit[2]/amount_cents", "INV-9-1"),
    ("SDD-010", debit(amount_cents=-500), "block[1]/debit[2]/amount_cents", "0.01 to 999999999.99"),
    ("SDD-010", debit(amount_cents=100_000_000_000), "block[1]/debit[2]/amount_cents", "0.01 to 999999999.99"),
    ("SDD-025", replace(FILE, initiator_name=""), "file/initiator_name", "initiator's name is empty"),
    ("SDD-026", block(ultimate_creditor=" "), "block[2]/ultimate_creditor", "ultimate creditor's name is empty"),
    ("SDD-026", block(creditor_name="x" * 71), "block[2]/creditor_name", "71 characters"),
    ("SDD-011", debit(debtor_name="Łuk"), "block[1]/debit[2]/debtor_name", "no SEPA bank has to take"),
    ("SDD-011", debit(debtor_name="   "), "block[1]/debit[2]/debtor_name", "empty"),
    ("SDD-011", debit(ultimate_debtor="A # B"), "block[1]/debit[2]/ultimate_debtor", "no SEPA bank"),
    ("SDD-012", debit(remittance=""), "block[1]/debit[2]/remittance", "empty"),
    ("SDD-012", debit(remittance="x" * 141), "block[1]/debit[2]/remittance", "141 characters"),
    ("SDD-012", debit(remittance="a\nb"), "block[1]/debit[2]/remittance", "no SEPA bank"),
    ("SDD-013", debit(mandate_id="/M"), "block[1]/debit[2]/mandate_id", "INV-9-1: mandate reference"),
    ("SDD-014", debit(signed_on=date(2026, 12, 9)), "block[1]/debit[2]/signed_on", "signed 2026-12-09, after"),
    ("SDD-015", debit(mandate_id="mnd-2", signed_on=date(2026, 6, 2)), "block[1]/debit[2]/signed_on", "another signature date"),
    ("SDD-016", block(sequence="OOFF", debits=(SPENT,)), "block[2]/debit[1]/mandate_id", "OOFF is collected more than once"),
    ("SDD-016", block(sequence="OOFF", debits=(replace(SPENT, mandate_id="mnd-2"),)), "block[2]/debit[1]/mandate_id", "OOFF"),
    ("SDD-016", block(sequence="FRST", debits=(SPENT,)), "block[2]/debit[1]/mandate_id", "FRST is collected more than once"),
    ("SDD-016", block(sequence="FNAL", debits=(SPENT,)), "block[2]/debit[1]/mandate_id", "FNAL is collected more than once"),
    ("SDD-017", block(due_on=date(2026, 12, 25)), "block[2]/due_on", "2026-12-25 is not a TARGET day"),
    ("SDD-018", block(creditor_id=""), "block[2]/creditor_id", "missing"),
    ("SDD-018", block(creditor_id="DE98ZZZ0999999999"), "block[2]/creditor_id", "18 characters"),
    ("SDD-018", block(creditor_id="DE97ZZZ09999999999"), "block[2]/creditor_id", "check digits are wrong"),
    ("SDD-027", block(creditor_iban="DE03120300000000202051"), "block[2]/creditor_iban", "DE03…2051: the check digits"),
    ("SDD-019", debit(debtor_iban="TR330006100519786457841326"), "block[1]/debit[2]/debtor_iban", "TR is not in SEPA"),
    ("SDD-019", debit(debtor_iban="de89370400440532013000"), "block[1]/debit[2]/debtor_iban", "not an IBAN"),
    ("SDD-020", debit(SWISS, debtor_bic=None), "block[1]/debit[2]/debtor_bic", "BIC is needed"),
    ("SDD-021", debit(SWISS, debtor_address=None), "block[1]/debit[2]/debtor_address", "outside the EEA"),
    ("SDD-021", debit(SWISS, debtor_address=replace(ADDRESS, street=None)), "block[1]/debit[2]/debtor_address", "street"),
    ("SDD-021", debit(SWISS, debtor_address=replace(ADDRESS, postcode=None)), "block[1]/debit[2]/debtor_address", "postcode"),
    ("SDD-022", debit(debtor_address=Address(country="DE")), "block[1]/debit[2]/debtor_address/town", "no town"),
    ("SDD-022", debit(debtor_address=Address(town="U", country="de")), "block[1]/debit[2]/debtor_address/country", "no country"),
    ("SDD-022", debit(debtor_address=Address(town="U", country="CHE")), "block[1]/debit[2]/debtor_address/country", "no country"),
    ("SDD-022", debit(debtor_address=Address(town="U", country="ÄÖ")), "block[1]/debit[2]/debtor_address/country", "no country"),
    ("SDD-022", debit(debtor_address=replace(ADDRESS, street="x" * 71)), "block[1]/debit[2]/debtor_address/street", "71"),
    ("SDD-022", debit(debtor_address=replace(ADDRESS, building="x" * 17)), "block[1]/debit[2]/debtor_address/building", "17"),
    ("SDD-022", debit(debtor_address=replace(ADDRESS, postcode="x" * 17)), "block[1]/debit[2]/debtor_address/postcode", "17"),
    ("SDD-022", debit(debtor_address=replace(ADDRESS, town="x" * 36)), "block[1]/debit[2]/debtor_address/town", "36"),
    ("SDD-028", block(creditor_bic="BYLADEM"), "block[2]/creditor_bic", "8 or 11"),
    ("SDD-007", block(pmt_inf_id="mw-1-1"), "block[2]/pmt_inf_id", "same block id"),
    ("SDD-009", debit(end_to_end_id="inv-2-1"), "block[1]/debit[2]/end_to_end_id", "inv-2-1: an earlier debit"),
    ("SDD-021", debit(SWISS, debtor_address=replace(HYBRID, lines=())), "block[1]/debit[2]/debtor_address", "free lines"),
    ("SDD-022", debit(debtor_address=THREE), "block[1]/debit[2]/debtor_address/lines", "3 lines"),
    ("SDD-022", debit(debtor_address=replace(ADDRESS, lines=("x" * 71,))), "block[1]/debit[2]/debtor_address/lines[1]", "71"),
    ("SDD-024", debit(debtor_address=OLD), "block[1]/debit[2]/debtor_address", "no town of its own"),
    ("SDD-029", debit(remittance=None), "block[1]/debit[2]/remittance", "neither"),
    ("SDD-029", debit(creditor_reference=RF), "block[1]/debit[2]/remittance", "one of them"),
    ("SDD-030", debit(remittance=None, creditor_reference="RF19539007547034"), "block[1]/debit[2]/creditor_reference", "digits"),
    ("SDD-030", debit(remittance=None, creditor_reference="rf18539007547034"), "block[1]/debit[2]/creditor_reference", "capital"),
    ("SDD-031", debit(purpose="rent"), "block[1]/debit[2]/purpose", "four capital letters"),
    ("SDD-032", debit(amendment=Amendment()), "block[1]/debit[2]/amendment", "nothing that changed"),
    ("SDD-032", debit(amendment=Amendment(mandate_id="MND-9")), "block[1]/debit[2]/amendment/mandate_id", "present one"),
    ("SDD-032", debit(amendment=Amendment(creditor_id=OWN)), "block[1]/debit[2]/amendment/creditor_id", "present one"),
    ("SDD-032", debit(amendment=Amendment(creditor_name=NAME)), "block[1]/debit[2]/amendment/creditor_name", "present one"),
    ("SDD-033", debit(amendment=Amendment(mandate_id="M//9")), "block[1]/debit[2]/amendment/mandate_id", "'//'"),
    ("SDD-033", debit(amendment=Amendment(creditor_id="DE1")), "block[1]/debit[2]/amendment/creditor_id", "8 to 35"),
    ("SDD-033", debit(amendment=Amendment(creditor_name=" ")), "block[1]/debit[2]/amendment/creditor_name", "is empty"),
    ("SDD-023", debit(debtor_bic="NOTPROVIDED"), "block[1]/debit[2]/debtor_bic", "NOTPROVIDED is not a BIC"),
]  # fmt: skip


def test_a_good_file_has_no_findings() -> None:
    """A file of two blocks keeps every rule."""
    assert scheme.check(FILE) == []


@pytest.mark.parametrize(("id_", "file", "path", "words"), CASES, ids=[f"{case[0]}-{n}" for n, case in enumerate(CASES)])
def test_each_rule_alone(id_: str, file: DebitFile, path: str, words: str) -> None:
    """A file that breaks one rule gets one finding, with the rule's id, the place and the reason."""
    (finding,) = scheme.check(file)

    assert (finding.id, finding.path) == (id_, path)
    assert words in finding.message


def test_every_rule_has_a_case() -> None:
    """No rule is without a file that breaks it, and each says where it is written."""
    assert {case[0] for case in CASES} == {rule.id for rule in scheme.RULES.values() if rule.of in ("file", "block", "debit")}
    assert all(rule.source and rule.sentence.endswith(".") for rule in scheme.RULES.values())


def test_swiss_debtor_with_bic_and_address_is_fine() -> None:
    """Outside the EEA BIC and full address are enough; inside neither is asked for."""
    assert scheme.check(debit(SWISS)) == []


@pytest.mark.parametrize("part", ["town", "country"])
def test_swiss_debtor_without_town_or_country(part: str) -> None:
    """An address without town or country is incomplete, and by itself none."""
    file = debit(SWISS, debtor_address=replace(ADDRESS, **{part: None}))  # type: ignore[arg-type]

    assert [finding.id for finding in scheme.check(file)] == ["SDD-021", "SDD-022"]


@pytest.mark.parametrize("sequence", ["RCUR", "FRST", "OOFF", "FNAL"])
def test_the_four_sequences_are_known(sequence: str) -> None:
    """RCUR, FRST, OOFF and FNAL are sequences; a one-off mandate that is used once is spent, not wrong."""
    assert scheme.check(block(sequence=sequence)) == []


def test_both_schemes_are_known() -> None:
    """A file of B2B debits is as good as one of CORE debits."""
    assert scheme.check(replace(FILE, blocks=(replace(BLOCK, scheme="B2B"),))) == []


def test_a_one_off_mandate_number_of_two_creditors() -> None:
    """The one-off mandate MND-2 of another creditor is another mandate."""
    stranger = block(creditor_id="AT88ZZZ00000000001", sequence="OOFF", debits=(SPENT,))

    assert scheme.check(stranger) == []


def test_edges_are_allowed() -> None:
    """Smallest and largest amount, names of 70, texts of 140, ids of 35, full address parts, a signature on the due date."""
    largest = debit(
        amount_cents=99_999_999_999,
        debtor_name="x" * 70,
        remittance="x" * 140,
        end_to_end_id="x" * 35,
        mandate_id="x" * 35,
        signed_on=date(2026, 12, 8),
        debtor_address=Address("x" * 70, "x" * 16, "x" * 16, "x" * 35, "DE"),
    )

    assert scheme.check(largest) == []
    assert scheme.check(debit(amount_cents=1)) == []


def test_same_mandate_number_of_two_creditors() -> None:
    """A mandate reference is unique under its creditor only: two creditors may use MND-2 with other dates."""
    stranger = replace(SECOND, end_to_end_id="INV-3-1", signed_on=date(2026, 5, 5))

    assert scheme.check(block(creditor_id="AT88ZZZ00000000001", debits=(stranger,))) == []


def test_one_creditor_with_two_business_codes() -> None:
    """The business code does not make another creditor, so the mandate is the same."""
    stranger = replace(SECOND, end_to_end_id="INV-3-1", signed_on=date(2026, 5, 5))

    assert [f.id for f in scheme.check(block(creditor_id="DE98ABC09999999999", debits=(stranger,)))] == ["SDD-015"]


def test_findings_hold_no_personal_data() -> None:
    """Neither names nor accounts appear in a finding, even where they are what is wrong."""
    file = debit(debtor_name="Jürgen Müller", debtor_iban="DE88370400440532013000", end_to_end_id="Jürgen Müller")
    text = repr(scheme.check(file))

    assert "rgen" not in text
    assert "0400440532" not in text


def test_findings_are_values() -> None:
    """A finding can be compared and shown."""
    assert scheme.check(debit(amount_cents=0)) == [
        Finding("SDD-010", "block[1]/debit[2]/amount_cents", "INV-9-1: the amount must be 0.01 to 999999999.99 euro")
    ]


def test_a_rule_id_is_used_once() -> None:
    """Entering a second rule under an id is refused."""
    with pytest.raises(ValueError, match="SDD-001 exists twice"):
        rule.of_file("SDD-001", source="x")(scheme.of_file.one_scheme)
