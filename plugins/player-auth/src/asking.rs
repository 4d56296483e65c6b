//! A question that the configuration describes: whom to ask, and how to say who asks.

use policy_kit::{invalid, service, timeout, Call, ConfigError, Host, Secret};

/// What the configuration says of a service that is asked with GET.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// Where the configuration says it.
    pub at: &'a str,
    /// Envoy: a cluster. WasmX: `host:port`.
    pub cluster: &'a str,
    /// `:authority`; the cluster's name when left out.
    pub authority: Option<&'a str>,
    /// `:path`, as it is before anything is filled in.
    pub path: &'a str,
    /// The gateway's own `Authorization` header.
    pub authorization: Option<&'a Secret>,
    /// Longest anybody waits, in milliseconds.
    pub timeout_ms: u64,
    /// Longest answer that is read, in bytes.
    pub max_reply: usize,
}

impl Asked<'_> {
    /// The question, but for its path.
    ///
    /// # Errors
    /// Names the field.
    pub fn compile(&self, host: &mut dyn Host) -> Result<Call, ConfigError> {
        service(self.cluster, self.authority, self.path, self.at)?;
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let mut headers = vec![
            header(":method", "GET"),
            header(":authority", self.authority.unwrap_or(self.cluster)),
            header("accept", "application/json"),
        ];
        if let Some(secret) = self.authorization {
            let field = format!("{}.authorization", self.at);
            let value = secret.read(host, &field)?;
            if value.bytes().any(|b| !(b' '..=b'~').contains(&b)) {
                return Err(invalid(field, "expected visible ASCII"));
            }
            headers.push(header("authorization", &value));
        }
        Ok(Call {
            target: self.cluster.to_owned(),
            headers,
            body: Vec::new(),
            timeout: timeout(self.timeout_ms, self.at)?,
            max_reply: self.max_reply,
        })
    }
}

/// A question with its path, among the pseudo headers.
pub fn with_path(call: &Call, path: String) -> Call {
    let mut call = call.clone();
    call.headers.insert(0, (":path".to_owned(), path));
    call
}

/// A text as one segment of a path or one value of a query (RFC 3986 section 2.3).
pub fn percent_encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            byte if byte.is_ascii_alphanumeric() => out.push(char::from(byte)),
            byte => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}
