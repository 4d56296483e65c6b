//! The codec and the connection manager.
use super::accepted::Accepted;
use super::refusal::{Refusal, UPGRADE};
use super::target::Target;
use super::{address, grpc, head, path, referer, target};
use crate::gateway::{Gateway, Hcm};
use crate::traffic::{Fields, Request};

/// Processes a request as the gateway's listener does.
pub fn receive(gateway: &Gateway, request: &Request) -> Result<Accepted, Refusal> {
    let (target, fields) = decode(gateway, request)?;
    let grpc = target.path.is_some() && grpc::asked_by(address::value(&fields, "content-type"));
    manage(gateway, request, target, fields).map_err(|it| if grpc { it.for_grpc() } else { it })
}

/// The codec's part.
fn decode(gateway: &Gateway, request: &Request) -> Result<(Target, Fields), Refusal> {
    let hcm = &gateway.hcm;
    let head::Head { target, encoded, mut fields } = head::read(request, hcm)?;
    let connect = request.method == b"CONNECT";
    if connect {
        head::no_body(&mut fields)?;
    }
    head::one_length(&fields, encoded)?;
    // An upgrade keeps its connection headers.
    if !connect && !is_upgrade(&fields) {
        head::connection(&mut fields)?;
    }
    let target = target::split(&request.method, target, &mut fields)?;
    let valid = target.authority.as_ref().is_none_or(|it| target::authority_is_valid(it));
    let low_version = request.http10 && !hcm.accept_http_10;
    // Only a proxy in front can have a TLS connection.
    let is_https = target.scheme.as_deref() == Some(b"https");
    if valid && is_https && hcm.use_remote_address && hcm.xff_num_trusted_hops == 0 {
        return Err(Refusal::new(403, "http1.https_url_on_plaintext_connection"));
    }
    if low_version {
        return Err(Refusal::new(426, "low_version"));
    }
    if !valid {
        return Err(Refusal::bad_request("http.invalid_authority"));
    }
    Ok((target, fields))
}

/// The connection manager's part.
fn manage(
    gateway: &Gateway,
    request: &Request,
    target: Target,
    mut fields: Fields,
) -> Result<Accepted, Refusal> {
    let hcm = &gateway.hcm;
    let Some(authority) = target.authority else {
        return Err(Refusal::bad_request("missing_host_header"));
    };
    if target.path.as_ref().is_some_and(|it| !it.starts_with(b"/")) {
        return Err(Refusal::new(404, "absolute_path_rejected"));
    }
    // A QUERY needs a content type for its body.
    let kind = address::value(&fields, "content-type").unwrap_or_default();
    if request.method == b"QUERY" && kind.is_empty() {
        return Err(Refusal::bad_request("query_missing_content_type"));
    }
    let connect = target.path.is_none();
    let path = target.path.map(|it| accepted_path(hcm, &it)).transpose()?;
    let upgrade = is_upgrade(&fields);
    let let_through = upgrade && {
        let kind = address::value(&fields, "upgrade").unwrap_or_default().to_ascii_lowercase();
        hcm.upgrades.iter().any(|it| it.as_bytes() == kind)
    };
    head::strip_connection(&mut fields, upgrade);
    fields.retain(|(name, value)| name != b"referer" || referer::stays(value));
    let source = address::apply(hcm, request, &mut fields);
    if let_through && !connect {
        return Err(Refusal::bad_request(UPGRADE));
    }
    // The port is part of the target of a CONNECT.
    let authority = if connect { authority } else { target::strip(hcm, &authority, gateway.port) };
    let mut headers: Fields = vec![(b":authority".to_vec(), authority)];
    headers.extend(path.map(|it| (b":path".to_vec(), it)));
    headers.push((b":method".to_vec(), request.method.clone()));
    match target.scheme {
        // The scheme of an absolute target is known before its path is.
        Some(scheme) => headers.insert(1, (b":scheme".to_vec(), scheme)),
        None => headers.push((b":scheme".to_vec(), forwarded_scheme(&fields))),
    }
    headers.append(&mut fields);
    if upgrade && !connect {
        // Without a route nothing refuses the upgrade before the filters.
        let route = gateway.destination(&headers.iter().cloned().collect());
        if route.answer.is_none_or(|it| it.reply.details != "route_not_found") {
            return Err(Refusal::new(403, "upgrade_failed"));
        }
    }
    let body = if connect { Vec::new() } else { request.body.clone() };
    let has_body = !connect && (!body.is_empty() || request.is_chunked());
    Ok(Accepted { headers, body, source, http10: request.http10, has_body })
}

fn accepted_path(hcm: &Hcm, path: &[u8]) -> Result<Vec<u8>, Refusal> {
    const FAILED: &str = "path_normalization_failed";
    if path.contains(&b'#') {
        return Err(Refusal::bad_request(FAILED));
    }
    match path::apply(hcm, path) {
        path::Path::Use(path) => Ok(path),
        path::Path::Reject => Err(Refusal::bad_request(FAILED)),
        path::Path::Redirect(location) => {
            Err(Refusal { location: Some(location), ..Refusal::new(307, FAILED) })
        }
    }
}

/// The scheme by X-Forwarded-Proto; untrusted values were removed before.
fn forwarded_scheme(fields: &Fields) -> Vec<u8> {
    let scheme = address::value(fields, "x-forwarded-proto").unwrap_or_default();
    let https = scheme.eq_ignore_ascii_case(b"https");
    if https {
        b"https".to_vec()
    } else {
        b"http".to_vec()
    }
}

/// True for an upgrade that needs `upgrade_configs`. Envoy ignores `h2c`.
fn is_upgrade(fields: &Fields) -> bool {
    let asks = |name: &str| address::value(fields, name).map(<[u8]>::to_ascii_lowercase);
    let wants = asks("connection")
        .is_some_and(|it| it.split(|it| *it == b',').any(|it| it.trim_ascii() == b"upgrade"));
    wants && asks("upgrade").is_some_and(|it| it != b"h2c")
}

#[cfg(test)]
mod tests {
    use super::super::address::request_id;
    use super::*;
    use crate::gateway::policyless;
    use serde_json::json;

    /// What the first filter sees, as a Lua filter in the real Envoy printed it.
    #[test]
    fn filters_see_headers_in_the_order_of_envoy() {
        let hops = |hops: u8| {
            let options = json!({"use_remote_address": true, "xff_num_trusted_hops": hops});
            Gateway::from_document(policyless(&options)).unwrap()
        };
        let last = "x-forwarded-for=203.0.113.9|x-envoy-external-address=203.0.113.9|x-request-id=";
        let whole = "x-forwarded-for=203.0.113.9|x-forwarded-proto=http|x-envoy-external-address=203.0.113.9|x-request-id=";
        let secure = |it: Request| it.header("x-forwarded-proto", "https");
        for (hop_count, request, wanted, rest) in [
            (
                0,
                Request::new("POST", "/x").header("z", "1").body("{}"),
                ":authority=casino.example|:path=/x|:method=POST|:scheme=http|z=1|content-length=2|",
                whole,
            ),
            (
                0,
                secure(Request::new("GET", "/x")),
                ":authority=casino.example|:path=/x|:method=GET|:scheme=http|x-forwarded-proto=http|",
                last,
            ),
            (
                1,
                secure(Request::new("GET", "/x")),
                ":authority=casino.example|:path=/x|:method=GET|:scheme=https|x-forwarded-proto=https|",
                last,
            ),
            (
                1,
                Request::new("GET", "https://o/x"),
                ":authority=o|:scheme=https|:path=/x|:method=GET|",
                whole,
            ),
            (
                0,
                Request::new("CONNECT", "h:80").header("te", "trailers, gzip").header("x-a", "1"),
                ":authority=h:80|:method=CONNECT|:scheme=http|te=trailers|x-a=1|",
                whole,
            ),
        ] {
            let accepted = receive(&hops(hop_count), &request).unwrap();
            let shown: Vec<String> = accepted
                .headers
                .iter()
                .map(|(name, value)| {
                    format!("{}={}", name.escape_ascii(), value.escape_ascii())
                })
                .collect();
            assert_eq!(shown.join("|"), format!("{wanted}{rest}{}", request_id(1)));
        }
    }
}
