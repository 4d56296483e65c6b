//! HTTP/1.1 byte by byte, for requests that client libraries refuse to send.
use crate::client::error::ClientError;
use crate::traffic::{Answer, Fields, Request};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The bytes of the request as they go on the wire.
pub fn bytes_of(request: &Request) -> Vec<u8> {
    let mut out = Vec::with_capacity(256 + request.body.len());
    out.extend_from_slice(&request.method);
    out.push(b' ');
    out.extend_from_slice(&request.target);
    let version: &[u8] = if request.http10 { b" HTTP/1.0\r\n" } else { b" HTTP/1.1\r\n" };
    out.extend_from_slice(version);
    for (name, value) in &request.headers {
        out.extend_from_slice(name);
        out.extend_from_slice(b": ");
        out.extend_from_slice(value);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"\r\n");
    if request.is_chunked() {
        if !request.body.is_empty() {
            out.extend_from_slice(format!("{:x}\r\n", request.body.len()).as_bytes());
            out.extend_from_slice(&request.body);
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(b"0\r\n\r\n");
    } else {
        out.extend_from_slice(&request.body);
    }
    out
}

/// Sends the request and reads the answer.
pub(crate) async fn exchange(
    mut stream: TcpStream,
    request: &Request,
) -> Result<Answer, ClientError> {
    // A gateway may refuse after the head and close; its answer can still be read.
    let sent = stream.write_all(&bytes_of(request)).await;
    let mut received = Vec::new();
    loop {
        if let Some(answer) = parse(&received, &request.method, false)? {
            return Ok(answer);
        }
        let mut buffer = [0; 4096];
        let count = match stream.read(&mut buffer).await {
            Ok(count) => count,
            Err(error) if received.is_empty() => return Err(error.into()),
            Err(_) => 0,
        };
        if count == 0 {
            sent?;
            return parse(&received, &request.method, true)?
                .ok_or_else(|| ClientError::Answer("the connection ended too early".to_owned()));
        }
        received.extend_from_slice(buffer.get(..count).unwrap_or_default());
    }
}

/// The answer, once `received` holds all of it. `ended`: the connection is closed.
fn parse(received: &[u8], method: &[u8], ended: bool) -> Result<Option<Answer>, ClientError> {
    let mut headers = [httparse::EMPTY_HEADER; 128];
    let mut head = httparse::Response::new(&mut headers);
    let broken = |error: httparse::Error| ClientError::Answer(error.to_string());
    let httparse::Status::Complete(length) = head.parse(received).map_err(broken)? else {
        return Ok(None);
    };
    let rest = received.get(length..).unwrap_or_default();
    let status = head.code.unwrap_or_default();
    if (100..200).contains(&status) && status != 101 {
        return parse(rest, method, ended);
    }
    let fields: Fields = head
        .headers
        .iter()
        .map(|it| (it.name.to_ascii_lowercase().into_bytes(), it.value.to_vec()))
        .collect();
    let mut answer = Answer { status, headers: fields, body: Vec::new() };
    if method == b"HEAD" || status == 204 || status == 304 {
        return Ok(Some(answer));
    }
    let chunked = answer.header("transfer-encoding").is_some_and(|it| it == "chunked");
    let body = match answer.header("content-length").and_then(|it| it.parse::<usize>().ok()) {
        _ if chunked => dechunk(rest)?,
        Some(length) => rest.get(..length).map(<[u8]>::to_vec),
        None => ended.then(|| rest.to_vec()),
    };
    Ok(body.map(|body| {
        answer.body = body;
        answer
    }))
}

fn dechunk(mut rest: &[u8]) -> Result<Option<Vec<u8>>, ClientError> {
    let mut body = Vec::new();
    loop {
        let size = httparse::parse_chunk_size(rest)
            .map_err(|_| ClientError::Answer("bad chunk size".to_owned()))?;
        let httparse::Status::Complete((head, size)) = size else { return Ok(None) };
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let Some(chunk) = rest.get(head..head.saturating_add(size)) else { return Ok(None) };
        if size == 0 {
            return Ok(Some(body));
        }
        body.extend_from_slice(chunk);
        rest = rest.get(head + size + 2..).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn malformed_requests_are_sent_unchanged() {
        let request = Request::new("GET", b"/a\0b\xff").header("X y", b"\xe9");
        let wire = b"GET /a\0b\xff HTTP/1.1\r\nhost: casino.example\r\nX y: \xe9\r\n\r\n";
        assert_eq!(bytes_of(&request), wire);
        let chunked = Request::new("POST", "/").header("transfer-encoding", "chunked");
        assert!(bytes_of(&Request { body: b"abc".to_vec(), ..chunked })
            .ends_with(b"\r\n\r\n3\r\nabc\r\n0\r\n\r\n"));
    }

    /// Every answer also arrives in pieces: no cut of it may parse, or break.
    #[test]
    fn incomplete_answers_are_not_parsed() {
        for (wire, method, body) in [
            ("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc", "GET", "abc"),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n", "GET", "abc"),
            ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\na", "GET", "a"),
            ("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n", "HEAD", ""),
            ("HTTP/1.1 204 No Content\r\n\r\n", "GET", ""),
        ] {
            let whole = parse(wire.as_bytes(), method.as_bytes(), false).unwrap().unwrap();
            assert_eq!(whole.body, body.as_bytes(), "{wire}");
            for cut in 0..wire.len() - 5 {
                let part = parse(&wire.as_bytes()[..cut], method.as_bytes(), false);
                assert_eq!(part.unwrap(), None, "{wire} cut at {cut}");
            }
        }
        let until_the_end = b"HTTP/1.1 200 OK\r\n\r\nabc";
        assert_eq!(parse(until_the_end, b"GET", false).unwrap(), None);
        assert_eq!(parse(until_the_end, b"GET", true).unwrap().unwrap().body, b"abc");
    }
}
