"""A bank to practise with: takes pain.008 files, answers with pain.002 and camt.053. For the demo, for training and for tests.

It reads and writes XML by itself (bank_files) and shares no code with the readers and writers it talks to, or both could be wrong
in the same way. It has no clock and no chance: every date is given, and the same calls write the same bytes. State is one dict of
plain values.
Message versions: pain.008.001.08 in, pain.002.001.10 and camt.053.001.08 out.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from bridge.errors import BadInput
from bridge.sim import bank_files

STYLES = ("batch", "single", "detailed")
FEES = ("inside", "apart", "beside", "silent")
_DONE = ("credited_cents", "debited_cents", "fee_cents")


class SimBank:
    """One account at a bank that does with each debit what a plan says.

    ``style`` is how collections are credited: "batch" (one entry for a block, naming it, without details), "single" (one entry
    each; also for a block with BtchBookg=false) or "detailed" (one entry with all its details). ``net``: rejected debits are
    left out of a batch credit; otherwise the credit is the block's whole sum and each reject is debited again beside it.
    ``fees`` is how a return shows its fee: "inside" the amount with a charge record, "apart" with two records (the debtor
    bank's half and this bank's), "beside" as an entry of its own, or "silent", inside without a word. A return is booked
    ``return_days`` after the due date.

    The plan maps an EndToEndId, PmtInfId or MsgId to "accept", "reject:AC04", or (EndToEndId only) "return:MD06",
    "return:MD06:300" (fee in cents), "return:MD06:300:silent"; what is not named is accepted.
    """

    def __init__(
        self,
        iban: str,
        *,
        opening_cents: int = 0,
        style: str = "batch",
        net: bool = True,
        fees: str = "inside",
        return_days: int = 2,
        state: dict[str, Any] | None = None,
    ) -> None:
        if style not in STYLES or fees not in FEES:
            raise BadInput(
                f"The simulated bank credits as one of {', '.join(STYLES)}, and shows fees as one of {', '.join(FEES)}"
            )
        self._state: dict[str, Any] = state or {
            "iban": iban,
            "opening_cents": opening_cents,
            "balance_cents": opening_cents,
            "balance_on": None,
            "sequence": 0,
            "reports": 0,
            "style": style,
            "net": net,
            "fees": fees,
            "return_days": return_days,
            "plan": {},
            "files": {},
            "uploads": [],
            "debits": [],
            "waiting": [],
            "lines": [],
            "last_statement": None,
        }

    @classmethod
    def load(cls, path: Path) -> SimBank:
        """Return the bank that ``save`` wrote. Raises BadInput where the file is not one."""
        try:
            state = json.loads(path.read_text("utf-8"))
            return cls(state["iban"], state=state)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise BadInput(f"The simulated bank's state in {path.name} cannot be read: {type(error).__name__}") from None

    def save(self, path: Path) -> None:
        """Write the whole state as JSON, in one move."""
        fresh = path.with_name(path.name + ".new")
        fresh.write_text(json.dumps(self._state, indent=1, sort_keys=True), "utf-8")
        fresh.replace(path)

    @property
    def iban(self) -> str:
        """The account that is credited."""
        return str(self._state["iban"])

    @property
    def sequence(self) -> int:
        """How many statements were written."""
        return int(self._state["sequence"])

    @property
    def reports(self) -> int:
        """How many status reports were written."""
        return int(self._state["reports"])

    def plan(self, wishes: Mapping[str, str]) -> None:
        """Say what happens to debits, blocks or files by their id; must come before the upload."""
        for wish in wishes.values():
            _wish(wish)
        self._state["plan"].update(wishes)

    def upload(self, xml: bytes) -> None:
        """Take a pain.008.001.08. A MsgId that was taken before is not executed again; ``status_report`` then answers DUPL."""
        document = bank_files.parse(xml)
        message_id = document["message_id"]
        again = message_id in self._state["files"]
        self._state["uploads"].append({"message_id": message_id, "duplicate": again})
        if again:
            return
        for block in document["blocks"]:
            if block["iban"] != self.iban:
                raise BadInput(f"Block {block['pmt_inf_id']} is for an account that this simulated bank does not keep")
        whole = _wish(self._state["plan"].get(message_id, "accept"))
        for block in document["blocks"]:
            of_block = _wish(self._state["plan"].get(block["pmt_inf_id"], "accept"))
            for debit in block.pop("debits"):
                wish = next(
                    (w for w in (whole, of_block) if w["what"] == "reject"),
                    _wish(self._state["plan"].get(debit["e2e"], "accept")),
                )
                where = {key: block[key] for key in ("pmt_inf_id", "due_on", "scheme", "creditor")} | {"message_id": message_id}
                self._state["debits"].append(
                    {**debit, **where, **wish, "state": "rejected" if wish["what"] == "reject" else "taken"}
                )
            block["reason"] = of_block["reason"]
        self._state["files"][message_id] = {"blocks": document["blocks"], "reason": whole["reason"]}

    def foreign_transfer(self, amount_cents: int, name: str, text: str, iban: str = "AT611904300234573201") -> None:
        """Let a stranger pay in (a negative amount: be paid); on the next statement. The IBAN is Austria's official example."""
        self._wait("transfer", amount_cents, name=name, text=text, iban=iban)

    def bank_fee(self, fee_cents: int, text: str = "Kontofuehrung") -> None:
        """Charge the account; on the next statement."""
        self._wait("fee", -fee_cents, text=text)

    def status_report(self, created_on: date) -> bytes:
        """Answer the last upload with a pain.002: a rejection explains itself at exactly one level, only rejects are listed."""
        if not self._state["uploads"]:
            raise BadInput("The simulated bank has taken no file yet")
        self._state["reports"] += 1
        upload = self._state["uploads"][-1]
        debits = [debit for debit in self._state["debits"] if debit["message_id"] == upload["message_id"]]
        file = self._state["files"][upload["message_id"]]
        return bank_files.status_report(upload, file, debits, number=self._state["reports"], created_on=created_on)

    def statement(self, day: date) -> bytes:
        """Book everything that is due by this day and return the day's camt.053; its balances continue the statement before."""
        state = self._state
        if state["balance_on"] is not None and day.isoformat() <= state["balance_on"]:
            raise BadInput(f"The statement of {state['balance_on']} is written; {day.isoformat()} is not after it")
        opening, opened_on = state["balance_cents"], state["balance_on"] or (day - timedelta(days=1)).isoformat()
        state["sequence"] += 1
        lines = [*self._credits(day), *self._returns(day), *state["waiting"]]
        state["waiting"] = []
        for ordinal, line in enumerate(lines):
            line |= {"statement": state["sequence"], "ordinal": ordinal, "booked_on": day.isoformat()}
            line.setdefault("value_on", day.isoformat())
            state["balance_cents"] += line["amount_cents"]
        state["lines"] += lines
        state["balance_on"] = day.isoformat()
        xml = bank_files.statement(
            lines, iban=self.iban, sequence=state["sequence"], opened_on=opened_on, day=day, opening_cents=opening,
            closing_cents=state["balance_cents"],
        )  # fmt: skip
        state["last_statement"] = xml.decode()
        return xml

    def repeat_last_statement(self) -> bytes:
        """Return the last statement again, byte for byte."""
        if self._state["last_statement"] is None:
            raise BadInput("The simulated bank has written no statement yet")
        return bytes(self._state["last_statement"].encode())

    def truth(self) -> dict[str, Any]:
        """Return what really happened, as plain values: balance, lines, and for each EndToEndId what became of it."""
        debits: dict[str, dict[str, Any]] = {}
        for debit in self._state["debits"]:
            known = debits.setdefault(debit["e2e"], {"times": 0, "amount_cents": debit["cents"], **dict.fromkeys(_DONE, 0)})
            known["times"] += 1
            for key in _DONE:
                known[key] += debit.get(f"done_{key}", 0)
            known |= {
                "outcome": debit["state"],
                "reason": debit["reason"] if debit["state"] in ("rejected", "returned") else None,
            }
        lines = self._state["lines"]
        shown = ("statement", "ordinal", "kind", "booked_on", "amount_cents", "fee_cents", "end_to_end_ids")
        return {
            "iban": self.iban,
            "opening_cents": self._state["opening_cents"],
            "balance_cents": self._state["balance_cents"],
            "debits": debits,
            "lines": [copy.deepcopy({key: line[key] for key in shown}) for line in lines],
            "statements": self._state["sequence"],
            "fees_cents": sum(-line["amount_cents"] if line["kind"] == "fee" else line["fee_cents"] for line in lines),
            "transfers_cents": sum(line["amount_cents"] for line in lines if line["kind"] == "transfer"),
        }

    # --- what is booked --------------------------------------------------------------------------------------------------------

    def _wait(self, kind: str, amount_cents: int, **more: Any) -> None:
        self._state["waiting"].append(_line(kind, amount_cents, **more))

    def _credits(self, day: date) -> list[dict[str, Any]]:
        lines: list[dict[str, Any]] = []
        members: dict[tuple[str, str], list[dict[str, Any]]] = {}
        for debit in self._state["debits"]:
            members.setdefault((debit["message_id"], debit["pmt_inf_id"]), []).append(debit)
        for message_id, file in self._state["files"].items():
            for block in file["blocks"]:
                if block.get("booked") or block["due_on"] > day.isoformat():
                    continue
                block["booked"] = True
                lines += self._credit_of_block(block, members.get((message_id, block["pmt_inf_id"]), []), message_id)
        return lines

    def _credit_of_block(self, block: dict[str, Any], debits: list[dict[str, Any]], message_id: str) -> list[dict[str, Any]]:
        single = self._state["style"] == "single" or block["batch_booking"] is False
        taken = [debit for debit in debits if debit["state"] == "taken"]
        # A file or block refused as a whole was never credited, by any bank.
        gross = not self._state["net"] and not single and bool(taken)
        credited = debits if gross else taken
        for debit in credited:
            debit["done_credited_cents"] = debit["cents"]
        for debit in taken:
            debit["state"] = "credited"
        about = {"message_id": message_id, "pmt_inf_id": block["pmt_inf_id"], "value_on": block["due_on"]}
        if single:
            return [_line("credit", debit["cents"], debits=[debit], **about) for debit in credited]
        if not credited:
            return []
        lines = [
            _line(
                "batch",
                sum(debit["cents"] for debit in credited),
                debits=credited,
                shown=self._state["style"] == "detailed",
                **about,
            )
        ]
        for debit in credited:
            if debit["state"] == "rejected":
                debit["done_debited_cents"] = debit["cents"]
                lines.append(_line("return", -debit["cents"], debits=[debit], reason=debit["reason"], **about))
        return lines

    def _returns(self, day: date) -> list[dict[str, Any]]:
        lines: list[dict[str, Any]] = []
        for debit in self._state["debits"]:
            back_on = date.fromisoformat(debit["due_on"]) + timedelta(days=self._state["return_days"])
            if debit["what"] != "return" or debit["state"] != "credited" or back_on > day:
                continue
            shape, fee = debit["shape"] or self._state["fees"], debit["fee_cents"]
            inside = 0 if shape == "beside" else fee
            debit |= {"state": "returned", "done_debited_cents": debit["cents"], "done_fee_cents": fee}
            about = {"message_id": None, "pmt_inf_id": debit["pmt_inf_id"], "reason": debit["reason"], "shape": shape}
            lines.append(_line("return", -debit["cents"] - inside, debits=[debit], fee_cents=inside, **about))
            if fee and shape == "beside":
                lines.append(_line("fee", -fee, text="Entgelt Ruecklastschrift"))
        return lines


def answer(
    file: bytes | None,
    plan: Mapping[str, str],
    days: Sequence[date],
    *,
    state: Path,
    opening_cents: int = 0,
    style: str = "batch",
    net: bool = True,
    fees: str = "inside",
) -> list[tuple[str, bytes]]:
    """Upload a file (None: none) and return name and bytes of each answer: a pain.002 of the first day, a camt.053 of each day.

    The bank lives on in the JSON file ``state``; where that does not exist yet, an account for the file's creditor is opened with
    the values given. Raises BadInput; then the state is as it was.
    """
    if state.exists():
        bank = SimBank.load(state)
    elif file is None:
        raise BadInput("The simulated bank is new: give it a pain.008 file first")
    else:
        blocks = bank_files.parse(file)["blocks"]
        bank = SimBank(blocks[0]["iban"], opening_cents=opening_cents, style=style, net=net, fees=fees)
    bank.plan(plan)
    answers: list[tuple[str, bytes]] = []
    if file is not None:
        bank.upload(file)
        report = bank.status_report(days[0])
        answers.append((f"pain.002_{days[0].isoformat()}_{bank.reports:04d}.xml", report))
    for day in days:
        statement = bank.statement(day)
        answers.append((f"camt.053_{day.isoformat()}_{bank.sequence:04d}.xml", statement))
    bank.save(state)
    return answers


def _line(
    kind: str, amount_cents: int, *, debits: Sequence[dict[str, Any]] = (), fee_cents: int = 0, **more: Any
) -> dict[str, Any]:
    shown = [
        {key: debit[key] for key in ("e2e", "cents", "mandate", "name", "iban", "text", "creditor", "scheme")} for debit in debits
    ]
    told = {
        "kind": kind,
        "amount_cents": amount_cents,
        "fee_cents": fee_cents,
        "end_to_end_ids": [debit["e2e"] for debit in debits],
    }
    return {**told, "debits": shown, **more}


def _wish(written: str) -> dict[str, Any]:
    """Return a wish of the plan in parts; BadInput where it is none."""
    what, *rest = written.split(":")
    fee = rest[1] if len(rest) > 1 else "0"
    shape = rest[2] if len(rest) > 2 else None
    fits = {"accept": not rest, "reject": len(rest) == 1, "return": 1 <= len(rest) <= 3}.get(what, False)
    if not fits or not fee.isdecimal() or (shape is not None and shape not in FEES) or (rest and not 1 <= len(rest[0]) <= 4):
        raise BadInput(
            f"{written[:40]!r} is no wish for the simulated bank; it knows accept, reject:AC04, return:MD06:300:inside"
        )
    return {"what": what, "reason": rest[0] if rest else None, "fee_cents": int(fee), "shape": shape}
