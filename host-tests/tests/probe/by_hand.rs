//! Connections under the control of a test.

use std::io::{ErrorKind, Read};
use std::net::SocketAddr;

use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

/// An upstream with connections under the control of the test.
pub(crate) async fn by_hand() -> (SocketAddr, mpsc::UnboundedReceiver<TcpStream>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let (tell, connections) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            if tell.send(stream).is_err() {
                return;
            }
        }
    });
    (address, connections)
}

/// Reads to the end of the headers, and not a byte further.
pub(crate) async fn head(connection: &mut TcpStream) -> String {
    let mut text = Vec::new();
    while !text.ends_with(b"\r\n\r\n") {
        text.push(connection.read_u8().await.unwrap());
    }
    String::from_utf8(text).unwrap()
}

/// Reads to the end of the connection. One on which the gateway has left a part of the request unread
/// ends with a reset; what came before it is all there is.
pub(crate) async fn rest(mut connection: TcpStream) -> String {
    let mut text = Vec::new();
    if let Err(error) = connection.read_to_end(&mut text).await {
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    }
    String::from_utf8(text).unwrap()
}

/// Whether the kernel has received anything.
pub(crate) fn nothing_more(connection: TcpStream) -> TcpStream {
    let mut connection = connection.into_std().unwrap();
    let came = connection.read(&mut [0; 64]);
    assert!(came.as_ref().is_err_and(|it| it.kind() == ErrorKind::WouldBlock), "{came:?}");
    TcpStream::from_std(connection).unwrap()
}

/// The body of an answer in chunks, and its trailers.
pub(crate) fn dechunked(mut text: &str) -> (String, String) {
    let mut body = String::new();
    loop {
        let (size, after) = text.split_once("\r\n").unwrap();
        let size = usize::from_str_radix(size, 16).unwrap();
        if size == 0 {
            return (body, after.trim_end().to_owned());
        }
        body.push_str(&after[..size]);
        text = &after[size + 2..];
    }
}
