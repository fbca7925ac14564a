"""The contract's token rail, tried with tokens that behave and tokens that do not; and what every call costs in gas."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from datetime import date
from typing import Any

import pytest

from bridge.chain import open_source
from bridge.chain.decoders import decode, invoice_of
from bridge.errors import BadInput
from bridge.records.invoice_log import PaidLog
from bridge.sim import device
from bridge.sim.chain import DemoChain, artefact, ask, calls, encoded
from bridge.sim.machines import usage
from tests.nodes import ROOT

USAGE = usage("tokens", until=date(2026, 11, 16), count=12)
FIRST = USAGE[:6]
STARTED = 1_795_000_000


@pytest.fixture(scope="module")
def trials() -> Mapping[str, Any]:
    """The contracts of contracts/trials/Trials.sol, compiled now."""
    sys.path.insert(0, str(ROOT / "contracts"))
    try:
        import build
    finally:
        sys.path.pop(0)
    found: Mapping[str, Any] = build.trials("Trials")
    return found


@pytest.fixture
def chain() -> DemoChain:
    return DemoChain(started_at=STARTED)


class Token:
    """A token on a chain, and the accounts that use it."""

    def __init__(self, chain: DemoChain, compiled: Mapping[str, Any], name: str, *arguments: int) -> None:
        self.chain, self.compiled = chain, compiled[name]
        self.payer, self.payee = ask(chain.provider, "eth_accounts", [])[1:3]
        self.address = chain.create(self.compiled["bytecode"] + "".join(f"{one:064x}" for one in arguments))
        chain.call(encoded(artefact(), "setPayee", [self.payee]))

    def send(self, function: str, *arguments: Any) -> None:
        self.chain.call(encoded(self.compiled, function, list(arguments)), sender=self.payer, to=self.address)

    def allow(self, units_per_cent: int) -> None:
        self.chain.call(encoded(artefact(), "allowToken", [self.address, units_per_cent]))

    def fund(self, amount: int) -> None:
        self.send("mint", self.payer, amount)
        self.send("approve", self.chain.contract, amount)

    def pay(self, invoice_id: bytes) -> Mapping[str, Any]:
        data = encoded(artefact(), "payWithToken", [invoice_id, self.address])
        return self.chain.call(data, sender=self.payer)

    def balance(self, of: str) -> int:
        asked = {"to": self.address, "data": encoded(self.compiled, "balanceOf", [of])}
        return int(ask(self.chain.provider, "eth_call", [asked, "latest"]), 16)


@pytest.mark.parametrize(("decimals", "units_per_cent"), [(6, 10**4), (18, 10**16)])
def test_an_invoice_is_paid_to_the_cent_in_any_decimals(
    chain: DemoChain, trials: Mapping[str, Any], decimals: int, units_per_cent: int
) -> None:
    """EURC has 6 decimals and EURe 18: the creditor's wallet gets the invoice's amount, once, and the log says who paid what."""
    token = Token(chain, trials, "TrialToken", decimals)
    (invoice_id,) = chain.bill(FIRST[:1])
    amount = FIRST[0].amount_cents * units_per_cent
    token.allow(units_per_cent)
    token.fund(amount * 2)
    token.pay(invoice_id)
    source = open_source(**chain.source("plant-1"))
    head = source.final_head()
    assert head is not None
    (raw,) = source.logs(head.number, head.number)

    assert decode(raw) == PaidLog(invoice_id, token.address, token.payer.lower(), amount)
    assert token.balance(token.payee) == amount
    with pytest.raises(BadInput):
        token.pay(invoice_id)
    with pytest.raises(BadInput):
        chain.cancel(invoice_id, bytes(32))


def test_only_a_listed_token_an_open_invoice_and_enough_of_it(chain: DemoChain, trials: Mapping[str, Any]) -> None:
    """Refused: a token that is not listed or no longer, an unknown or cancelled invoice, too little balance or allowance."""
    token = Token(chain, trials, "TrialToken", 6)
    first, second = chain.bill(FIRST[:2])
    token.fund(FIRST[0].amount_cents * 10**4 - 1)

    def refused(invoice_id: bytes) -> None:
        with pytest.raises(BadInput):
            token.pay(invoice_id)

    refused(first)  # not listed
    token.allow(10**4)
    refused(first)  # one base unit short
    token.fund(10**15)
    refused(b"\x01" * 32)
    chain.cancel(second, bytes(32))
    refused(second)
    token.allow(0)
    refused(first)
    token.allow(10**4)
    chain.call(encoded(artefact(), "setPayee", ["0x" + "00" * 20]))
    refused(first)
    chain.call(encoded(artefact(), "setPayee", [token.payee]))
    token.pay(first)


def test_a_token_that_keeps_a_fee_is_refused(chain: DemoChain, trials: Mapping[str, Any]) -> None:
    """What reaches the wallet must be the amount of the invoice; the invoice stays open."""
    token = Token(chain, trials, "FeeToken")
    (invoice_id,) = chain.bill(FIRST[:1])
    token.allow(10**4)
    token.fund(10**15)

    with pytest.raises(BadInput):
        token.pay(invoice_id)
    assert token.balance(token.payee) == 0


def test_a_token_that_calls_back_pays_nothing_twice(chain: DemoChain, trials: Mapping[str, Any]) -> None:
    """A token that pays again from inside its transfer, this invoice or another, undoes the whole payment."""
    token = Token(chain, trials, "ReentrantToken")
    first, second = chain.bill(FIRST[:2])
    token.allow(10**4)
    token.fund(10**15)
    for again in (first, second):
        token.send("arm", again)
        with pytest.raises(BadInput):
            token.pay(first)
    token.send("arm", bytes(32))
    token.pay(first)


def test_a_look_alike_is_not_ours(chain: DemoChain, trials: Mapping[str, Any]) -> None:
    """The same event from another address is never among the logs of a source."""
    mill = Token(chain, trials, "LogMill")
    (invoice_id,) = chain.bill(FIRST[:1])
    source = open_source(**chain.source("plant-1"))
    head = source.final_head()
    assert head is not None
    (raw,) = (one for one in source.logs(0, head.number) if invoice_of(one))
    mill.send("emitLog", list(raw.topics), raw.data)
    after = source.final_head()
    assert after is not None

    assert [decode(one) for one in source.logs(0, after.number) if invoice_of(one)] == [decode(raw)]
    assert raw.topics[1] == invoice_id
    (foreign,) = open_source(**(chain.source("other") | {"contract": mill.address})).logs(0, after.number)
    assert (foreign.topics, foreign.data) == (raw.topics, raw.data)


def test_the_gas_is_what_the_readme_says(chain: DemoChain, trials: Mapping[str, Any]) -> None:
    """Each call costs what contracts/README.md says of it, to within a fiftieth."""
    told, then = FIRST[0], USAGE[6]
    gas: dict[str, int] = {}

    def measured(name: str, receipt: Mapping[str, Any]) -> None:
        used = receipt["gasUsed"]
        gas[name] = int(used, 16) if isinstance(used, str) else used

    deployed = ask(chain.provider, "eth_getBlockByNumber", ["0x1", True])["transactions"][0]["hash"]
    measured("constructor", ask(chain.provider, "eth_getTransactionReceipt", [deployed]))
    for name, data in zip(
        ["registerDevice", "openAgreement", "submitBatch", "closePeriod"], calls(artefact(), chain.domain, told), strict=True
    ):
        measured(name, chain.call(data))
    for at, name in ((0, "submitReading"), (1, "submitReading, later")):
        one = then.readings[at]
        signature = device.signed_reading(then.device_key, chain.domain, one)
        data = encoded(artefact(), "submitReading", [one.device_id, one.seq, one.read_at, one.counter, signature])
        measured(name, chain.call(data))
    closed = [then.agreement_id, then.period_end, then.due_date, then.document_hash]
    measured("closePeriod, later", chain.call(encoded(artefact(), "closePeriod", closed)))
    source = open_source(**chain.source("plant-1"))
    head = source.final_head()
    assert head is not None
    first, second = (one.invoice_id for raw in source.logs(0, head.number) if (one := invoice_of(raw)))
    token = Token(chain, trials, "TrialToken", 6)
    token.allow(10**4)
    token.fund(10**15)
    measured("payWithToken", token.pay(first))
    measured("attest", chain.call(encoded(artefact(), "attest", [second, 1, b"\x01" * 32])))
    measured("cancelInvoice", chain.call(encoded(artefact(), "cancelInvoice", [second, b"\x01" * 32])))
    readme = (ROOT / "contracts" / "README.md").read_text("utf-8")
    written = {name: int(number.replace(",", "")) for name, number in re.findall(r"\| `([^`]+)`[^|]*\| ([\d,]+) \|", readme)}

    assert written.keys() == gas.keys()
    for name, used in gas.items():
        assert abs(written[name] - used) <= used / 50, (name, used)
