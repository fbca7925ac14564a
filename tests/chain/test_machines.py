from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from eth_hash.auto import keccak

from bridge.sim.machines import MACHINES, usage, usage_root

UNTIL = date(2026, 11, 16)


def test_the_same_seed_gives_the_same_invoices() -> None:
    """Forty invoices of six machines; the seed decides amounts, references and roots."""
    invoices = usage("demo", until=UNTIL)

    assert len(invoices) == 40
    assert len({invoice.machine for invoice in invoices}) == 6
    assert len({(invoice.agreement_id, invoice.period) for invoice in invoices}) == 40
    assert invoices == usage("demo", until=UNTIL)
    assert not {invoice.debtor_ref for invoice in invoices} & {invoice.debtor_ref for invoice in usage("other", until=UNTIL)}


def test_an_amount_is_units_times_tariff() -> None:
    """Every amount is the base fee and the units times the price, up to the cap; every id and root has 32 bytes, none zero."""
    tariffs = {machine.name: machine.tariff for machine in MACHINES}
    for invoice in usage("demo", until=UNTIL):
        tariff = tariffs[invoice.machine]
        whole = (
            tariff.base_fee
            + sum(  # day by day, as the counter grew
                (after.counter - before) * tariff.unit_price
                for before, after in zip(
                    [invoice.counter_start, *(one.counter for one in invoice.readings)], invoice.readings, strict=False
                )
            )
            // 10**6
        )
        assert invoice.amount_cents == min(whole, tariff.cap) > 0
        for word in (invoice.debtor_ref, invoice.agreement_id, invoice.usage_root, invoice.document_hash):
            assert len(word) == 32
            assert any(word)


def test_periods_follow_each_other_and_fall_due_later() -> None:
    """The last period ends where it was said to, periods of a machine are seamless, and are due 14 days after their end."""
    invoices = usage("demo", until=UNTIL)
    press = [invoice for invoice in invoices if invoice.machine == "press-2"]

    assert datetime.fromtimestamp(press[-1].period_end, UTC) == datetime(2026, 11, 16, tzinfo=UTC)
    assert [after.period_start for after in press[1:]] == [before.period_end for before in press[:-1]]
    due = datetime.fromtimestamp(press[-1].due_date, ZoneInfo("Europe/Berlin"))
    assert due.date() == date(2026, 11, 30)


def test_usage_root_is_a_merkle_root() -> None:
    """Three readings: the first two make a node, the third moves up; leaves and nodes are hashed apart."""
    a, b, c = (keccak(b"\x00" + reading) for reading in (b"a", b"b", b"c"))
    ab = keccak(b"\x01" + a + b)

    assert usage_root([b"a"]) == a
    assert usage_root([b"a", b"b"]) == ab
    assert usage_root([b"a", b"b", b"c"]) == keccak(b"\x01" + ab + c)
