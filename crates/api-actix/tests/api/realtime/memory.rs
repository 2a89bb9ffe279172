//! The memory of what sockets have to send.

use api_actix::realtime::Hub;
use domain::TodoId;
use domain::todo::{Base, Edit};
use domain_testkit::build::{create, description, edit, todo_id};
use futures_util::future::join_all;

use super::client::Socket;
use super::limits::wait_until;
use super::server::{Server, User};

/// Several reservations of a user may take a quarter of the memory.
const SHARE: usize = Hub::MEMORY / 4;

/// Creates `count` todos with descriptions of 40 KB, each description in a commit of its own.
async fn fill(server: &Server, user: &User, count: usize) -> Vec<TodoId> {
    let ids: Vec<_> = (0..count).map(|_| todo_id()).collect();
    server.commit(user.id, ids.iter().map(|id| create(*id, "Heavy"))).await;
    for id in &ids {
        server.commit(user.id, [describe(*id, 'a')]).await;
    }
    ids
}

fn describe(id: TodoId, first: char) -> domain::todo::Change {
    let text = description(&format!("{first}{}", "\u{1f4a7}".repeat(9_990)));
    edit(id, Base::Current, Edit { description: Some(Some(text)), ..Edit::default() })
}

#[actix_web::test]
async fn replays_that_nobody_reads_take_a_share_of_the_memory_and_stop_no_other_user() {
    let server = Server::start();
    let (ann, bob) = (server.user().await, server.user().await);
    fill(&server, &ann, 120).await;
    fill(&server, &bob, 120).await;
    let mut unread = Vec::new();
    for _ in 0..Hub::SOCKETS_PER_USER {
        let query = "?since=2000-01-01T00:00:00Z";
        unread.push(Socket::narrow(server.address, &ann.token(), query).await);
        assert!(server.hub.unsent_bytes() <= SHARE, "{} bytes", server.hub.unsent_bytes());
    }
    let mut read = server.open(&bob, "?since=2000-01-01T00:00:00Z").await;
    for _ in 0..120 {
        assert_eq!(read.next().await["type"], "todo_updated");
    }
    assert_eq!(read.next().await["type"], "ready");
    // Once they read, they get everything, unless they had to wait for memory for too long.
    let ends = unread.iter_mut().map(async |socket| {
        loop {
            match socket.next_or_close().await {
                Ok(message) if message["type"] == "ready" => return Ok(()),
                Ok(_) => {}
                Err(code) => return Err(code),
            }
        }
    });
    let ends = join_all(ends).await;
    assert!(ends.iter().all(|end| [Ok(()), Err(1013)].contains(end)), "{ends:?}");
    wait_until(|| server.hub.unsent_bytes() == 0).await;
}

#[actix_web::test]
async fn events_that_nobody_reads_take_a_share_of_the_memory() {
    let server = Server::start();
    let ann = server.user().await;
    let ids = fill(&server, &ann, 30).await;
    let mut unread = Vec::new();
    for _ in 0..Hub::SOCKETS_PER_USER {
        let mut socket = Socket::narrow(server.address, &ann.token(), "").await;
        assert_eq!(socket.next().await["type"], "ready");
        unread.push(socket);
    }
    // 12 MB, of which the buffers of a connection take a part.
    for round in 'b'..'l' {
        server.commit(ann.id, ids.iter().map(|id| describe(*id, round))).await;
        assert!(server.hub.unsent_bytes() <= SHARE, "{} bytes", server.hub.unsent_bytes());
    }
    let ends = join_all(unread.iter_mut().map(async |socket| socket.rest().await.1)).await;
    assert!(ends.iter().all(|code| *code == 1013), "{ends:?}");
}

#[actix_web::test]
async fn a_commit_without_memory_is_read_from_the_store() {
    const TODOS: usize = 300;
    let server = Server::start();
    let ann = server.user().await;
    let ids = fill(&server, &ann, TODOS).await;
    let (mut first, _) = server.live(&ann, "").await;
    let (mut second, _) = server.live(&ann, "").await;
    // 12 MB, more than a user's share.
    server.commit(ann.id, ids.iter().map(|id| describe(*id, 'b'))).await;
    server.commit(ann.id, [create(todo_id(), "After it")]).await;
    for socket in [&mut first, &mut second] {
        for id in &ids {
            let event = socket.next().await;
            assert_eq!(
                (&event["type"], &event["todo"]["id"]),
                (&"todo_updated".into(), &id.0.to_string().into())
            );
        }
        assert_eq!(socket.next().await["todo"]["text"], "After it");
    }
}
