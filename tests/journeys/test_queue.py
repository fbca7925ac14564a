"""What people do with the queue: say what a line is, take it back, use a customer's credit, write off. The journal says it all.

Line 1 to 8 of the first statement: three debits credited; 50.00 from Lindner, 123.45 from Blechwerk a second time; 42.00 that
came by mistake and went back; 53.44 sent to Blechwerk. Line 9, of the second: a debit of Blechwerk came back, fee 3.00.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from bridge.sim.bank import SimBank
from tests import engines
from tests.journeys.plant import OWN_IBAN, Debtor, Plant, config, dump, logs, mandates_csv, recorded_source

CUT, EVENING, LATER = "2026-10-05T09:05", "2026-10-19T18:00", "2026-10-20T09:00"
DUE_ON = date(2026, 10, 15)
A = Debtor("MND-0001", "Blechwerk Süd GmbH", "DE89370400440532013000", b"\xa1" * 32)
B = Debtor("MND-0002", "Fräserei Ölmann & Söhne", "DE02500105170137075030", b"\xb2" * 32)
C = Debtor("", "Hof Lindner", "", b"\xc3" * 32)
#: paid; paid; returned; one without a mandate
BILLED = ((A, 123_45), (B, 200_00), (A, 70_01), (C, 50_00))
ONE, TWO, BACK, LINDNER = (f"plant-1-00000{number}" for number in range(1, 5))


@pytest.fixture(scope="module")
def answered(tmp_path_factory: pytest.TempPathFactory, engine: str) -> Plant:
    """The bank answered, and the rules explained what they can."""
    plant = Plant(tmp_path_factory.mktemp("answered"))
    plant.ok("init", str(plant.folder))
    written = config(recorded_source()).replace('"four-eyes"', '"none"').replace('"portal"', '"folder"')
    (plant.folder / "bridge.toml").write_text(written, "utf-8")
    (plant.folder / "logs.jsonl").write_text(logs(BILLED, due_on=DUE_ON), "utf-8")
    (plant.folder / "mandates.csv").write_text(mandates_csv((A, B)), "utf-8")
    plant.ok("mandate", "import", str(plant.folder / "mandates.csv"), "--actor", "clara", clock=CUT)
    plant.ok("run", clock=CUT)
    (path,) = (plant.folder / "outbox").glob("*.xml")
    bank = SimBank(OWN_IBAN, opening_cents=1_000_00, style="single")
    bank.plan({f"{BACK}-1": "return:AC04:300"})
    bank.upload(path.read_bytes())
    bank.foreign_transfer(50_00, "Hof Lindner", f"Rechnung {LINDNER}")
    bank.foreign_transfer(123_45, "Blechwerk", "doppelt, Entschuldigung")
    bank.foreign_transfer(42_00, "Irrtum AG", "Miete")
    bank.foreign_transfer(-42_00, "Irrtum AG", "zurueck")
    bank.foreign_transfer(-53_44, "Blechwerk", "Guthaben")
    for number, body in enumerate((bank.statement(DUE_ON), bank.statement(date(2026, 10, 19))), 1):
        (plant.folder / f"{number}.xml").write_bytes(body)
        plant.ok("import", str(plant.folder / f"{number}.xml"), clock=EVENING)
    return plant


@pytest.fixture
def plant(answered: Plant, tmp_path: Path) -> Plant:
    """A copy of it, for one story."""
    engines.copy(answered.folder, tmp_path)
    return Plant(tmp_path)


def act(plant: Plant, *words: str, actor: str = "anna") -> str:
    """An act the next morning; what it printed."""
    return plant.ok(*words, "--actor", actor, clock=LATER).out.strip()


def refused(plant: Plant, *words: str) -> str:
    """An act that is refused: no row changes but of the audit trail."""
    before = dump(plant)
    said = plant.here(*words, "--actor", "anna", clock=LATER)
    assert said.code == 1, said.out
    assert dump(plant) == before
    return said.err.removeprefix("bridge: ").strip()


def journal(plant: Plant, *words: str) -> str:
    """The printed journal from the bank's first day on, without what says who recorded it when."""
    printed = plant.ok("ledger", "journal", *words).out
    vouchers = [block.splitlines() for block in printed.split("\n\n")]
    wanted = [lines for lines in vouchers if "2026-10-15" <= lines[0][:10] < "2027"]
    return "\n".join(line.rstrip() for lines in wanted for line in lines if not line.startswith("    ;")).strip()


def holds(plant: Plant) -> None:
    """Every check holds, and the report's difference is zero."""
    report = plant.here("report", "reconciliation", "-f", "json", clock=LATER)
    assert (plant.here("check", clock=LATER).code, report.code, report.json["difference_cents"]) == (0, 0, 0)


def kinds(plant: Plant) -> list[str]:
    return sorted(one["kind"] for one in plant.ok("status", "--json", clock=LATER).json["breaks"])


def states(plant: Plant) -> dict[str, tuple[str, str]]:
    """Number -> the invoice's state and that of its collection ("" without one)."""
    found = plant.ok("invoice", "list", "--json").json
    return {one["number"]: (one["state"], one["collections"][-1]["state"] if one["collections"] else "") for one in found}


def test_the_queue_offers_what_the_text_names(plant: Plant) -> None:
    """Five lines wait: what a person may type stands beside each, and 'show' gives one line with all that is known of it."""
    queue = plant.ok("reconcile", "queue", "--json").json
    shown = plant.ok("reconcile", "show", "9", "--json").json

    assert [(one["entry"], one["amount_cents"], [c["name"] for c in one["candidates"]]) for one in queue] == [
        (4, 50_00, [LINDNER]),
        (5, 123_45, []),
        (6, 42_00, ["line:7"]),
        (7, -42_00, ["line:6"]),
        (8, -53_44, []),
    ]
    assert queue[0]["candidates"][0]["evidence"] == ["number in the text"]
    assert (shown["amount_cents"], shown["open_cents"], shown["by_hand"], shown["statement"][-6:]) == (-73_01, 0, False, "000002")
    assert [(one["fact"], one["cents"], one["voucher"]) for one in shown["explanations"]] == [
        ("returned", -70_01, "line:9:1"),
        ("bank fee", -3_00, "line:9:1"),
    ]


def test_a_customers_own_transfer(plant: Plant) -> None:
    """Lindner has no mandate and paid by himself: his invoice is paid, by transfer, on the day of the line."""
    said = act(plant, "reconcile", "accept", "4", LINDNER)

    assert said == f"line 4: transfer {LINDNER} 50.00 (line:4:1)\nopen: 0.00"
    assert journal(plant, "--invoice", LINDNER) == (
        "2026-10-15 * (line:4:1) transfer\n"
        "    Assets:Suspense:line-4                       50.00 EUR\n"
        f"    Assets:Receivable:{LINDNER}            -50.00 EUR"
    )
    assert states(plant)[LINDNER] == ("paid", "")
    holds(plant)


def test_a_credit_is_taken_back_and_given_to_the_rules_again(plant: Plant) -> None:
    """The debit is in flight again and the line in the queue; no run explains it, until it is released."""
    assert act(plant, "reconcile", "undo", "2", "--reason", "to see") == (
        "voucher line:2:1 is taken back\nline 2 is in your hands now"
    )
    plant.ok("reconcile", "run", clock=LATER)
    assert states(plant)[TWO] == ("collecting", "submitted")
    assert plant.ok("status", "--json", clock=LATER).json["breaks"][-1]["what"] == "its explanation was taken back: to see"
    holds(plant)

    act(plant, "reconcile", "release", "2")
    plant.ok("reconcile", "run", clock=LATER)

    assert states(plant)[TWO] == ("paid", "settled")
    assert journal(plant, "--invoice", TWO) == (
        "2026-10-15 * (line:2:1) settled\n"
        "    Assets:Suspense:line-2                      200.00 EUR\n"
        f"    Assets:Clearing:{TWO}-1           -200.00 EUR\n"
        "2026-10-20 * (undo:line:2:1) settled undone\n"
        f"    Assets:Clearing:{TWO}-1            200.00 EUR\n"
        "    Assets:Suspense:line-2                     -200.00 EUR\n"
        "2026-10-20 * (line:2:2) settled\n"
        "    Assets:Suspense:line-2                      200.00 EUR\n"
        f"    Assets:Clearing:{TWO}-1           -200.00 EUR"
    )
    assert kinds(plant) == ["UNKNOWN_CREDIT", "UNKNOWN_CREDIT", "UNKNOWN_CREDIT", "UNKNOWN_DEBIT", "UNKNOWN_DEBIT"]
    holds(plant)


def test_a_return_goes_before_its_credit(plant: Plant) -> None:
    """A credit on which a return rests is taken back only after it; the fee goes back with the return."""
    assert refused(plant, "reconcile", "undo", "3", "--reason", "x") == f"line:9:1 rests on it: {BACK}-1; take that back first"

    act(plant, "reconcile", "undo", "9", "--reason", "x")
    assert states(plant)[BACK] == ("paid", "settled")
    act(plant, "reconcile", "undo", "3", "--reason", "x")

    assert states(plant)[BACK] == ("collecting", "submitted")
    assert "    Expenses:Charges:line-9                      -3.00 EUR" in journal(plant).splitlines()
    holds(plant)


def test_a_customer_who_paid_twice(plant: Plant) -> None:
    """What came beyond his invoice is his: it pays another one of his, the rest is sent back, and the break closes by itself."""
    act(plant, "reconcile", "accept", "5", ONE)
    assert kinds(plant).count("CUSTOMER_CREDIT") == 1
    assert refused(plant, "reconcile", "accept", "8", TWO).startswith("0.00 EUR of what came for invoice plant-1-000002")
    assert "are not of one customer" in refused(plant, "invoice", "use-credit", ONE, "--for", LINDNER)

    assert act(plant, "invoice", "use-credit", ONE, "--for", BACK) == f"70.01 of {ONE} pays {BACK} (use:1:3:1)"
    act(plant, "reconcile", "accept", "8", ONE)

    assert kinds(plant) == ["UNKNOWN_CREDIT", "UNKNOWN_CREDIT", "UNKNOWN_DEBIT"]
    assert states(plant)[BACK] == ("paid", "returned")
    assert journal(plant, "--invoice", ONE) == (
        "2026-10-15 * (line:1:1) settled\n"
        "    Assets:Suspense:line-1                      123.45 EUR\n"
        f"    Assets:Clearing:{ONE}-1           -123.45 EUR\n"
        "2026-10-15 * (line:5:1) transfer\n"
        "    Assets:Suspense:line-5                      123.45 EUR\n"
        f"    Assets:Receivable:{ONE}           -123.45 EUR\n"
        "2026-10-20 * (use:1:3:1) credit used\n"
        f"    Assets:Receivable:{ONE}             70.01 EUR\n"
        f"    Assets:Receivable:{BACK}            -70.01 EUR\n"
        "2026-10-20 * (line:8:1) refund\n"
        f"    Assets:Receivable:{ONE}             53.44 EUR\n"
        "    Assets:Suspense:line-8                      -53.44 EUR"
    )
    holds(plant)


def test_credit_that_was_spent_holds_what_it_came_from(plant: Plant) -> None:
    """The second payment is taken back only after the use of it: first the credit goes back to the invoice it came from."""
    act(plant, "reconcile", "accept", "5", ONE)
    act(plant, "invoice", "use-credit", ONE, "--for", BACK, "--amount", "20.00")
    assert refused(plant, "reconcile", "undo", "5", "--reason", "x").endswith("rests on line:5:1; take that back first")
    assert states(plant)[BACK] == ("open", "returned")

    assert (
        act(plant, "invoice", "give-back-credit", ONE, "--for", BACK, "--reason", "x") == f"20.00 went back from {BACK} to {ONE}"
    )
    act(plant, "reconcile", "undo", "5", "--reason", "x")

    assert kinds(plant).count("CUSTOMER_CREDIT") == 0
    assert "no credit of invoice" in refused(plant, "invoice", "give-back-credit", ONE, "--for", BACK, "--reason", "x")
    holds(plant)


def test_two_people_write_off_and_what_comes_all_the_same(plant: Plant) -> None:
    """One person twice is one; the second writes it off. A later transfer makes the loss good, and what is beyond is credit."""
    first = act(plant, "invoice", "write-off", BACK, "--reason", "insolvent")
    again = act(plant, "invoice", "write-off", BACK, "--reason", "insolvent")
    assert first == again == f"70.01 of invoice {BACK}: anna agreed; 1 more must run the same"
    assert states(plant)[BACK] == ("open", "returned")

    assert (
        act(plant, "invoice", "write-off", BACK, "--reason", "insolvent", actor="ben")
        == f"70.01 of invoice {BACK} is written off"
    )
    assert states(plant)[BACK] == ("written_off", "returned")
    act(plant, "reconcile", "accept", "5", BACK)

    assert states(plant)[BACK] == ("paid", "returned")
    assert journal(plant, "--invoice", BACK).splitlines()[6:] == [
        "2026-10-20 * (off:3:1) written off",
        f"    Expenses:Loss:{BACK}                 70.01 EUR",
        f"    Assets:Receivable:{BACK}            -70.01 EUR",
        "2026-10-20 * (line:5:1) transfer",
        "    Assets:Suspense:line-5                      123.45 EUR",
        f"    Assets:Receivable:{BACK}           -123.45 EUR",
        f"    Assets:Receivable:{BACK}             70.01 EUR",
        f"    Expenses:Loss:{BACK}                -70.01 EUR",
    ]
    assert kinds(plant).count("CUSTOMER_CREDIT") == 1
    assert "nothing is open" in refused(plant, "invoice", "write-off", BACK, "--reason", "again")
    holds(plant)


def test_lines_that_are_not_ours(plant: Plant) -> None:
    """A credit and the debit that sent it back take each other off; what else is not ours leaves the queue with a reason."""
    assert act(plant, "reconcile", "accept", "6", "line:7") == "line 6: line to line line:7 42.00 (line:6:1)\nopen: 0.00"
    said = act(plant, "reconcile", "ignore", "8", "--reason", "paid by mistake")
    assert said == "line 8: not ours, paid -53.44 (line:8:1)\nopen: 0.00"

    assert (
        "2026-10-15 * (line:6:1) line to line\n"
        "    Assets:Suspense:line-6             42.00 EUR\n"
        "    Assets:Suspense:line-7            -42.00 EUR\n"
        "2026-10-15 * (line:8:1) not ours, paid\n"
        "    Liabilities:NotOurs:line-8             53.44 EUR\n"
        "    Assets:Suspense:line-8                -53.44 EUR\n"
    ) in journal(plant)
    assert plant.ok("report", "reconciliation", "-f", "json", clock=LATER).json["not_ours_cents"] == -53_44
    assert [one["entry"] for one in plant.ok("reconcile", "queue", "--json").json] == [4, 5]
    holds(plant)

    act(plant, "reconcile", "undo", "7", "--reason", "was another one")

    assert [one["entry"] for one in plant.ok("reconcile", "queue", "--json").json] == [4, 5, 6, 7]
    holds(plant)


def test_a_line_is_split(plant: Plant) -> None:
    """One payment for two invoices, less a fee that the customer repaid; what is left stays open and in a person's hands."""
    said = act(plant, "reconcile", "split", "5", f"{BACK}=70.01", f"{LINDNER}=40.00", "--fee", "-3.00")

    assert said.splitlines() == [
        f"line 5: transfer {BACK} 70.01 (line:5:1)",
        f"line 5: transfer {LINDNER} 40.00 (line:5:2)",
        "line 5: bank fee given back fee 3.00 (line:5:3)",
        "open: 10.44",
    ]
    assert (states(plant)[BACK], states(plant)[LINDNER]) == (("paid", "returned"), ("held", ""))
    assert kinds(plant).count("PARTLY_EXPLAINED") == 1
    assert "a person explained a part of line 5" in refused(plant, "reconcile", "release", "5")
    holds(plant)


REFUSALS = [
    (("reconcile", "accept", "5", f"{TWO}-1"), f"{TWO}-1 is 200.00 EUR, this is 123.45 EUR, and no charge that the bank states"),
    (("reconcile", "accept", "5", "plant-9"), "'plant-9' is no EndToEndId and no invoice number that is known"),
    (("reconcile", "accept", "5", ONE, "--amount", "1,00"), "'1,00' is no amount: write euros with two decimals, like 1284.30"),
    (("reconcile", "accept", "5", ONE, "--amount", "0.00"), "0.00 is not above zero"),
    (("reconcile", "accept", "5", ONE, "--amount", "123.46"), "the parts add up to 123.46 EUR, and 123.45 EUR of line 5 is open"),
    (("reconcile", "accept", "1", ONE), "line 1 is explained already; take that back first: bridge reconcile undo 1"),
    (("reconcile", "accept", "99", ONE), "line 99 is none of a booked statement"),
    (("reconcile", "accept", "5", "line:4"), "lines 5 and 4 do not take each other off"),
    (("reconcile", "split", "5", f"{ONE}=1.00", f"{ONE}-1=123.45"), "one invoice is named twice"),
    (("reconcile", "split", "5", ONE), f"'{ONE}' is no part: write NAME=12.34"),
    (("reconcile", "split", "5"), "name at least one part"),
    (("reconcile", "ignore", "5"), "say why line 5 is not ours (--reason)"),
    (("reconcile", "undo", "5", "--reason", "x"), "line 5 is not explained; there is nothing to take back"),
    (
        ("reconcile", "undo", "1", "--voucher", "line:2:1", "--reason", "x"),
        "voucher of line 1 'line:2:1' is not one of: line:1:1",
    ),
    (("reconcile", "undo", "1"), "say why the explanation of line 1 is taken back (--reason)"),
    (("reconcile", "release", "5"), "line 5 is in no person's hands; there is nothing to give back"),
    (("invoice", "write-off", TWO, "--reason", "x"), f"{TWO}-1 is settled; invoice {TWO} is written off only after it"),
    (("invoice", "write-off", BACK), f"say why invoice {BACK} is written off (--reason)"),
    (("invoice", "use-credit", ONE, "--for", BACK), f"0.00 EUR of invoice {ONE} is the customer's credit, 70.01 EUR of invoice"),
]


@pytest.mark.parametrize(("words", "why"), REFUSALS, ids=[" ".join(words) for words, _ in REFUSALS])
def test_what_would_be_wrong_is_refused(plant: Plant, words: tuple[str, ...], why: str) -> None:
    """The refusal says what, which one, and what to do; and no row changes."""
    assert refused(plant, *words).startswith(why)
