//! The real Envoy, and an upstream that answers in trailers, too.
use crate::scenes::{scenes, Scene};
use crate::table::Table;
use host_tests::envoy::{EnvoyProcess, Options};
use host_tests::{artifact, raw};
use serde_json::Value;
use std::net::SocketAddr;
use std::path::PathBuf;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Starts the upstream; it serves as long as the test runs.
pub(crate) async fn upstream() -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream));
        }
    });
    address
}

async fn serve(mut stream: TcpStream) {
    let mut seen = Vec::new();
    loop {
        let mut buffer = [0; 4096];
        let Ok(count @ 1..) = stream.read(&mut buffer).await else { return };
        seen.extend_from_slice(&buffer[..count]);
        let text = String::from_utf8_lossy(&seen).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let whole = match head.contains("chunked") {
            true => body.contains("0\r\n") && body.ends_with("\r\n\r\n"),
            false => !head.contains("content-length: 4") || body.len() == 4,
        };
        if whole {
            let path = head.split(' ').nth(1).unwrap();
            let scene = scenes().into_iter().find(|it| it.reaches(path)).unwrap();
            stream.write_all(&wire(&scene)).await.unwrap();
            seen.clear();
        }
    }
}

/// The scene's answer as it goes on the wire.
fn wire(scene: &Scene) -> Vec<u8> {
    let answer = scene.answer.clone().unwrap();
    let mut out = format!("HTTP/1.1 {} x\r\n", answer.status());
    for (name, value) in answer.headers.iter().filter(|(name, _)| *name != b":status") {
        out += &format!("{}: {}\r\n", name.escape_ascii(), value.escape_ascii());
    }
    let body = String::from_utf8(answer.chunks.concat()).unwrap();
    match &answer.trailers {
        None => out += &format!("\r\n{body}"),
        Some(trailers) => {
            out += &format!("\r\n5\r\n{body}\r\n0\r\n");
            for (name, value) in trailers.iter() {
                out += &format!("{}: {}\r\n", name.escape_ascii(), value.escape_ascii());
            }
            out += "\r\n";
        }
    }
    out.into_bytes()
}

/// Sends every scene through Envoy; returns the module's log.
pub(crate) async fn ask(binary: PathBuf, document: &Value, upstream: SocketAddr) -> Table {
    let mut options = Options::new(binary, artifact::wasm_dir(), upstream);
    // Nothing listens there.
    options.clusters.insert("dead".to_owned(), SocketAddr::from(([127, 0, 0, 1], 1)));
    let envoy = EnvoyProcess::start(document, options).await.unwrap();
    let all = scenes();
    for scene in &all {
        let mut stream = TcpStream::connect(envoy.address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let mut bytes = b"PROXY TCP4 203.0.113.9 127.0.0.1 5555 8443\r\n".to_vec();
        bytes.extend(raw::bytes_of(&scene.request));
        if let Some(trailers) = &scene.trailers {
            bytes.truncate(bytes.len() - 2);
            for (name, value) in trailers.iter() {
                bytes.extend([name, b": ", value, b"\r\n"].concat());
            }
            bytes.extend(b"\r\n");
        }
        stream.write_all(&bytes).await.unwrap();
        let mut answer = [0; 64];
        assert!(stream.read(&mut answer).await.unwrap() > 0, "{}", scene.name);
        tokio::io::copy(&mut stream, &mut tokio::io::sink()).await.ok();
    }
    envoy.access_log(all.len()).await.unwrap();
    Table::read(envoy.log().lines())
}
