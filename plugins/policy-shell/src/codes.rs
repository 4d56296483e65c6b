//! The numbers of ABI 0.2.1 that cross the border. Statuses stay plain numbers: a host may answer one
//! that no list has.

/// Statuses that mean something here.
pub(crate) mod status {
    /// Done.
    pub(crate) const OK: u32 = 0;
    /// There is no such thing.
    pub(crate) const NOT_FOUND: u32 = 1;
    /// Somebody else was first.
    pub(crate) const CAS_MISMATCH: u32 = 8;
}

/// What a callback tells its host.
pub(crate) mod action {
    /// Go on.
    pub(crate) const CONTINUE: u32 = 0;
    /// Hold.
    pub(crate) const PAUSE: u32 = 1;
}

/// Buffers that are read here.
#[derive(Clone, Copy)]
pub(crate) enum Buffer {
    RequestBody = 0,
    ResponseBody = 1,
    CallResponseBody = 4,
    PluginConfiguration = 7,
}

/// Header maps that are used here.
#[derive(Clone, Copy)]
pub(crate) enum Map {
    Request = 0,
    Response = 2,
    CallResponse = 6,
}

/// The request's side of a stream.
pub(crate) const REQUEST_STREAM: u32 = 0;
/// The answer's side of a stream.
pub(crate) const RESPONSE_STREAM: u32 = 1;
/// A counter.
pub(crate) const COUNTER: u32 = 0;
/// A value that goes up and down.
pub(crate) const GAUGE: u32 = 1;
/// The distribution of values.
pub(crate) const HISTOGRAM: u32 = 2;
/// Not a gRPC answer.
pub(crate) const NO_GRPC_STATUS: i32 = -1;

/// The level of a log line.
pub(crate) fn level(level: log::Level) -> u32 {
    match level {
        log::Level::Trace => 0,
        log::Level::Debug => 1,
        log::Level::Info => 2,
        log::Level::Warn => 3,
        log::Level::Error => 4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proxy_wasm::types;

    #[test]
    fn our_numbers_are_the_sdks() {
        for (ours, sdks) in [
            (status::OK, types::Status::Ok as u32),
            (status::NOT_FOUND, types::Status::NotFound as u32),
            (status::CAS_MISMATCH, types::Status::CasMismatch as u32),
            (action::CONTINUE, types::Action::Continue as u32),
            (action::PAUSE, types::Action::Pause as u32),
            (Buffer::RequestBody as u32, types::BufferType::HttpRequestBody as u32),
            (Buffer::ResponseBody as u32, types::BufferType::HttpResponseBody as u32),
            (Buffer::CallResponseBody as u32, types::BufferType::HttpCallResponseBody as u32),
            (Buffer::PluginConfiguration as u32, types::BufferType::PluginConfiguration as u32),
            (Map::Request as u32, types::MapType::HttpRequestHeaders as u32),
            (Map::Response as u32, types::MapType::HttpResponseHeaders as u32),
            (Map::CallResponse as u32, types::MapType::HttpCallResponseHeaders as u32),
            (REQUEST_STREAM, types::StreamType::HttpRequest as u32),
            (RESPONSE_STREAM, types::StreamType::HttpResponse as u32),
            (COUNTER, types::MetricType::Counter as u32),
            (GAUGE, types::MetricType::Gauge as u32),
            (HISTOGRAM, types::MetricType::Histogram as u32),
            (level(log::Level::Trace), types::LogLevel::Trace as u32),
            (level(log::Level::Debug), types::LogLevel::Debug as u32),
            (level(log::Level::Info), types::LogLevel::Info as u32),
            (level(log::Level::Warn), types::LogLevel::Warn as u32),
            (level(log::Level::Error), types::LogLevel::Error as u32),
        ] {
            assert_eq!(ours, sdks);
        }
    }
}
