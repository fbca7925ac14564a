"""The defects that other people's direct-debit software has: each has a test of ours, and a defence that turns it red.

B1 to B13 double collection, B20 to B40 the file, B50 to B56 calendar, mandates and notices, B60 to B84 the bank's answers; the
chain has a list of its own.
"""

from __future__ import annotations

import ast
import tomllib

from tests.house.code import ROOT

RULES, FORMATS, STEPS = "tests/rules/test_", "tests/formats/test_", "tests/steps/test_"
ONE_RULE = f"{RULES}scheme.py::test_each_rule_alone"
CASES = {
    "B1": f"{STEPS}collect.py::test_the_database_keeps_one_live_collection",
    "B3": f"{STEPS}races.py::test_two_who_read_the_same_work_do_it_once",
    "B5": "tests/journeys/test_second_thoughts.py::test_a_file_with_a_debit_that_may_not_go_is_given_up",
    "B6": f"{STEPS}batch.py::test_one_bad_debit_never_stops_the_others",
    "B7": f"{RULES}batching.py::test_nobody_is_lost_or_sent_twice",
    "B8": f"{RULES}batching.py::test_names_come_from_what_is_inside",
    "B9": f"{FORMATS}pain008.py::test_golden_files",
    "B10": ONE_RULE,
    "B11": ONE_RULE,
    "B12": f"{STEPS}ingest_cancelled.py::test_before_it_was_sent",
    "B20": "tests/house/test_money_is_int.py::test_no_float_where_money_is",
    "B21": "tests/custody/test_soundness.py::test_what_a_schema_lets_through_is_found_in_anybodys_file",
    "B22": f"{RULES}batching.py::test_a_file_is_one_account_creditor_and_scheme",
    "B23": f"{STEPS}profiles.py::test_a_first_debit_is_frst_only_where_the_bank_wants_it",
    "B24": f"{STEPS}profiles.py::test_a_rejected_first_stays_first",
    "B25": "tests/acts/test_register.py::test_an_amendment_is_told_until_one_debit_with_it_has_settled",
    "B26": ONE_RULE,
    "B27": "tests/custody/test_soundness.py::test_what_a_schema_lets_through_is_found_in_anybodys_file",
    "B28": ONE_RULE,
    "B29": f"{RULES}text.py::test_result_is_always_usable",
    "B30": f"{RULES}text.py::test_cut_comes_after_growing",
    "B31": ONE_RULE,
    "B32": f"{RULES}identifiers.py::test_blanks_and_case_do_not_matter",
    "B35": f"{STEPS}profiles.py::test_every_bank_that_ships_gets_a_sound_file",
    "B36": f"{FORMATS}pain008.py::test_nothing_that_german_banks_refuse",
    "B37": f"{FORMATS}pain008.py::test_nothing_that_german_banks_refuse",
    "B38": "tests/acts/test_import_mandates.py::test_a_doubtful_iban_pauses",
    "B40": f"{RULES}identifiers.py::test_creditor_id_vectors",
    "B50": f"{RULES}calendar.py::test_closing_days_of_2026",
    "B51": f"{RULES}calendar.py::test_earliest_due",
    "B52": "tests/acts/test_register.py::test_36_months_without_a_debit_end_a_mandate",
    "B53": f"{STEPS}notify.py::test_another_amount_needs_another_notice",
    "B56": f"{RULES}retries.py::test_after_some_reasons_nobody_tries_again",
    "B54": f"{STEPS}notify.py::test_a_debtor_is_told_in_his_language_before_he_is_debited",
    "B60": f"{RULES}answers.py::test_each_word_that_takes",
    "B61": f"{RULES}answers.py::test_a_rejected_file_rejects_every_debit",
    "B62": f"{FORMATS}pain002.py::test_every_reject_of_many_is_read",
    "B63": f"{FORMATS}hostile_xml.py::test_truncation_is_refused",
    "B64": f"{RULES}answers.py::test_a_copy_moves_nothing",
    "B66": f"{RULES}matching.py::test_details_without_amounts",
    "B67": f"{RULES}matching.py::test_a_return_with_its_fee",
    "B68": f"{FORMATS}camt.py::test_a_return_keeps_reason_text_and_originator",
    "B69": f"{RULES}matching.py::test_a_debit_that_is_no_return",
    "B70": f"{FORMATS}camt.py::test_a_file_from_which_nothing_would_be_read_is_an_error",
    "B71": f"{FORMATS}camt.py::test_the_versions_that_banks_send_are_read",
    "B72": f"{FORMATS}hostile_xml.py::test_an_unknown_namespace_names_the_known_ones",
    "B73": "tests/intake/test_statements.py::test_what_is_pending_is_booked_when_it_is_booked",
    "B74": "tests/intake/test_statements.py::test_the_same_statement_under_another_name_is_known",
    "B75": f"{FORMATS}camt.py::test_booking_and_value_day_are_the_days_the_bank_wrote",
    "B78": f"{FORMATS}camt.py::test_several_statements_in_a_file_are_all_read",
    "B79": f"{RULES}lifecycle.py::test_postings_are_those_of_the_page",
    "B80": "tests/acts/test_by_hand.py::test_a_refund_that_bounces",
    "B81": f"{RULES}matching.py::test_a_detail_that_nobody_knows",
    "B82": f"{STEPS}receive.py::test_a_line_is_booked_on_the_banks_day",
    "B83": f"{RULES}lifecycle.py::test_postings_are_those_of_the_page",
    "B84": f"{RULES}lifecycle.py::test_what_we_do_ourselves",
}
#: no defence of its own, and why
NOT_OURS = {
    "B2": "no date is part of what makes a debit itself: test_a_date_that_moves_makes_no_second_debit",
    "B4": "a file's rows and the moves of its debits are one commit, so no line of its own can be switched off: test_kill.py",
    "B13": "nobody pays through the bridge; a token payment beside a debit is a visible double payment: test_paid.py",
    "B33": "the schema is checked while the file is read, whatever its size: make bench, 100,000 debits",
    "B34": "records are frozen: test_same_record_same_bytes",
    "B39": "a BIC is never compared with its IBAN, so a difference refuses nothing",
    "B65": "a line is its row, a debit its EndToEndId; no key is put together of two numbers: test_glossary.py, model/",
    "B76": "time is measured, not tested: make bench, camt053_10k and camt053_100k",
    "B77": "two guards, one behind the other, refuse a DOCTYPE: test_a_doctype_is_refused_whole",
    "B55": "a foreign key and a trigger guard it, one would do: test_a_mandate_with_debits_is_never_deleted",
}
ALL = [*range(1, 14), *range(20, 41), *range(50, 57), *range(60, 85)]


def test_every_case_is_looked_at() -> None:
    """B1 to B13, B20 to B40, B50 to B56 and B60 to B84: each stands in one of the two lists."""
    assert {f"B{number}" for number in ALL} == CASES.keys() ^ NOT_OURS.keys()


def test_every_case_has_a_test_and_a_defence() -> None:
    """The test exists, and some line of code whose change turns it red is in tests/defences.toml."""
    entries = tomllib.loads((ROOT / "tests" / "defences.toml").read_text("utf-8"))["defence"]
    guarding = {entry["test"].partition("[")[0] for entry in entries}

    assert [case for case, test in CASES.items() if not _exists(test)] == []
    assert [case for case, test in CASES.items() if test not in guarding] == []


def _exists(test: str) -> bool:
    file, _, name = test.partition("::")
    nodes = ast.walk(ast.parse((ROOT / file).read_text("utf-8")))
    return any(isinstance(node, ast.FunctionDef) and node.name == name for node in nodes)
