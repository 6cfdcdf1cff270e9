"""Every fault of the wire and of the payload by its number, with the tests that hold it.

A number is named where a person looks for it: in the first column of the list of faults that this program was
built against. What no test holds yet is said in ``NOT_YET``.
"""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]

CATALOGUE = {
    # A. The source, on the wire ------------------------------------------------------------------
    ("A 1", "the name does not resolve"): [
        "wire/test_ticks.py::test_a_name_that_does_not_resolve_is_asked_for_within_the_deadline_and_then_a_gap",
        "wire/test_connections.py::test_a_name_that_does_not_resolve_is_reported_as_such",
        "wire/test_addresses.py::test_a_resolver_that_hangs_is_given_up_at_the_time_out",
    ],
    ("A 2", "the host refuses"): [
        "wire/test_ticks.py::test_a_host_that_refuses_for_a_while_is_asked_again_until_it_answers",
        "wire/test_connections.py::test_a_host_that_refuses_is_reported_as_such",
    ],
    ("A 3", "connecting hangs"): [
        "wire/test_time.py::test_a_connection_that_hangs_is_given_up",
        "wire/test_time.py::test_reaching_a_host_is_never_granted_more_than_five_seconds",
    ],
    ("A 4", "the certificate is expired, for another host, or self-signed"): [
        "wire/test_tls.py::test_a_certificate_with_a_flaw_is_refused_though_its_maker_is_trusted",
        "wire/test_tls.py::test_a_self_signed_certificate_is_refused_at_once_and_for_good",
        "wire/test_ticks.py::test_a_certificate_that_is_not_accepted_is_a_gap_after_one_try_a_tick",
    ],
    ("A 5", "no first byte"): [
        "wire/test_time.py::test_the_time_out_ends_the_whole_exchange",
        "wire/test_ticks.py::test_a_server_that_is_silent_or_drips_is_given_up_at_the_time_out_and_asked_again",
    ],
    ("A 6", "a byte now and then"): [
        "wire/test_time.py::test_the_time_out_ends_the_whole_exchange",
        "wire/test_time.py::test_the_time_out_ends_a_drip_over_tls",
    ],
    ("A 7", "a Content-Length larger than the body"): [
        "wire/test_framing.py::test_a_body_shorter_than_its_content_length_is_incomplete",
        "wire/test_ticks.py::test_what_is_broken_is_asked_for_again_and_only_the_whole_answer_lands",
    ],
    ("A 8", "a Content-Length smaller than the body"): [
        "wire/test_connections.py::test_bytes_behind_a_body_never_enter_the_next_answer",
        "wire/test_connections.py::test_bytes_that_come_while_a_connection_is_idle_never_enter_the_next_answer",
        "wire/test_ticks.py::test_bytes_behind_an_answer_never_enter_the_next",
    ],
    ("A 9", "two different lengths; a length and chunks"): [
        "wire/test_framing.py::test_headers_that_leave_the_end_in_doubt_are_refused",
        "wire/test_ticks.py::test_what_stays_broken_is_a_gap_with_its_reason_after_a_few_requests",
    ],
    ("A 10", "chunks that are cut or malformed"): [
        "wire/test_framing.py::test_a_chunked_body_that_is_cut_is_incomplete",
        "wire/test_framing.py::test_malformed_chunks_are_refused",
        "wire/test_ticks.py::test_what_is_broken_is_asked_for_again_and_only_the_whole_answer_lands",
    ],
    ("A 11", "a body that only a close ends"): [
        "wire/test_framing.py::test_a_body_that_only_a_close_ends_is_refused_whole_or_not",
        "wire/test_ticks.py::test_what_is_broken_is_asked_for_again_and_only_the_whole_answer_lands",
    ],
    ("A 12", "429 with Retry-After in seconds"): [
        "wire/test_requests.py::test_a_throttled_response_is_obeyed",
        "wire/test_ticks.py::test_retry_after_is_obeyed_in_both_forms_and_never_beyond_the_ticks_last_chance",
    ],
    ("A 13", "Retry-After as a date, in the past, a year ahead"): [
        "unit/collect/test_response.py::test_retry_after_is_obeyed_with_a_little_jitter",
        "unit/collect/test_response.py::test_retry_after_in_the_past_never_makes_the_wait_shorter_than_usual",
        "unit/collect/test_response.py::test_retry_after_beyond_the_deadline_gives_one_last_chance_before_it",
        "unit/collect/test_courtesy.py::test_a_pause_of_a_year_is_not_believed",
        "wire/test_ticks.py::test_retry_after_is_obeyed_in_both_forms_and_never_beyond_the_ticks_last_chance",
    ],
    ("A 14", "RateLimit headers that say that nothing is left"): [
        "unit/collect/test_limits.py::test_where_nothing_is_left_the_wait_is_until_the_reset",
        "wire/test_ticks.py::test_a_limit_that_is_used_up_is_waited_for_before_the_next_request",
    ],
    ("A 15", "a bare 503"): [
        "unit/collect/test_response.py::test_the_wait_after_a_throttling_has_equal_jitter",
        "wire/test_ticks.py::test_what_is_broken_is_asked_for_again_and_only_the_whole_answer_lands",
    ],
    ("A 16", "500 for ever"): [
        "wire/test_ticks.py::test_500_for_ever_is_asked_1_1_times_a_tick_and_the_tick_after_its_end_lands",
        "unit/collect/test_courtesy.py::test_while_a_host_is_down_it_is_asked_once_a_tick_and_a_tenth_more",
        "unit/runtime/test_collector.py::test_a_source_that_is_down_is_asked_once_a_tick_and_a_tenth_more",
    ],
    ("A 17", "200 with an HTML page"): [
        "wire/test_requests.py::test_a_complete_answer_that_is_not_the_data_is_asked_again_and_then_kept",
        "wire/test_ticks.py::test_what_is_complete_and_never_the_data_ends_rejected_with_its_bytes_kept",
    ],
    ("A 18", "200 with an error in it"): [
        "wire/test_ticks.py::test_what_is_complete_and_never_the_data_ends_rejected_with_its_bytes_kept",
        "unit/collect/test_envelope.py::test_an_error_beside_an_empty_array_is_never_an_empty_page",
    ],
    ("A 19", "204, or no bytes"): [
        "wire/test_ticks.py::test_an_answer_without_a_body_is_empty_only_where_the_stream_allows_it",
    ],
    ("A 20", "a redirect to another host, a loop, from https to http"): [
        "wire/test_redirects.py::test_a_redirect_to_another_server_is_not_followed_and_the_key_stays_here",
        "wire/test_redirects.py::test_a_loop_of_redirects_ends",
        "wire/test_redirects.py::test_a_redirect_from_https_to_http_is_not_followed",
        "wire/test_ticks.py::test_a_redirect_is_a_gap_and_the_key_goes_nowhere_else",
    ],
    ("A 21", "401"): [
        "unit/runtime/test_refusals.py::test_windows_stay_open_and_all_are_asked_oldest_first_when_the_api_takes_the_key",
        "wire/test_tokens.py::test_a_401_gets_one_new_token_and_is_asked_once_more",
        "wire/test_tokens.py::test_a_401_that_stays_is_a_gap_after_one_new_token",
        "wire/test_ticks.py::test_who_asks_is_refused_and_not_asked_again_within_the_tick",
    ],
    ("A 22", "304"): [
        "wire/test_conditional.py::test_a_304_to_a_conditional_request_is_unchanged_and_what_is_new_lands",
        "wire/test_conditional.py::test_a_304_that_nobody_asked_for_is_a_gap",
        "unit/collect/test_response.py::test_any_other_status_ends_the_tick",
    ],
    ("A 23", "page 3 of 5 fails"): [
        "wire/test_ticks.py::test_a_page_that_is_gone_lets_all_be_asked_for_anew_and_nothing_lands_in_part",
        "wire/test_ticks.py::test_a_page_that_never_comes_leaves_a_gap_and_no_record",
    ],
    ("A 24", "the pages go round in a circle"): [
        "wire/test_ticks.py::test_pages_that_repeat_for_ever_end",
        "unit/runtime/test_collector.py::test_an_api_that_repeats_a_page_for_ever_ends_rejected",
    ],
    ("A 25", "another total than was declared"): [
        "wire/test_ticks.py::test_a_total_that_does_not_agree_is_asked_for_again_and_then_flagged",
        "unit/runtime/test_collector.py::test_a_total_that_does_not_agree_asks_for_all_pages_anew",
    ],
    ("A 26", "a thousand streams due in the same minute"): [
        "unit/collect/test_grid.py::test_phases_spread_a_thousand_streams_over_the_whole_of_it",
        "unit/runtime/test_service.py::test_a_host_that_hangs_holds_a_quarter_of_the_fetchers_and_no_more",
    ],
    # B. The payload ------------------------------------------------------------------------------
    ("B 27", "gzip that is cut short, without a trailer, with a wrong CRC"): [
        "wire/test_encoding.py::test_a_broken_packing_is_refused",
        "unit/collect/test_envelope.py::test_a_packed_body_that_is_cut_anywhere_is_refused",
        "wire/test_ticks.py::test_what_is_broken_is_asked_for_again_and_only_the_whole_answer_lands",
    ],
    ("B 28", "two gzip members"): [
        "wire/test_encoding.py::test_two_gzip_members_are_both_read",
        "wire/test_ticks.py::test_a_byte_order_mark_and_two_gzip_members_are_read",
    ],
    ("B 29", "the header says gzip, the body is plain"): [
        "wire/test_encoding.py::test_a_broken_packing_is_refused",
        "wire/test_ticks.py::test_what_is_broken_is_asked_for_again_and_only_the_whole_answer_lands",
    ],
    ("B 30", "a bomb"): [
        "wire/test_encoding.py::test_a_bomb_is_stopped_within_64_mb_of_memory_though_the_answer_may_be_large",
        "wire/test_ticks.py::test_an_answer_that_is_too_large_is_a_gap_after_one_try",
    ],
    ("B 31", "a chain of codings"): [
        "wire/test_encoding.py::test_a_broken_packing_is_refused",
        "wire/test_encoding.py::test_two_content_encoding_headers_are_a_chain",
    ],
    ("B 32", "a coding that was not asked for"): [
        "wire/test_encoding.py::test_a_broken_packing_is_refused",
        "unit/collect/test_envelope.py::test_a_coding_that_was_not_asked_for_is_refused_by_name",
    ],
    ("B 33", "a byte order mark, broken UTF-8, UTF-16"): [
        "wire/test_ticks.py::test_a_byte_order_mark_and_two_gzip_members_are_read",
        "wire/test_ticks.py::test_what_is_complete_and_never_the_data_ends_rejected_with_its_bytes_kept",
        "unit/land/test_decode.py::test_a_byte_order_mark_is_skipped",
    ],
    ("B 34", "NaN, 1e400, too many digits, a name twice, half a character"): [
        "wire/test_ticks.py::test_one_record_that_no_parser_takes_does_not_cost_the_others",
        "unit/land/test_decode_against_an_oracle.py::test_every_value_in_every_field_is_judged_as_the_oracle_does",
        "unit/land/test_decode.py::test_a_name_that_comes_twice_is_quarantined_and_its_neighbours_land",
    ],
    ("B 35", "numbers that a float cannot hold"): [
        "unit/land/test_decode.py::test_a_decimal_is_exact_to_its_last_digit",
        "unit/land/test_decode.py::test_an_int_is_a_json_integer_within_64_bits",
    ],
    ("B 36", "nested 100,000 deep"): [
        "unit/land/test_decode.py::test_nesting_of_100000_is_refused_without_a_crash",
        "wire/test_ticks.py::test_what_is_complete_and_never_the_data_ends_rejected_with_its_bytes_kept",
    ],
    ("B 37", "something follows the JSON"): [
        "wire/test_ticks.py::test_what_is_complete_and_never_the_data_ends_rejected_with_its_bytes_kept",
        "unit/collect/test_envelope.py::test_what_is_no_json_is_not_data_whatever_is_expected",
    ],
    ("B 38", "ten million records"): [
        "unit/land/test_decode.py::test_memory_is_bounded_by_the_window_not_by_the_page",
        "unit/land/test_parquet.py::test_wide_rows_close_a_row_group_early_so_that_memory_stays_bounded",
    ],
    # C. The contract -----------------------------------------------------------------------------
    ("C 39", "a record that breaks its contract"): [
        "unit/land/test_decode_against_an_oracle.py::test_exactly_the_records_that_the_oracle_accepts_land_with_the_same_values",
        "unit/land/test_compose.py::test_bad_records_go_to_the_quarantine_with_their_bytes_and_reasons",
        "unit/land/test_decode.py::test_rules_are_kept",
    ],
    ("C 40", "a field that the contract does not know"): [
        "unit/land/test_decode.py::test_an_unknown_member_is_dropped_and_its_name_counted_in_the_first_record_of_a_page",
        "unit/land/test_decode.py::test_an_unknown_member_is_kept_with_its_own_text",
        "unit/land/test_decode.py::test_under_reject_one_unknown_member_refuses_the_answer",
    ],
    ("C 41", "every record fails"): [
        "unit/runtime/test_alerting.py::test_a_tick_whose_every_record_fails_is_told_and_so_is_its_end",
        "unit/land/test_compose.py::test_where_every_record_is_broken_the_tick_is_rejected",
        "wire/test_ticks.py::test_a_tick_whose_every_record_fails_is_rejected_and_the_next_lands",
    ],
    ("C 42", "a key that comes twice in an answer"): [
        "unit/land/test_decode.py::test_a_key_that_comes_again_in_the_answer_is_dropped_and_counted_across_pages",
    ],
    # Of the other sections, what is decided on the wire ------------------------------------------
    ("G 73", "a window that is asked before it has ended"): [
        "unit/collect/test_response.py::test_an_answer_made_before_the_end_of_what_it_is_about_is_asked_for_again_when_that_has_passed",
        "unit/runtime/test_collector.py::test_an_answer_about_an_interval_that_had_not_ended_by_the_apis_clock_is_asked_for_again",
    ],
    ("I 85", "link-local, metadata, private addresses; DNS rebinding"): [
        "wire/test_addresses.py::test_no_name_leads_to_a_clouds_metadata",
        "wire/test_addresses.py::test_a_clouds_metadata_is_not_asked_even_if_the_url_names_it",
        "wire/test_addresses.py::test_a_name_that_leads_elsewhere_at_the_second_look_is_judged_by_where_it_leads_then",
        "wire/test_addresses.py::test_a_name_of_the_outside_that_leads_to_this_machine_is_not_asked",
    ],
    ("I 88", "certificates that are not checked"): [
        "wire/test_ticks.py::test_an_answer_that_came_without_checking_the_certificate_says_so_for_good",
        "unit/land/test_compose.py::test_an_answer_got_without_checking_certificates_says_so",
    ],
}  # fmt: skip

NOT_YET = {
    "A 11": "lines of JSON are no format yet, so there is nothing to opt in to",
    "A 24": "pages are asked by number; there are no page cursors",
}
"""What of a number is not built, and what happens today."""


@cache
def names_in(path: Path) -> frozenset[str]:
    tree = ast.parse(path.read_text("utf-8"))
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name[:5] == "test_")


@pytest.mark.parametrize(("fault", "held_by"), CATALOGUE.items(), ids=[" ".join(fault) for fault in CATALOGUE])
def test_the_tests_that_hold_a_fault_exist(fault: tuple[str, str], held_by: list[str]) -> None:
    assert held_by
    for where in held_by:
        file, _, name = where.partition("::")
        assert name in names_in(TESTS / file), where


def test_no_fault_of_the_wire_and_of_the_payload_is_left_out() -> None:
    numbers = [number for number, _ in CATALOGUE]

    assert numbers[:42] == [f"{'A' if n <= 26 else 'B' if n <= 38 else 'C'} {n}" for n in range(1, 43)]
    assert set(NOT_YET) <= set(numbers)
