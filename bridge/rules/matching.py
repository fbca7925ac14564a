"""What explains a bank line. Pure.

In order of certainty: a bank fee by its code; the EndToEndId of each detail; the PmtInfId or MsgId of a lump sum with count and
sum; where the bank gives neither, rules.naming says whom a detail means. Exactly one candidate or a Break; zero tolerance except
charges. Candidates come in upper case.
Source: EPC130-08 for references, DK Anlage 3 for GVC codes; fee shapes are inside, beside or silent.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

from bridge.rules.lifecycle import Decision, Verdict
from bridge.rules.lines import BreakRow, Candidate, DetailFacts, Explained, Line, Part, Pass, Result

#: a return fee that the bank does not state apart is believed up to this; beyond it a person looks
SILENT_FEE_MAX_CENTS = 3_000
#: PMNT families and GVC codes of credit transfers: received, issued, batch, real-time, standing order (ISO 20022; DK Anlage 3)
TRANSFER_FAMILIES = frozenset({"RCDT", "ICDT", "RRCT", "IRCT"})
TRANSFER_CODES = frozenset({"152", "153", "154", "155", "156", "159", "166", "167", "168", "169", "191", "194"})
FEE_FAMILIES = ("CHRG", "FEES", "COMM")
#: of the German codes 8xx only these are fees: 820 is a transfer between own accounts, 833 cash concentrating
FEE_CODES = tuple(str(code) for code in range(801, 812))
FAILED = ("rejected", "withdrawn")
NOT_SENT = ("pending", "held", "batched")


def explain(line: Line, seen: Pass) -> Result:
    """Explain what can be explained of one line; the rest stays open, with the Break that says why."""
    names_debits = any(detail.end_to_end_id and detail.end_to_end_id != "NOTPROVIDED" for detail in line.details)
    code = None if names_debits else _fee_code(line)
    if line.open_cents < 0 and code is not None:
        fee = Part("bank fee", line.open_cents)
        return Result((Explained("FEE", f"bank code {code}", line.closes_on, (fee,), opens=_high_fee(line, line.open_cents)),))
    if any(_candidate(detail, seen) for detail in line.details if not detail.done):
        return _by_details(line, seen)
    if line.members_settled:
        return Result()
    if any(detail.done for detail in line.details):
        return Result(opens=(_unknown_detail(line),))
    if line.members and line.amount_cents > 0 and not names_debits:
        return _by_batch(line, seen)
    return Result(opens=(_unknown(line),))


def _fee_code(line: Line) -> str | None:
    """The code by which the bank calls the line a fee, if one does."""
    if line.bank_code is not None and line.bank_code.split("/")[-1] in FEE_FAMILIES:
        return line.bank_code
    return line.bank_code_own if _second(line.bank_code_own, "+") in FEE_CODES else None


def is_transfer(bank_code: str | None, bank_code_own: str | None) -> bool:
    """The payer's own credit transfer, by the bank's code: it may carry any EndToEndId, also that of our debit."""
    return _second(bank_code, "/") in TRANSFER_FAMILIES or _second(bank_code_own, "+") in TRANSFER_CODES


def _second(code: str | None, separator: str) -> str | None:
    """The family of "PMNT/RCDT/ESCT", the GVC of "NTRF+166+9310"."""
    parts = code.split(separator) if code is not None else []
    return parts[1] if len(parts) > 1 else None


def _high_fee(line: Line, cents: int) -> tuple[BreakRow, ...]:
    """A charge above the limit is booked as the bank states it, and a person looks."""
    if -cents <= SILENT_FEE_MAX_CENTS:
        return ()
    what = f"the bank kept {euro(-cents)} as a charge on {line.booked_on}"
    return (("HIGH_FEE", f"charge:{line.id}", what, "ask the bank what it is for"),)


def _candidate(detail: DetailFacts, seen: Pass) -> Candidate | None:
    return seen.by_end_to_end.get(detail.end_to_end_id.upper()) if detail.end_to_end_id else None


def _by_details(line: Line, seen: Pass) -> Result:
    total = sum(_amount(line, detail) or 0 for detail in line.details)
    kept = line.amount_cents - total
    if kept and kept != line.charges_cents:
        what = f"its details add up to {euro(total)}, the line is {euro(line.amount_cents)}"
        return Result(opens=(("DETAIL_SUM", f"entry:{line.id}", what, "ask the bank for the right details"),))
    explained: list[Explained] = []
    opens: list[BreakRow] = []
    for detail in line.details:
        candidate = _candidate(detail, seen)
        if detail.done or candidate is None or candidate.invoice_id in seen.touched:
            continue
        found = _one_detail(line, detail, candidate, seen)
        if isinstance(found, Explained):
            explained.append(found)
            seen.touched.add(candidate.invoice_id)
        elif found is not None:
            opens.append(found)
    nothing_done = not any(detail.done for detail in line.details)
    if kept and explained and nothing_done and not line.fee_booked:
        of_entry = tuple(charge_parts(kept, line.interchange_cents))
        explained.append(Explained("FEE", "charges stated at the entry", line.closes_on, of_entry))
    if any(_candidate(detail, seen) is None for detail in line.details):
        opens.append(_unknown_detail(line))
    return Result(tuple(explained), tuple(opens))


def _amount(line: Line, detail: DetailFacts) -> int | None:
    if detail.amount_cents is not None:
        return detail.amount_cents
    return line.amount_cents if len(line.details) == 1 else None


def _one_detail(line: Line, detail: DetailFacts, candidate: Candidate, seen: Pass) -> Explained | BreakRow | None:
    amount = _amount(line, detail)
    name = candidate.end_to_end_id
    if amount is None:
        return "DETAIL_SUM", f"entry:{line.id}", f"no amount is given for {name}", "ask the bank for the amounts of this line"
    if candidate.account_id != line.account_id:
        return "OTHER_ACCOUNT", f"entry:{line.id}", f"{name} was collected on another account", "ask the bank why it came here"
    if amount >= 0:
        return _credit(line, detail, candidate, amount)
    if not detail.is_return:
        what = f"a debit names {name}, but the bank does not call it a return"
        return "RETURN_WITHOUT_REASON", f"entry:{line.id}", what, "ask the bank what it is, then explain it"
    return _debit(line, detail, candidate, amount, seen)


def _credit(line: Line, detail: DetailFacts, candidate: Candidate, amount: int) -> Explained | BreakRow | None:
    if is_transfer(line.bank_code, line.bank_code_own):
        what = f"a transfer names {candidate.end_to_end_id}; the debit itself may still come"
        return "TRANSFER_NAMES_DEBIT", f"entry:{line.id}", what, "see whether the customer paid twice"
    kept = amount - candidate.amount_cents
    if kept > 0 or kept not in (0, detail.charges_cents):
        return _amount_differs(line, candidate, amount)
    decision = candidate.hear("settled")
    if decision.verdict is not Verdict.MOVE:
        return _not_now(line, candidate, decision)
    late = decision.kind == "LATE_CREDIT"
    parts = [Part("late credit" if late else "settled", candidate.amount_cents, candidate, decision.to_state)]
    parts += charge_parts(kept, detail.interchange_cents)
    opens = ((late_credit(candidate),) if late else ()) + _high_fee(line, kept)
    return _explained(line, detail, candidate, parts, opens)


def _debit(line: Line, detail: DetailFacts, candidate: Candidate, amount: int, seen: Pass) -> Explained | BreakRow | None:
    fee = -amount - candidate.amount_cents
    if not believable(fee, detail):
        return _amount_differs(line, candidate, amount)
    decision = candidate.hear("returned")
    if candidate.state in FAILED:
        return _line_to_line(line, detail, candidate, fee, seen)
    if decision.verdict is not Verdict.MOVE:
        return _not_now(line, candidate, decision)
    if decision.kind == "LATE_DEBIT" and candidate.late_cents < candidate.amount_cents:
        if candidate.elsewhere:
            return None  # a debit before its credit waits for it
        what = f"{candidate.end_to_end_id} is already {candidate.state} and was debited again"
        return "SECOND_RETURN", f"entry:{line.id}", what, "ask the bank; a return can be booked only once"
    fact = "late debit" if decision.kind == "LATE_DEBIT" else "returned"
    parts = [Part(fact, -candidate.amount_cents, candidate, decision.to_state, detail.reason or "")]
    parts += charge_parts(-fee, stated_interchange(line, detail, fee))
    return _explained(line, detail, candidate, parts, _high_fee(line, -fee))


def _line_to_line(line: Line, detail: DetailFacts, candidate: Candidate, fee: int, seen: Pass) -> Explained | None:
    """The bank booked a rejected debit as credit and debit: take the one off the other."""
    for credit in seen.open_credits.get(candidate.id, ()):
        left = credit.open_cents - seen.spent.get(credit.entry_id, 0)
        if left >= candidate.amount_cents:
            seen.spent[credit.entry_id] = seen.spent.get(credit.entry_id, 0) + candidate.amount_cents
            parts = [Part("line to line", -candidate.amount_cents, candidate, None, detail.reason or "", credit.entry_id)]
            parts += charge_parts(-fee, stated_interchange(line, detail, fee))
            booked_on = max(line.closes_on, credit.closes_on)
            return Explained("LINE_TO_LINE", f"EndToEndId {candidate.end_to_end_id}", booked_on, tuple(parts), detail.id)
    return None


def believable(fee: int, detail: DetailFacts) -> bool:
    """A return's fee: none, what the bank states, or where it states nothing, up to a limit and never negative."""
    stated = -detail.charges_cents
    return fee in (0, stated) if stated else 0 <= fee <= SILENT_FEE_MAX_CENTS


def charge_parts(cents: int, interchange_cents: int) -> Iterator[Part]:
    """What was kept (below zero) or given back, the debtor bank's part of it as a posting of its own."""
    interchange = interchange_cents if cents else 0
    for fact, own in (("interchange", interchange), ("bank fee", cents - interchange)):
        if own:
            yield Part(fact, own)


def stated_interchange(line: Line, detail: DetailFacts, fee: int) -> int:
    """What of a return's fee is the debtor bank's; the charges of the only detail may stand at the entry."""
    of_entry = not detail.charges_cents and len(line.details) == 1 and fee == -line.charges_cents
    return line.interchange_cents if of_entry else detail.interchange_cents


def _explained(
    line: Line, detail: DetailFacts, candidate: Candidate, parts: Sequence[Part], opens: tuple[BreakRow, ...]
) -> Explained:
    booked_on = max(line.closes_on, candidate.closes_on)
    rule, evidence = detail.named_by
    if not rule:
        rule, evidence = "EndToEndId", f"EndToEndId {candidate.end_to_end_id}"
    return Explained(rule, evidence, booked_on, tuple(parts), detail.id, opens)


def contained(line_gross_cents: int, count: int | None, booked_on: date, members: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """The members that a lump sum holds: all, or all but the rejects known when it was booked; empty where it is neither.

    A member that was rejected later is among them: the bank credited it, and its debit is still to come.
    """
    known = {m.id for m in members if m.state in FAILED and m.rejected_on is not None and m.rejected_on <= booked_on}
    for inside in (tuple(members), tuple(member for member in members if member.id not in known)):
        if count in (None, len(inside)) and line_gross_cents == sum(member.amount_cents for member in inside):
            return inside
    return ()


def _by_batch(line: Line, seen: Pass) -> Result:
    """A lump sum: all members, or all but the rejects known when it was booked; anything else settles nothing."""
    if any(member.invoice_id in seen.touched for member in line.members):
        return Result()
    unsent = next((member for member in line.members if member.state in NOT_SENT and not member.elsewhere), None)
    if unsent is not None:
        return Result(opens=(_not_sent(line, unsent),))
    if any(member.account_id != line.account_id for member in line.members):
        what = f"a lump sum names {line.members[0].end_to_end_id} and others, which were collected on another account"
        return Result(opens=(("OTHER_ACCOUNT", f"entry:{line.id}", what, "ask the bank why it came here"),))
    gross = line.amount_cents - line.charges_cents
    inside = contained(gross, line.batch_count, line.booked_on, line.members)
    if not inside:
        total = sum(member.amount_cents for member in line.members)
        what = f"{euro(gross)} is neither all of the batch ({euro(total)}) nor all but its known rejects"
        return Result(opens=(("BATCH_SUM", f"entry:{line.id}", what, "ask the bank for the details of this line"),))
    to_settle = [member for member in inside if member.state not in FAILED]
    heard = {member.id: member.hear("settled") for member in to_settle}
    late = [member for member in to_settle if heard[member.id].kind == "LATE_CREDIT"]
    settled = [member for member in to_settle if heard[member.id].to_state == "settled"]
    credited = any(member.closes_on <= line.booked_on and not member.elsewhere for member in late)
    if len(late) + len(settled) < len(to_settle) or credited:
        what = "a lump sum came for a batch of which a part was already credited"
        return Result(opens=(("SECOND_CREDIT", f"entry:{line.id}", what, "ask the bank; see whether it must be sent back"),))
    if not to_settle:
        return Result()
    seen.touched.update(member.invoice_id for member in to_settle)
    return Result(tuple(_lump_sum(line, settled, late)))


def _lump_sum(line: Line, settled: Sequence[Candidate], late: Sequence[Candidate]) -> Iterator[Explained]:
    """One voucher for the members it settles; one for those that a later line credited already (its statement was read first)."""
    evidence = f"{len(settled) + len(late)} of {len(line.members)} members"
    fee = tuple(charge_parts(line.charges_cents, line.interchange_cents))
    if settled:
        booked_on = max(line.closes_on, *(member.closes_on for member in settled))
        parts = tuple(Part("settled", member.amount_cents, member, "settled") for member in settled)
        yield Explained("BATCH", evidence, booked_on, parts + fee)
    if late:
        booked_on = max(line.closes_on, *(member.closes_on for member in late))
        parts = tuple(Part("late credit", member.amount_cents, member) for member in late)
        opens = tuple(late_credit(member) for member in late)
        yield Explained("BATCH", evidence, booked_on, parts if settled else parts + fee, None, opens)


def late_credit(candidate: Candidate) -> BreakRow:
    what = f"{candidate.end_to_end_id} was credited although it is {candidate.state}"
    return "LATE_CREDIT", f"invoice:{candidate.invoice_id}", what, "see whether the customer must be refunded"


def _not_now(line: Line, candidate: Candidate, decision: Decision) -> BreakRow | None:
    return _not_sent(line, candidate) if decision.kind == "NEVER_SENT" else None


def _not_sent(line: Line, candidate: Candidate) -> BreakRow:
    if candidate.unclear:
        what = f"the bank has {candidate.end_to_end_id}, which stands in several files, and nobody said which one was uploaded"
        return "UPLOAD_UNCLEAR", f"entry:{line.id}", what, "say which one: bridge batch mark-uploaded"
    what = f"{candidate.end_to_end_id} is {candidate.state} and stands in no file that went to the bank"
    return "NEVER_SENT", f"entry:{line.id}", what, "ask the bank where it has this debit from"


def _amount_differs(line: Line, candidate: Candidate, amount: int) -> BreakRow:
    what = f"{candidate.end_to_end_id} is {euro(candidate.amount_cents)}, the bank says {euro(amount)}, and no charge explains it"
    return "AMOUNT_DIFF", f"entry:{line.id}", what, "ask the bank what the difference is"


def _unknown(line: Line) -> BreakRow:
    kind, then = (
        ("UNKNOWN_CREDIT", "find out who paid and for what")
        if line.open_cents > 0
        else ("UNKNOWN_DEBIT", "find out who was paid and why")
    )
    return kind, f"entry:{line.id}", f"{euro(line.open_cents)} on {line.booked_on} names nothing that we know", then


def _unknown_detail(line: Line) -> BreakRow:
    what = "a part of it names nothing that we know"
    return "UNKNOWN_DETAIL", f"entry:{line.id}", what, "find out who paid, then explain the rest"


def euro(cents: int) -> str:
    sign = "-" if cents < 0 else ""
    return f"{sign}{abs(cents) // 100:,}.{abs(cents) % 100:02d} EUR"
