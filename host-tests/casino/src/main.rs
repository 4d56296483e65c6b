//! The demo casino as a program.

use std::io::Write;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use anyhow::Context;
use casino::{serve, Casino, Settings};
use clap::Parser;
use tokio::net::TcpListener;

/// The demo casino: an upstream with a ledger. Prints the address it listens on as its first line.
#[derive(Parser)]
#[command(version)]
struct Args {
    /// Where to listen; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Seed of odds, spins, keys and tokens.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// What every player starts with, in minor units.
    #[arg(long, default_value_t = 100_000)]
    opening_balance: i64,
    /// Deduplicate in the wallet contracts, as their providers specify.
    #[arg(long)]
    wallet_dedup: bool,
    /// Verify the signatures of partners and of the payment provider.
    #[arg(long)]
    verify_partners: bool,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let Args { listen, seed, opening_balance, wallet_dedup, verify_partners } = Args::parse();
    let casino = Casino::new(Settings { seed, opening_balance, wallet_dedup, verify_partners })?;
    let listener =
        TcpListener::bind(listen).await.with_context(|| format!("cannot listen on {listen}"))?;
    let mut stdout = std::io::stdout();
    writeln!(stdout, "{}", listener.local_addr()?)?;
    stdout.flush()?;
    let interrupted = async {
        // Without signals the program runs until it is killed.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    serve(listener, Arc::new(Mutex::new(casino)), interrupted).await.context("serving")
}
