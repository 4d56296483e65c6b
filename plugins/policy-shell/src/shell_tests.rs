//! The adapter over a gateway of its own: what crosses the ABI and back, and that no status panics.

use policy_kit::MAX_WAITING_STREAMS;

use crate::probe::Probe;
use crate::raw::{on, Gateway};
use crate::{callbacks, codes};

const ROOT: u32 = 1;
const REQUEST: u32 = codes::Map::Request as u32;
const CALL_RESPONSE: u32 = codes::Map::CallResponse as u32;
const REQUEST_BODY: u32 = codes::Buffer::RequestBody as u32;
const RESPONSE_BODY: u32 = codes::Buffer::ResponseBody as u32;
const CALL_BODY: u32 = codes::Buffer::CallResponseBody as u32;
const CONFIGURATION: u32 = codes::Buffer::PluginConfiguration as u32;
const CONTINUE: u32 = codes::action::CONTINUE;
const PAUSE: u32 = codes::action::PAUSE;

/// Every function that the adapter calls.
const FUNCTIONS: [&str; 22] = [
    "proxy_log",
    "proxy_get_current_time_nanoseconds",
    "proxy_set_tick_period_milliseconds",
    "proxy_get_buffer_bytes",
    "proxy_set_buffer_bytes",
    "proxy_get_header_map_pairs",
    "proxy_add_header_map_value",
    "proxy_remove_header_map_value",
    "proxy_get_property",
    "proxy_set_property",
    "proxy_get_shared_data",
    "proxy_set_shared_data",
    "proxy_continue_stream",
    "proxy_send_local_response",
    "proxy_define_metric",
    "proxy_increment_metric",
    "proxy_record_metric",
    "proxy_set_effective_context",
    "proxy_call_foreign_function",
    "proxy_http_call",
    "environ_sizes_get",
    "random_get",
];

/// A VM with one configuration, over a gateway that has something of everything.
fn start(document: &str) -> u32 {
    on(|gateway| {
        *gateway = Gateway { environment: vec!["A=1", "NAME=value"], ..Gateway::default() };
        gateway.buffers.insert(CONFIGURATION, document.as_bytes().to_vec());
        gateway.properties.insert(b"source\0address".to_vec(), b"192.0.2.1:5".to_vec());
        gateway.properties.insert(b"pitboss.player".to_vec(), b"p-1".to_vec());
    });
    configure(document.len())
}

fn configure(size: usize) -> u32 {
    crate::start::<Probe>();
    callbacks::allow_calls();
    callbacks::allow_foreign();
    callbacks::allow_ticks();
    callbacks::allow_drain();
    callbacks::context_create(ROOT, 0);
    callbacks::configure(ROOT, u32::try_from(size).unwrap())
}

/// Sends the headers of a new stream and returns the action.
fn send(stream: u32, step: &str) -> u32 {
    callbacks::context_create(stream, ROOT);
    let headers = [(":path", "/"), ("x-step", step), ("x-gone", "1"), ("x-set", "old")];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
    on(|gateway| gateway.maps.insert(REQUEST, headers.to_vec()));
    callbacks::request_headers(stream, 0)
}

/// Delivers the response of a call.
fn respond(token: u32, status: &str, body: &str) {
    on(|gateway| {
        gateway.maps.insert(CALL_RESPONSE, vec![(":status".to_owned(), status.to_owned())]);
        gateway.buffers.insert(CALL_BODY, body.as_bytes().to_vec());
    });
    callbacks::call_response(token, 1, u32::try_from(body.len()).unwrap());
}

fn logs() -> String {
    on(|gateway| std::mem::take(&mut gateway.logs).join("\n"))
}

fn streams() -> Vec<String> {
    on(|gateway| std::mem::take(&mut gateway.streams))
}

#[test]
fn values_cross_the_abi_unchanged() {
    assert_eq!(start("yes"), 1);
    assert_eq!(send(2, ""), CONTINUE);
    let (address, player, value, foreign) = (b"192.0.2.1:5", b"p-1", b"value", b"f(x)");
    let want = format!(
        "2 Ok(1000) Ok(Some({address:?})) Ok(Some({player:?})) Ok(true) Ok(Some(({value:?}, 1))) \
         Ok({foreign:?}) Some(\"value\") Some({:?})",
        [7; 16]
    );
    assert_eq!(logs().lines().last(), Some(want.as_str()));
    on(|gateway| {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let want = [pair(":path", "/"), pair("x-step", ""), pair("x-set", "new")];
        assert_eq!(gateway.maps[&REQUEST], want);
        assert_eq!(gateway.properties[&b"pitboss.class".to_vec()], b"wager");
        assert_eq!(
            gateway.metrics,
            [("0 c".to_owned(), 2), ("1 g".to_owned(), 5), ("2 h".to_owned(), 6)]
        );
        assert_eq!(gateway.ticks, [50]);
    });
}

#[test]
fn a_refused_configuration_is_logged_and_answers_false() {
    assert_eq!(start("no"), 0);
    assert!(logs().ends_with("4 probe: configuration refused: field: is wrong"));
    // A stream of it is held: nothing decides about it.
    assert_eq!(send(2, ""), PAUSE);
}

#[test]
fn a_denial_is_a_local_reply() {
    start("yes");
    assert_eq!(send(2, "deny"), PAUSE);
    on(|gateway| {
        let (status, details, body) = &gateway.replies[0];
        assert_eq!((*status, details.as_str()), (403, "probe:endpoint_unclassified"));
        assert!(body.starts_with(r#"{"code":"endpoint_unclassified""#));
    });
}

#[test]
fn the_response_of_a_call_comes_back_to_its_stream() {
    start("yes");
    assert_eq!(send(2, "call"), PAUSE);
    on(|gateway| assert_eq!(gateway.calls, [("own".to_owned(), b"?".to_vec(), 250)]));
    respond(9, "200", "nobody waits");
    assert_eq!(streams(), [""; 0]);
    respond(1, "200", "longer");
    assert!(logs().contains("own Response { status: 200"));
    assert_eq!(on(|gateway| gateway.effective.clone()), [2]);
    assert_eq!(streams(), ["continue 0"]);
    respond(1, "200", "again");
    assert_eq!(streams(), [""; 0]);
}

#[test]
fn a_shared_call_is_sent_once_and_answers_all_who_wait() {
    start("yes");
    for stream in 2..5 {
        assert_eq!(send(stream, "join"), PAUSE);
    }
    callbacks::delete(3);
    assert_eq!(on(|gateway| gateway.calls.len()), 1);
    respond(1, "404", "");
    let logs = logs();
    assert_eq!(logs.matches("plugin hears k Response { status: 404").count(), 1, "{logs}");
    assert_eq!(logs.matches("2 shared Response { status: 404").count(), 2, "{logs}");
    assert_eq!(on(|gateway| gateway.effective.clone()), [2, 4]);
    assert_eq!(streams(), ["continue 0", "continue 0"]);
}

#[test]
fn one_more_than_may_wait_hears_it_at_once() {
    start("yes");
    let last = 2 + u32::try_from(MAX_WAITING_STREAMS).unwrap();
    for stream in 2..last {
        assert_eq!(send(stream, "join"), PAUSE);
    }
    logs();
    assert_eq!(send(last, "join"), CONTINUE);
    assert!(logs().contains("shared TooManyWaiting"));
}

#[test]
fn a_token_that_a_host_repeats_keeps_no_key_forever() {
    start("yes");
    on(|gateway| gateway.tokens = vec![5, 5]);
    send(2, "join");
    callbacks::tick(ROOT);
    // The poll took the token of the first call, whose key can be asked again.
    send(3, "join");
    assert_eq!(on(|gateway| gateway.calls.len()), 3);
}

#[test]
fn bodies_are_read_up_to_their_limit() {
    start("yes");
    assert_eq!(send(2, "body"), PAUSE);
    on(|gateway| gateway.buffers.insert(REQUEST_BODY, b"12345678".to_vec()));
    assert_eq!(callbacks::request_body(2, 8, 1), CONTINUE);
    assert!(logs().contains("request body Ok([49"));
    assert_eq!(callbacks::response_headers(2, 0), CONTINUE);
    on(|gateway| gateway.buffers.insert(RESPONSE_BODY, b"123456789".to_vec()));
    assert_eq!(callbacks::response_body(2, 9, 1), CONTINUE);
    assert!(logs().contains("response body Err(TooLarge)"));
}

#[test]
fn a_tick_reaches_the_plugin_and_the_streams_that_wait() {
    start("yes");
    assert_eq!(send(2, "tick"), PAUSE);
    callbacks::tick(ROOT);
    assert!(logs().contains("plugin ticks"));
    assert_eq!(streams(), ["continue 0"]);
}

/// The configuration sends it: what a stream sends ends with the stream.
#[test]
fn a_call_at_the_end_of_a_request_is_the_configurations() {
    start("yes");
    send(2, "");
    callbacks::log(2);
    assert_eq!(on(|gateway| gateway.effective.clone()), [ROOT, 2]);
    on(|gateway| assert_eq!(gateway.calls, [("record".to_owned(), b"?".to_vec(), 250)]));
    logs();
    respond(1, "200", "ok");
    assert_eq!(logs(), "", "nothing hears of the response");
}

#[test]
fn a_configuration_ends_once_its_last_calls_are_answered() {
    start("yes");
    assert_eq!(callbacks::done(ROOT), 1, "nothing to wait for");
    start("drains");
    send(2, "");
    assert_eq!(callbacks::done(2), 1, "a stream never waits");
    assert_eq!(callbacks::done(ROOT), 0);
    assert_eq!(streams(), [""; 0]);
    respond(1, "200", "");
    assert_eq!(streams(), ["done"]);
    respond(1, "200", "");
    assert_eq!(streams(), [""; 0]);
    start("drains");
    on(|gateway| gateway.statuses.insert("proxy_http_call", 10));
    assert_eq!(callbacks::done(ROOT), 1, "nothing was sent");
}

#[test]
fn unknown_streams_are_held_and_their_responses_pass() {
    start("yes");
    assert_eq!(callbacks::request_headers(77, 1), PAUSE);
    assert_eq!(callbacks::request_body(77, 1, 1), PAUSE);
    assert_eq!(callbacks::request_trailers(77), PAUSE);
    assert_eq!(callbacks::response_headers(77, 1), CONTINUE);
    assert_eq!(callbacks::response_body(77, 1, 1), CONTINUE);
    assert_eq!(callbacks::response_trailers(77), CONTINUE);
    callbacks::log(77);
    callbacks::delete(77);
}

/// A null pointer with a size is no answer; without one it is an empty answer.
#[test]
fn a_null_pointer_is_never_followed() {
    for (size, read) in
        [(0, "Ok(Some([]))"), (5, "Err(Fault { call: \"proxy_get_property\", status: None })")]
    {
        start("yes");
        on(|gateway| gateway.nulls.insert("proxy_get_property", size));
        send(2, "");
        assert!(logs().contains(read), "{size}");
    }
}

/// Walks one stream through every callback.
fn walk(stream: u32, step: &str) -> u32 {
    let action = send(stream, step);
    on(|gateway| {
        gateway.buffers.insert(REQUEST_BODY, b"body".to_vec());
        gateway.buffers.insert(RESPONSE_BODY, b"body".to_vec());
    });
    callbacks::request_body(stream, 4, 1);
    callbacks::tick(ROOT);
    let sent = u32::try_from(on(|gateway| gateway.calls.len())).unwrap();
    (0..=sent).for_each(|token| respond(token, "200", "ok"));
    callbacks::response_headers(stream, 0);
    callbacks::response_body(stream, 4, 1);
    callbacks::log(stream);
    callbacks::delete(stream);
    action
}

/// No status of no function panics, in the configuration or in a stream, and a request whose headers the
/// gateway did not give is never let pass.
#[test]
fn no_status_panics() {
    for function in FUNCTIONS {
        for status in (0..=12).chain([99, u32::MAX]) {
            // Sizes of 0 would be a promise that this gateway then breaks.
            if (function, status) == ("environ_sizes_get", 0) {
                continue;
            }
            for step in ["", "deny", "call", "join", "body", "tick"] {
                start("yes");
                on(|gateway| gateway.statuses.insert(function, status));
                let action = walk(2, step);
                // Ok with no bytes is a map without headers.
                if function == "proxy_get_header_map_pairs" && status != 0 {
                    assert_eq!(action, PAUSE, "{step} {status}");
                }
            }
            on(|gateway| gateway.statuses.insert(function, status));
            configure(3);
        }
    }
}

#[test]
fn every_function_is_called_somewhere() {
    start("yes");
    let mut called: Vec<&str> = Vec::new();
    for step in ["", "deny", "call", "join", "body", "tick"] {
        walk(2, step);
        called.extend(on(|gateway| std::mem::take(&mut gateway.called)));
    }
    start("yes");
    called.extend(on(|gateway| std::mem::take(&mut gateway.called)));
    for function in FUNCTIONS {
        // Only a response that is rewritten sets a buffer.
        let rewrites = function == "proxy_set_buffer_bytes";
        assert!(rewrites || called.contains(&function), "{function}");
    }
}
