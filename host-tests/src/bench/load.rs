//! A closed loop over kept connections: on each of them one request, then all the answers.
use super::error::LoadError;
use super::variant::{Attack, Variant, NUMBER};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// How long one answer may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Attempts of one source that the gateway may check before it refuses them unchecked.
const MOST_FAILURES: usize = 100;

/// Open connections to one gateway.
pub(super) struct Load {
    connections: Vec<TcpStream>,
    /// The one that attacks come over.
    other: TcpStream,
    /// Requests of an attack sent so far.
    attacks: usize,
    /// Numbered requests sent so far.
    numbers: usize,
    buffer: Vec<u8>,
}

impl Load {
    pub(super) fn connect(gateway: SocketAddr, connections: usize) -> Result<Self, LoadError> {
        let connect = || {
            let stream = TcpStream::connect(gateway)?;
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            Ok::<_, LoadError>(stream)
        };
        let connections = (0..connections).map(|_| connect()).collect::<Result<_, LoadError>>()?;
        let (attacks, numbers, buffer) = (0, 0, Vec::new());
        Ok(Self { connections, other: connect()?, attacks, numbers, buffer })
    }

    /// Sends at least `count` of a variant's requests, with or without an attack, and returns their number.
    pub(super) fn send(
        &mut self,
        variant: &Variant,
        attack: Option<&Attack>,
        count: usize,
    ) -> Result<usize, LoadError> {
        let mut sent = 0;
        let mut requests = variant.requests.iter().cycle();
        while sent < count {
            for (connection, request) in self.connections.iter_mut().zip(&mut requests) {
                match variant.numbered {
                    true => connection.write_all(&numbered(request, &mut self.numbers))?,
                    false => connection.write_all(request)?,
                }
            }
            if let Some(attack) = attack {
                self.write_attack(attack)?;
            }
            for connection in &mut self.connections {
                let got = read_answer(connection, &mut self.buffer)?;
                if got != variant.status {
                    return Err(LoadError::Status { got, wanted: variant.status });
                }
                sent += 1;
            }
            if let Some(attack) = attack {
                self.read_attack(attack)?;
            }
        }
        Ok(sent)
    }

    /// Sends requests one after the other and ignores their statuses.
    pub(super) fn prepare(&mut self, requests: &[Vec<u8>]) -> Result<(), LoadError> {
        for request in requests {
            self.other.write_all(request)?;
            read_answer(&mut self.other, &mut self.buffer)?;
        }
        Ok(())
    }

    /// Attacks until every source is refused unchecked, as in an attack that has lasted for a while.
    pub(super) fn attack(&mut self, attack: &Attack) -> Result<(), LoadError> {
        let mut refused = 0;
        for _ in 0..attack.sources.saturating_mul(MOST_FAILURES) {
            self.write_attack(attack)?;
            let got = self.read_attack(attack)?;
            refused = if got == attack.in_the_end { refused + 1 } else { 0 };
            if refused == attack.sources {
                return Ok(());
            }
        }
        Err(LoadError::Status { got: attack.at_first, wanted: attack.in_the_end })
    }

    fn write_attack(&mut self, attack: &Attack) -> Result<(), LoadError> {
        let request = attack.requests.get(self.attacks % attack.requests.len().max(1));
        self.attacks += 1;
        Ok(self.other.write_all(request.map(Vec::as_slice).unwrap_or_default())?)
    }

    fn read_attack(&mut self, attack: &Attack) -> Result<u16, LoadError> {
        let got = read_answer(&mut self.other, &mut self.buffer)?;
        if got == attack.at_first || got == attack.in_the_end {
            return Ok(got);
        }
        Err(LoadError::Status { got, wanted: attack.in_the_end })
    }
}

/// The request with the next number in it.
fn numbered(request: &[u8], numbers: &mut usize) -> Vec<u8> {
    *numbers += 1;
    let mut request = request.to_vec();
    let at = request.windows(NUMBER.len()).position(|window| window == NUMBER);
    let place = at.and_then(|at| request.get_mut(at..at + NUMBER.len()));
    if let Some(place) = place {
        place.copy_from_slice(format!("{:08}", *numbers % 100_000_000).as_bytes());
    }
    request
}

/// Reads one answer and returns its status.
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
    fn answers_are_read_in_pieces() {
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
