//! What the hostile and the merely odd world demands (hostile-world sections 1 to 3), and which tests show that it is met:
//! a demand without a test is seen here, and so is a test that is no more.
//!
//! A name is that of a test; `torture:NAME` is a case of `tests/data/torture/requests.txt`, sent to the running daemon over
//! UDP and TCP. What waits for later work says so.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// What shows a demand.
enum Shown {
    By(&'static [&'static str]),
    /// There is nothing yet that could be attacked.
    Later(&'static str),
}
use Shown::{By, Later};

#[rustfmt::skip]
const REQUIREMENTS: [(&str, Shown); 40] = [
    ("R1 long headers and tokens", By(&["torture:method_of_9000_letters", "torture:line_of_9000_letters", "torture:header_of_300_lines", "reading_takes_time_in_proportion_to_the_length"])),
    ("R2 multipart", By(&["torture:body_of_two_parts", "torture:sdp_in_one_of_two_parts", "torture:multipart_without_end", "noise_in_parts_is_read_or_refused", "torture:multipart_without_boundary", "torture:multipart_of_a_long_boundary"])),
    ("R3 numbers and counts in SDP", By(&["torture:sdp_payload_type_of_32_bits_and_one", "torture:sdp_rtpmap_of_32_bits_and_one", "torture:sdp_with_a_nul_in_fmtp", "torture:sdp_with_a_key_of_5000_letters", "torture:sdp_of_twenty_media", "torture:sdp_of_sixteen_media", "torture:sdp_of_300_attributes", "unreadable_and_oversized_text_is_400"])),
    ("R4 truncated lines, % at the end", By(&["torture:sdp_cut_short", "torture:sdp_origin_cut_short", "torture:sdp_address_cut_short", "torture:sdp_medium_without_formats", "torture:percent_at_the_end", "torture:percent_at_the_end_of_the_user", "torture:half_an_escape_at_the_end"])),
    ("R5 repeated list headers", By(&["torture:fifty_accepts", "torture:header_of_300_lines"])),
    ("R6 doubled headers, invalid Via", By(&["torture:to_twice", "torture:from_twice", "torture:call_id_twice", "torture:cseq_twice", "torture:max_forwards_twice", "torture:session_expires_twice", "torture:kind_twice", "torture:contact_twice", "torture:via_unreadable", "torture:via_empty", "torture:via_below_unreadable"])),
    ("R7 opaque tags and branches", By(&["torture:tag_of_3000_letters", "torture:tag_twice", "torture:branch_twice", "matching"])),
    ("R8 smuggled headers", By(&["forged_identities_reach_no_agent", "torture:name_folded_before_its_colon", "torture:compact_and_blank", "torture:name_with_a_blank", "who_calls"])),
    ("R9 Content-Length", By(&["torture:length_negative", "torture:length_with_a_plus", "torture:length_hexadecimal", "torture:length_of_64_bits_and_one", "a_length_that_is_none_ends_the_stream"])),
    ("R10 two Content-Lengths", By(&["torture:length_twice_different", "torture:length_twice_the_same", "torture:length_hidden_by_a_blank", "torture:length_name_folded_before_its_colon"])),
    ("R11 connections lost at any byte", By(&["a_connection_lost_in_a_call_leaves_nothing_behind"])),
    ("R12 idle and half-open connections", By(&["silent_and_half_open_streams_are_closed", "one_address_cannot_take_every_connection", "a_peer_that_never_reads_loses_its_connection"])),
    ("R13 TLS handshakes", Later("TLS")),
    ("R14 floods leave nothing", By(&["strangers_leave_nothing_behind", "a_strangers_flood_stops_at_its_rate", "counts_are_bounded_and_a_forgotten_nonce_is_stale"])),
    ("R15 methods that nobody needs", By(&["torture:message", "torture:subscribe", "torture:publish", "torture:notify", "agents_call_under_their_own_name_only"])),
    ("R16 challenges are not answered", By(&["a_carrier_that_challenges_gets_its_proof", "whose_challenge_is_answered", "a_call_of_ours_goes_on_and_ends_with_proof", "a_challenged_bye_is_not_answered", "a_phone_hangs_up_or_changes_the_session", "answers_of_a_phone"])),
    ("R17 registering others", By(&["each_registration_is_answered_as_its_rule_says", "nobody_registers_for_another_and_nothing_strange_is_bound"])),
    ("R18 digest replayed or moved", By(&["each_registration_is_answered_as_its_rule_says", "nothing_is_accepted_twice", "a_nonce_lives_its_life_and_is_for_its_address", "wrong_is_wrong_whoever_says_it"])),
    ("R19 digest headers", By(&["each_registration_is_answered_as_its_rule_says", "headers_that_cannot_be_checked", "noise_in_digest_headers_is_read_or_refused"])),
    ("R20 users are not told apart", By(&["users_there_are_look_like_users_there_are_not", "a_wrong_password_and_an_unknown_user_are_told_the_same"])),
    ("R21 guessing", By(&["what_is_hardly_meant_is_warned_of", "guessing_is_slowed_down_and_locks_nobody_out", "pauses_grow_and_hold_for_one_name_at_one_address", "one_password_under_many_names_is_guessing_too"])),
    ("R22 toll fraud", By(&["who_may_refer_and_where_to", "a_302_from_an_agents_phone_is_not_followed", "a_302_is_followed_once_and_only_where_allowed", "torture:refer", "torture:route_to_elsewhere", "callers_from_elsewhere_are_forbidden", "calls_to_another_host_are_not_served", "names_and_addresses"])),
    ("R23 URLs are not fetched", By(&["urls_in_messages_are_never_fetched"])),
    ("R24 injected sound", By(&["sound_from_a_stranger_reaches_nobody", "the_first_packet_is_latched_to_and_then_strangers_are_refused", "a_better_source_takes_over_within_a_moment_and_no_other_ever"])),
    ("R25 malformed RTP and RTCP", By(&["what_crosses_or_comes_again_ends_as_it_must", "garbage_is_counted_and_changes_nothing", "random_packets_are_relayed_ignored_or_counted", "random_reports_are_read_or_counted_and_answered_by_nothing", "loss_is_counted_over_the_wrap_and_by_interval"])),
    ("R26 forged sound ends no call", By(&["forged_repeated_and_open_packets_to_an_encrypted_leg_do_nothing", "sound_from_a_stranger_reaches_nobody"])),
    ("R27 no falling back from SRTP", By(&["keys_are_taken_where_they_may_be_and_nobody_falls_back_without_a_word", "torture:sdp_secure_only"])),
    ("R28 addresses in SDP", By(&["torture:sdp_multicast", "torture:sdp_broadcast", "torture:sdp_zero_net", "torture:sdp_our_own_sip_port", "torture:sdp_low_port", "loopback_is_for_those_who_may", "music_stops_for_whom_nobody_has_heard_of"])),
    ("R29 nothing amplifies", By(&["nothing_amplifies", "torture:via_to_the_broadcast_address", "an_answer_goes_where_the_request_came_from"])),
    ("R30 one owner of all state", By(&["every_leg_ends_once_and_nothing_stays", "ten_thousand_calls_over_a_bad_network"])),
    ("R31 durations", By(&["how_long_it_lasts", "torture:expires_of_32_bits", "torture:expires_of_32_bits_and_one", "session_timers_are_agreed_to", "torture:session_too_short", "torture:session_negative"])),
    ("R32 no Contact", By(&["torture:contact_missing", "torture:contact_star", "torture:contact_of_another_scheme"])),
    ("R33 no unsafe code", By(&["unsafe_code_is_forbidden"])),
    ("R34 nothing leaks after failures", By(&["a_connection_lost_in_a_call_leaves_nothing_behind", "rtp_ports_run_out_and_come_back", "descriptors_run_out_and_come_back"])),
    ("R35 what nobody can guess", By(&["names_are_long_unique_and_of_their_seed", "numbers_are_random_and_follow_the_seed"])),
    ("R36 logs and labels", By(&["a_callers_name_and_number_cannot_leave_their_place", "torture:line_end_in_an_escape", "no_series_appears_or_disappears_with_calls"])),
    ("R37 reading is linear", By(&["reading_takes_time_in_proportion_to_the_length"])),
    ("R38 HTTP", By(&["only_the_whole_token_opens", "a_connection_ends_with_its_time_however_it_dawdles", "actions_are_a_closed_list"])),
    ("R39 secrets", By(&["no_log_shows_a_secret", "a_password_is_never_printed", "credentials_are_never_kept_and_people_are_masked"])),
    ("R40 nobody is banned", By(&["forged_addresses_take_no_more_than_their_room", "guessing_is_slowed_down_and_locks_nobody_out"])),
];

#[rustfmt::skip]
const TRAPS: [(&str, Shown); 42] = [
    ("received and rport", By(&["answers_go_to_the_source_of_the_packet", "the_source_is_told_when_it_differs_or_is_asked_for", "answers_go_back_the_way_the_request_came"])),
    ("Contact behind NAT", By(&["a_registered_phone", "targets"])),
    ("symmetric RTP", By(&["the_same_stream_may_come_back_from_another_port_after_silence"])),
    ("glare", By(&["what_crosses_or_comes_again_ends_as_it_must", "a_change_before_the_ack", "requests_within_a_dialog", "we_refresh_when_it_is_ours_to_do", "after_491_both_sides_come_back_at_different_times"])),
    ("UPDATE", By(&["what_crosses_or_comes_again_ends_as_it_must", "requests_within_a_dialog", "a_change_is_answered_by_the_owner"])),
    ("early media", By(&["a_caller_hears_the_welcome_before_the_answer_and_the_agent_after_it"])),
    ("late offer", By(&["late_offer", "an_invite_without_sdp_gets_an_offer"])),
    ("re-INVITE without SDP", By(&["what_crosses_or_comes_again_ends_as_it_must", "a_later_offer_of_ours_keeps_the_lines_and_the_event_type"])),
    ("hold", By(&["each_offer_becomes_this_stream", "a_caller_may_hold_the_call_and_take_it_back", "the_version_grows_only_when_the_text_changes", "torture:sdp_held_from_the_start"])),
    ("no common codec", By(&["codecs_we_do_not_have_are_not_acceptable", "a_failed_exchange_changes_nothing"])),
    ("forked 2xx", By(&["what_crosses_or_comes_again_ends_as_it_must", "forks_are_acknowledged_and_hung_up_by_their_own_tag", "races_over_a_bad_network"])),
    ("2xx after CANCEL", By(&["what_crosses_or_comes_again_ends_as_it_must", "races_with_cancel", "races_over_a_bad_network"])),
    ("CANCEL", By(&["cancel", "taking_an_invite_back", "a_cancel_that_comes_too_late_changes_nothing", "torture:cancel_of_nothing"])),
    ("BYE and re-INVITE crossing", By(&["what_crosses_or_comes_again_ends_as_it_must", "bye_before_the_ack", "races_over_a_bad_network"])),
    ("481 and 408 within a dialog", By(&["a_refresh_that_nobody_answers_ends_the_leg"])),
    ("200 until ACK", By(&["a_200_without_ack", "a_200_is_repeated_until_it_is_acknowledged"])),
    ("INVITE again", By(&["what_crosses_or_comes_again_ends_as_it_must", "a_repeated_invite_is_absorbed"])),
    ("refusals until ACK", By(&["what_crosses_or_comes_again_ends_as_it_must", "a_refusal"])),
    ("non-INVITE", By(&["a_change_is_answered_by_the_owner"])),
    ("100rel of callers", By(&["what_crosses_or_comes_again_ends_as_it_must", "a_reliable_183_is_repeated_until_its_prack", "a_200_waits_for_the_prack", "without_a_prack_the_call_is_refused"])),
    ("100rel of agents", By(&["what_crosses_or_comes_again_ends_as_it_must", "a_phones_reliable_answers_get_their_pracks"])),
    ("session timers", By(&["what_crosses_or_comes_again_ends_as_it_must", "session_timers_are_agreed_to", "a_session_that_nobody_refreshes_ends"])),
    ("Replaces", By(&["torture:replaces_nothing", "torture:replaces_two", "torture:replaces_half", "the_colleague_who_was_asked_gets_the_caller", "an_agent_asks_a_colleague_and_passes_the_caller_on"])),
    ("REFER", By(&["a_caller_is_passed_on_unasked", "a_caller_is_passed_on_after_a_question", "who_may_refer_and_where_to", "the_agent_is_told_what_became_of_it", "without_a_subscription_nothing_is_told"])),
    ("order of registrations", By(&["each_registration_is_answered_as_its_rule_says", "an_older_request_changes_nothing", "a_restarted_phone_replaces_its_old_address", "removing_one_or_all"])),
    ("Expires", By(&["an_invite_expires", "how_long_it_lasts"])),
    ("registration runs out in a call", By(&["races_over_a_bad_network"])),
    ("TCP flows", By(&["a_phone_on_a_stream", "a_lost_connection_leaves_the_address"])),
    ("keep-alives", By(&["a_ping_is_two_line_ends_between_messages", "keep_alives_are_nothing_and_line_ends_before_a_message_too"])),
    ("big requests", By(&["torture:user_of_4000_letters", "a_body_ends_where_its_length_or_the_datagram_says"])),
    ("DNS for trunks", By(&["questions_and_what_their_answers_mean", "what_one_place_does_not_serve_goes_to_the_next", "a_place_that_asks_for_rest_gets_it", "calls_find_the_places_of_a_name_and_go_on_when_the_dns_is_gone"])),
    ("spellings of headers", By(&["reads_the_basics_once", "an_answer_copies_what_it_must", "torture:compact_and_blank"])),
    ("IPv6", By(&["torture:v6_uri", "torture:v6_sdp_without_our_family", "ipv6_is_spoken_where_we_have_it"])),
    ("identity", By(&["forged_identities_reach_no_agent", "who_calls", "what_was_dialled"])),
    ("loops", By(&["our_own_invite_is_refused", "answers_without_a_dialog", "torture:max_forwards_of_256"])),
    ("Require", By(&["torture:requirement_unknown", "torture:proxy_requirement_unknown", "torture:requirement_of_several"])),
    ("To tag", By(&["cancel", "forks_are_acknowledged_and_hung_up_by_their_own_tag"])),
    ("from music to the agent", By(&["clip_music_and_voice_are_one_stream", "a_tone_keeps_its_frequency_and_level_through_every_pair_of_codecs_and_lengths"])),
    ("CSeq within a dialog", By(&["requests_within_a_dialog", "each_request_within_a_call_gets_its_answer_and_the_call_goes_on"])),
    ("route sets", By(&["route_sets", "the_dialog_of_a_200"])),
    ("DTMF", By(&["from_5_ms_to_20_s_a_key_is_one_key", "whatever_is_lost_a_key_is_one_key", "keys_travel_with_the_other_sides_payload_type", "keys_in_an_info"])),
    ("WSS", Later("WebSocket")),
];

#[rustfmt::skip]
const PROMISES: [(&str, Shown); 8] = [
    ("G1 drain", By(&["who_is_registered_when_we_close_stays_and_nobody_comes", "sigterm_refuses_new_calls_and_lets_talks_end", "a_second_sigterm_ends_it_now"])),
    ("G5 overload", By(&["overload_turns_new_calls_away_and_nobody_else"])),
    ("G6 watermark", By(&["overload_begins_high_and_ends_low", "what_is_turned_away_goes_by_how_little_it_is_missed", "whoever_comes_after_a_quiet_time_is_let_in"])),
    ("G7 memory", By(&["strangers_leave_nothing_behind", "bounds"])),
    ("G8 descriptors and ports", By(&["rtp_ports_run_out_and_come_back", "descriptors_run_out_and_come_back", "no_port_for_an_agents_leg_is_no_fault_of_the_agent"])),
    ("G10 bad reload", By(&["a_waiting_call_is_answered_by_an_agent_that_a_reload_added_and_a_bad_file_changes_nothing"])),
    ("G15 loss", By(&["five_percent_lost_each_way_costs_no_call", "a_phone_that_rings_out_gives_the_call_to_the_next_agent"])),
    ("G16 dead peers", By(&["silence_of_a_joined_leg_is_told_once_and_again_after_it_spoke", "a_session_that_nobody_refreshes_ends"])),
];

/// Every demand has its tests, and every test that is named exists.
#[test]
fn each_demand_is_shown_by_a_test_that_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut tests = BTreeSet::new();
    ["src", "tests/it", "tests/simulation"].iter().for_each(|folder| find_tests(&root.join(folder), &mut tests));
    let cases = fs::read_to_string(root.join("tests/data/torture/requests.txt")).expect("our torture messages");
    let cases: BTreeSet<&str> = cases.lines().filter_map(|line| line.strip_prefix("@ ")?.split(' ').next()).collect();
    let mut missing = Vec::new();
    for (number, (demand, shown)) in REQUIREMENTS.iter().chain(&TRAPS).chain(&PROMISES).enumerate() {
        if number < REQUIREMENTS.len() {
            assert!(demand.starts_with(&format!("R{} ", number + 1)), "{demand} stands where R{} should", number + 1);
        }
        match shown {
            Later(what) => assert!(!what.is_empty()),
            By(names) => {
                assert!(!names.is_empty(), "{demand}");
                let exists = |name: &&&str| match name.strip_prefix("torture:") {
                    Some(case) => cases.contains(case),
                    None => tests.contains(**name),
                };
                missing.extend(names.iter().filter(|name| !exists(name)).map(|name| format!("{demand}: {name}")));
            }
        }
    }
    assert!(missing.is_empty(), "no such tests:\n{}", missing.join("\n"));
}

#[test]
fn unsafe_code_is_forbidden() {
    let manifest = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml")).expect("our manifest");
    assert!(manifest.lines().any(|line| line == "unsafe_code = \"forbid\""));
}

/// The names of all functions that follow `#[test]`.
fn find_tests(folder: &Path, tests: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).expect("a folder of ours") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            find_tests(&path, tests);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).expect("a source");
            let mut is_test = false;
            for line in text.lines().map(str::trim) {
                is_test |= line == "#[test]";
                let name = line.trim_start_matches("pub ").strip_prefix("fn ").and_then(|rest| rest.split('(').next());
                if let Some(name) = name.filter(|_| is_test) {
                    tests.insert(name.to_owned());
                    is_test = false;
                }
            }
        }
    }
}
