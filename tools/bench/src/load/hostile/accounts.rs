//! The accounts of the attack: one that is as full as it may be, and full ones to delete.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::ops::Range;
use std::time::Duration;

use crate::Result;
use crate::client::Connection;
use crate::load::cases::with_body;

/// The todos of the attacking account, and the length of each description: a full account.
const TODOS: usize = 8_000;
pub const DESCRIPTION: usize = 6_000;
/// The password of the accounts to delete.
pub const PASSWORD: &str = "Zebra-Stripe-7";

/// The `n`th id of a todo of the attacking account.
pub fn id(n: usize) -> String {
    format!("0192f000-0000-7000-8000-{n:012x}")
}

/// Makes the attacking account as large as it may be, with as many tombstones. Returns the `Authorization` lines
/// of other full accounts.
pub async fn fill(address: SocketAddr, bearer: &str) -> Result<Vec<String>> {
    eprintln!("filling the account of the attacker");
    let mut connection = Connection::open(address).await?;
    let near_match = "ab".repeat(DESCRIPTION / 2);
    create(&mut connection, bearer, 0..TODOS, &near_match).await?;
    for start in (TODOS..TODOS + 6_000).step_by(500) {
        create(&mut connection, bearer, start..start + 500, "").await?;
        let mut body = String::from(r#"{"todos":["#);
        for todo in start..start + 500 {
            let comma = if todo == start { "" } else { "," };
            let _ = write!(body, r#"{comma}{{"id":"{}","deleted":true,"version":1}}"#, id(todo));
        }
        body.push_str("]}");
        let mut request = Vec::new();
        with_body(&mut request, format_args!("POST /api/v1/todos/sync"), bearer, &body);
        connection.exchange(&request).await?.expect(200)?;
    }
    let mut full_accounts = Vec::new();
    for account in 0..2 {
        let mut request = Vec::new();
        let body = format!(r#"{{"email":"deleted{account}@example.com","password":"{PASSWORD}"}}"#);
        with_body(&mut request, format_args!("POST /api/v1/auth/register"), "", &body);
        let answer = connection.exchange(&request).await?;
        answer.expect(201)?;
        let token = answer.quoted_after(r#""access_token":""#).ok_or("no token")?;
        let bearer = format!("Authorization: Bearer {token}\r\n");
        create(&mut connection, &bearer, 0..4_000, &"d".repeat(2_000)).await?;
        full_accounts.push(bearer);
    }
    Ok(full_accounts)
}

async fn create(
    connection: &mut Connection,
    bearer: &str,
    todos: Range<usize>,
    description: &str,
) -> Result<()> {
    let per_request = (1_500_000 / (description.len() + 100)).clamp(1, 500);
    for start in todos.clone().step_by(per_request) {
        let mut body = String::from(r#"{"todos":["#);
        for todo in start..todos.end.min(start + per_request) {
            let comma = if todo == start { "" } else { "," };
            let _ = write!(
                body,
                r#"{comma}{{"id":"{}","text":"Errand {todo}","description":"{description}"}}"#,
                id(todo)
            );
        }
        body.push_str("]}");
        let mut request = Vec::new();
        with_body(&mut request, format_args!("POST /api/v1/todos/bulk"), bearer, &body);
        loop {
            let answer = connection.exchange(&request).await?;
            match answer.status {
                201 => break,
                429 => tokio::time::sleep(Duration::from_secs(1)).await,
                _ => return Err(answer.unexpected()),
            }
        }
    }
    Ok(())
}
