//! A real Redis, and nginx with Lua as its front: `envoy-examples/redis`.

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use host_tests::envoy::workspace_root;
use tempfile::TempDir;

/// Both servers; they end with the test.
pub(crate) struct Redis {
    /// Where the front listens.
    pub(crate) front: SocketAddr,
    redis: Server,
    _nginx: Server,
    _folder: TempDir,
}

struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        _ = self.0.kill();
        _ = self.0.wait();
    }
}

impl Redis {
    /// Starts both on free ports, with the function library loaded. `None` where one of them is not installed, which in
    /// CI is a failure.
    pub(crate) fn start() -> Option<Self> {
        let (port, front) = (free_port(), free_port());
        let folder = tempfile::tempdir().unwrap();
        let examples = workspace_root().join("envoy-examples/redis");
        let mut redis = Command::new("redis-server");
        redis.args(["--port", &port.to_string(), "--save", "", "--bind", "127.0.0.1"]);
        let redis = listening(redis.arg("--dir").arg(folder.path()), port)?;
        load_functions(port, &std::fs::read_to_string(examples.join("pitboss.lua")).unwrap());
        let config = std::fs::read_to_string(examples.join("nginx.conf")).unwrap();
        let config = config.replace("6379", &port.to_string()).replace("8079", &front.to_string());
        let file = folder.path().join("nginx.conf");
        // One process, which ends with the test.
        std::fs::write(&file, format!("master_process off;\n{config}")).unwrap();
        let mut nginx = Command::new("nginx");
        let nginx = listening(nginx.arg("-p").arg(folder.path()).arg("-c").arg(&file), front)?;
        let front = (Ipv4Addr::LOCALHOST, front).into();
        Some(Self { front, redis, _nginx: nginx, _folder: folder })
    }

    /// Kills Redis; its front stays.
    pub(crate) fn kill(&self) {
        let pid = self.redis.0.id().to_string();
        assert!(Command::new("kill").args(["-9", &pid]).status().unwrap().success());
    }
}

fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

/// Starts a server and waits until it listens.
fn listening(command: &mut Command, port: u16) -> Option<Server> {
    let name = command.get_program().to_owned();
    let missing = || {
        assert!(
            std::env::var_os("CI").is_none(),
            "{name:?} or one of its modules is not installed"
        );
        println!("skipped: {name:?} or one of its modules is not installed");
    };
    let Ok(child) = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn() else {
        missing();
        return None;
    };
    let mut server = Server(child);
    let start = Instant::now();
    while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
        if server.0.try_wait().unwrap().is_some() {
            missing();
            return None;
        }
        assert!(start.elapsed() < Duration::from_secs(10), "{name:?} does not listen");
        std::thread::yield_now();
    }
    Some(server)
}

/// Loads the function library by Redis's own protocol.
fn load_functions(port: u16, library: &str) {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    let mut text = "*4\r\n".to_owned();
    for word in ["FUNCTION", "LOAD", "REPLACE", library] {
        text += &format!("${}\r\n{word}\r\n", word.len());
    }
    stream.write_all(text.as_bytes()).unwrap();
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).unwrap();
    assert_eq!(line, "$7\r\n", "the library's name");
}
