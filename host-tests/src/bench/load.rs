//! A closed loop over kept connections: on each of them one request, then all the answers.
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// How long one answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// What went wrong with a request.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The connection failed.
    #[error("connection to the gateway: {0}")]
    Io(#[from] std::io::Error),
    /// The gateway ended a connection that was to be kept.
    #[error("the gateway closed the connection")]
    Closed,
    /// The answer is no HTTP/1.1 with a length.
    #[error("the answer has no readable head")]
    Unreadable,
    /// The variant does something else than it was made for.
    #[error("answered {got}, not {wanted}")]
    Status {
        /// What came.
        got: u16,
        /// What should have.
        wanted: u16,
    },
}

/// Open connections to one gateway.
pub(super) struct Load {
    connections: Vec<TcpStream>,
    buffer: Vec<u8>,
}

impl Load {
    pub(super) fn connect(gateway: SocketAddr, connections: usize) -> Result<Self, LoadError> {
        let connect = |_| {
            let stream = TcpStream::connect(gateway)?;
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            Ok(stream)
        };
        let connections = (0..connections).map(connect).collect::<Result<_, LoadError>>()?;
        Ok(Self { connections, buffer: Vec::new() })
    }

    /// Sends at least `count` requests and tells how many it were.
    pub(super) fn send(
        &mut self,
        request: &[u8],
        wanted: u16,
        count: usize,
    ) -> Result<usize, LoadError> {
        let mut sent = 0;
        while sent < count {
            for connection in &mut self.connections {
                connection.write_all(request)?;
            }
            for connection in &mut self.connections {
                let got = read_answer(connection, &mut self.buffer)?;
                if got != wanted {
                    return Err(LoadError::Status { got, wanted });
                }
                sent += 1;
            }
        }
        Ok(sent)
    }
}

/// Reads one answer and tells its status.
fn read_answer(from: &mut impl Read, buffer: &mut Vec<u8>) -> Result<u16, LoadError> {
    buffer.clear();
    let mut piece = [0; 4096];
    loop {
        let count = from.read(&mut piece)?;
        if count == 0 {
            return Err(LoadError::Closed);
        }
        buffer.extend(piece.get(..count).unwrap_or_default());
        let Some((status, length)) = whole(buffer)? else { continue };
        if buffer.len() >= length {
            return Ok(status);
        }
    }
}

/// The status and the length of the whole answer, once its head is there.
fn whole(bytes: &[u8]) -> Result<Option<(u16, usize)>, LoadError> {
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut answer = httparse::Response::new(&mut headers);
    let head = match answer.parse(bytes) {
        Ok(httparse::Status::Complete(head)) => head,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(_) => return Err(LoadError::Unreadable),
    };
    let length = answer.headers.iter().find(|it| it.name.eq_ignore_ascii_case("content-length"));
    let length = length.and_then(|it| std::str::from_utf8(it.value).ok()?.parse::<usize>().ok());
    match (answer.code, length) {
        (Some(status), Some(length)) => Ok(Some((status, head + length))),
        _ => Err(LoadError::Unreadable),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives its bytes in pieces of three.
    struct Dribble(&'static [u8]);

    impl Read for Dribble {
        fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
            let (now, later) = self.0.split_at(self.0.len().min(3));
            self.0 = later;
            into[..now.len()].copy_from_slice(now);
            Ok(now.len())
        }
    }

    #[test]
    fn answers_in_pieces() {
        let read = |bytes| read_answer(&mut Dribble(bytes), &mut Vec::new());
        let good = read(b"HTTP/1.1 451 Unknown\r\nContent-Length: 5\r\n\r\nhello");
        assert_eq!(good.unwrap(), 451);
        let cut = read(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhell");
        assert!(matches!(cut, Err(LoadError::Closed)));
        let endless = read(b"HTTP/1.1 200 OK\r\n\r\nhello");
        assert!(matches!(endless, Err(LoadError::Unreadable)));
        assert!(matches!(read(b"nonsense\r\n\r\n"), Err(LoadError::Unreadable)));
    }
}
