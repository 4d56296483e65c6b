//! The names of all host calls.

use crate::trace::Trace;

/// Every host call there is.
pub(super) const CALLS: &[&str] = &[
    "proxy_log",
    "proxy_get_log_level",
    "proxy_get_current_time_nanoseconds",
    "proxy_set_tick_period_milliseconds",
    "proxy_get_configuration",
    "proxy_get_status",
    "proxy_set_effective_context",
    "proxy_done",
    "proxy_call_foreign_function",
    "proxy_get_buffer_bytes",
    "proxy_get_buffer_status",
    "proxy_set_buffer_bytes",
    "proxy_get_header_map_pairs",
    "proxy_set_header_map_pairs",
    "proxy_get_header_map_value",
    "proxy_add_header_map_value",
    "proxy_replace_header_map_value",
    "proxy_remove_header_map_value",
    "proxy_get_header_map_size",
    "proxy_get_property",
    "proxy_set_property",
    "proxy_get_shared_data",
    "proxy_set_shared_data",
    "proxy_register_shared_queue",
    "proxy_resolve_shared_queue",
    "proxy_dequeue_shared_queue",
    "proxy_enqueue_shared_queue",
    "proxy_define_metric",
    "proxy_increment_metric",
    "proxy_record_metric",
    "proxy_get_metric",
    "proxy_continue_stream",
    "proxy_close_stream",
    "proxy_continue_request",
    "proxy_continue_response",
    "proxy_clear_route_cache",
    "proxy_send_local_response",
    "proxy_http_call",
    "proxy_grpc_call",
    "proxy_grpc_stream",
    "proxy_grpc_send",
    "proxy_grpc_cancel",
    "proxy_grpc_close",
    "args_get",
    "args_sizes_get",
    "environ_get",
    "environ_sizes_get",
    "clock_time_get",
    "clock_res_get",
    "fd_write",
    "fd_read",
    "fd_seek",
    "fd_close",
    "fd_fdstat_get",
    "fd_fdstat_set_flags",
    "fd_prestat_get",
    "fd_prestat_dir_name",
    "fd_filestat_get",
    "fd_readdir",
    "path_open",
    "path_create_directory",
    "path_filestat_get",
    "path_remove_directory",
    "path_rename",
    "path_unlink_file",
    "random_get",
    "poll_oneoff",
    "sched_yield",
    "proc_exit",
];

/// How many host calls there are.
pub(crate) fn count() -> usize {
    CALLS.len()
}

pub(crate) fn is_known(module: &str, name: &str) -> bool {
    match module {
        "env" => name.starts_with("proxy_") && CALLS.contains(&name),
        "wasi_snapshot_preview1" | "wasi_unstable" => {
            !name.starts_with("proxy_") && CALLS.contains(&name)
        }
        _ => false,
    }
}

pub(super) fn id_of(name: &str) -> usize {
    CALLS.iter().position(|call| *call == name).unwrap_or(0)
}

/// The counts of one VM by name, without the calls never made.
pub(crate) fn trace(calls: &[u64], into: &mut Trace) {
    for (name, count) in CALLS.iter().zip(calls) {
        if *count > 0 {
            *into.calls.entry(name).or_default() += count;
        }
    }
}
