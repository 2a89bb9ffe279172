//! The attacking account.

use std::net::SocketAddr;
use std::process::Command;
use std::thread;
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::runtime::Builder;
use tokio::sync::oneshot;
use tokio::time::timeout_at;

use super::accounts::PASSWORD;
use super::{Answers, Attack};
use crate::Result;
use crate::client::Connection;
use crate::load::Phases;
use crate::load::cases::with_body;

/// The connections of the attacking account.
const ATTACKERS: usize = 30;

/// The attacking account.
pub struct Attacker {
    pub attack: Attack,
    pub address: SocketAddr,
    /// Its `Authorization` line.
    pub bearer: String,
    /// Those of the accounts to delete.
    pub deleted: Vec<String>,
}

impl Attacker {
    /// Attacks for one round. On the thread of the measurement, the large requests and responses of the attack
    /// would delay those of others before they are sent and after they have come.
    pub async fn run_on_own_thread(self, phases: Phases) -> Result<Answers> {
        let (ended, end) = oneshot::channel();
        thread::spawn(move || {
            let attack = || -> Result<Answers> {
                run_when_idle()?;
                Builder::new_current_thread().enable_all().build()?.block_on(self.run(phases))
            };
            // Fails only if the measurement has failed.
            let _ = ended.send(attack().map_err(|error| error.to_string()));
        });
        Ok(end.await??)
    }

    async fn run(self, phases: Phases) -> Result<Answers> {
        let mut answers = Answers::new();
        match self.attack {
            Attack::UnfinishedBodies => {
                let mut open = Vec::new();
                for _ in 0..200 {
                    open.push(begin_body(self.address, &self.bearer).await?);
                }
                tokio::time::sleep(phases.warm + phases.measured).await;
            }
            Attack::Deletion => {
                for bearer in &self.deleted {
                    let mut connection = Connection::open(self.address).await?;
                    let mut request = Vec::new();
                    let body = format!(r#"{{"password":"{PASSWORD}"}}"#);
                    with_body(&mut request, format_args!("DELETE /api/v1/users/me"), bearer, &body);
                    *answers.entry(connection.exchange(&request).await?.status).or_default() += 1;
                }
                tokio::time::sleep(phases.warm + phases.measured).await;
            }
            _ => {
                let over = tokio::time::Instant::now() + phases.warm + phases.measured;
                let connections = (0..ATTACKERS).map(|_| self.attack_until(over));
                for result in futures_util::future::join_all(connections).await {
                    for (status, count) in result? {
                        *answers.entry(status).or_default() += count;
                    }
                }
            }
        }
        Ok(answers)
    }

    /// Sends requests on one connection, and cuts off the last one when the round is over.
    async fn attack_until(&self, over: tokio::time::Instant) -> Result<Answers> {
        let mut answers = Answers::new();
        let mut connection = Connection::open(self.address).await?;
        let mut request = Vec::new();
        while tokio::time::Instant::now() < over {
            request.clear();
            self.attack.request(&mut request, &self.bearer);
            let Ok(exchanged) = timeout_at(over, connection.exchange(&request)).await else { break };
            // The server refuses large bodies before it has read them, and closes the connection.
            let status = exchanged.ok().map(|answer| answer.status);
            match status {
                Some(status) => *answers.entry(status).or_default() += 1,
                None => connection = Connection::open(self.address).await?,
            }
            // A refused client that asks again at once would measure how fast refusals are.
            if status == Some(429) {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
        Ok(answers)
    }
}

/// Lets this thread run only while no other one is ready: real attackers have processors of their own.
fn run_when_idle() -> Result<()> {
    let this = std::fs::read_link("/proc/thread-self")?;
    let thread = this.file_name().ok_or("a thread without a number")?;
    let done = Command::new("chrt").args(["--idle", "--pid", "0"]).arg(thread).status()?;
    if done.success() { Ok(()) } else { Err("chrt failed".into()) }
}

/// Sends all of a body but its last byte, as far as the server takes it.
async fn begin_body(address: SocketAddr, bearer: &str) -> Result<TcpStream> {
    let mut stream = TcpStream::connect(address).await?;
    let length = 2 * 1024 * 1024;
    let head = format!(
        "POST /api/v1/todos/bulk HTTP/1.1\r\nHost: localhost\r\n{bearer}Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await?;
    let body = vec![b' '; length - 1];
    // The server may stop reading or close the connection.
    let _ = tokio::time::timeout(Duration::from_millis(20), stream.write_all(&body)).await;
    Ok(stream)
}
