use actix_web::http::header::HeaderValue;
use tokio::sync::oneshot;
use uuid::Uuid;

use super::*;

const ANN: UserId = UserId(Uuid::from_u128(1));
const BOB: UserId = UserId(Uuid::from_u128(2));

fn impatient() -> PerUserGate {
    PerUserGate::with_queue_timeout(Duration::from_millis(20))
}

#[actix_web::test]
async fn requests_of_one_user_and_kind_exclude_one_another_and_no_others() {
    let gate = impatient();
    let permit = gate.acquire(ANN, HeavyWork::Read).await.expect("free");
    assert_eq!(gate.acquire(ANN, HeavyWork::Read).await.err(), Some(Busy));
    assert_eq!(gate.try_acquire(ANN, HeavyWork::Read).err(), Some(Busy));
    assert!(gate.try_acquire(BOB, HeavyWork::Read).is_ok());
    assert!(gate.try_acquire(ANN, HeavyWork::Export).is_ok());
    drop(permit);
    assert!(gate.try_acquire(ANN, HeavyWork::Read).is_ok());
}

#[actix_web::test]
async fn a_few_large_bodies_of_a_user_arrive_at_once() {
    let gate = impatient();
    let mut bodies = Vec::new();
    for _ in 0..4 {
        bodies.push(gate.acquire(ANN, HeavyWork::Upload).await.expect("free"));
    }
    assert_eq!(gate.acquire(ANN, HeavyWork::Upload).await.err(), Some(Busy));
    assert!(gate.try_acquire(BOB, HeavyWork::Upload).is_ok());
    bodies.pop();
    assert!(gate.acquire(ANN, HeavyWork::Upload).await.is_ok());
}

#[actix_web::test]
async fn large_bodies_of_many_users_run_a_few_at_a_time() {
    let gate = impatient();
    let user = |n: usize| UserId(Uuid::from_u128(n as u128));
    let mut running = Vec::new();
    for n in 0..LARGE_AT_ONCE {
        running.push(gate.acquire_large(user(n), HeavyWork::Read).await.expect("free"));
    }
    let last = user(LARGE_AT_ONCE);
    assert_eq!(gate.acquire_large(last, HeavyWork::Read).await.err(), Some(Busy));
    assert!(gate.acquire(last, HeavyWork::Read).await.is_ok(), "a small body runs");
    running.pop();
    assert!(gate.acquire_large(last, HeavyWork::Read).await.is_ok());
}

#[actix_web::test]
async fn a_waiting_request_runs_when_the_one_before_it_ends() {
    let gate = PerUserGate::default();
    let first = gate.try_acquire(ANN, HeavyWork::Read).expect("free");
    let waiting = gate.clone();
    let second = rt::spawn(async move { waiting.acquire(ANN, HeavyWork::Read).await });
    rt::task::yield_now().await;
    drop(first);
    assert!(second.await.expect("no panic").is_ok());
}

#[actix_web::test]
async fn a_queue_is_removed_with_its_last_request() {
    let gate = impatient();
    let permit = gate.try_acquire(ANN, HeavyWork::Read);
    assert_eq!(gate.acquire(ANN, HeavyWork::Read).await.err(), Some(Busy));
    drop(gate.acquire(ANN, HeavyWork::Read));
    assert_eq!(gate.queues().get(&(ANN, HeavyWork::Read)).map(|queue| queue.len), Some(1));
    drop(permit);
    assert!(gate.queues().is_empty());
}

#[actix_web::test]
async fn work_on_a_thread_of_its_own_holds_the_permit_and_answers_in_full() {
    let gate = impatient();
    let permit = gate.try_acquire(ANN, HeavyWork::Read).expect("free");
    let (finish, finished) = oneshot::channel::<()>();
    let worker = std::thread::current().id();
    let work = rt::spawn(async move {
        let background = Handle::current();
        permit
            .run_apart(&background, move || async move {
                finished.await.map_err(|_| Problem::unexpected())?;
                assert_ne!(std::thread::current().id(), worker);
                Ok(HttpResponse::Created().insert_header(("x-milk", "oat")).body("bread"))
            })
            .await
    });
    assert_eq!(gate.acquire(ANN, HeavyWork::Read).await.err(), Some(Busy));
    finish.send(()).expect("the work waits");
    let response = work.await.expect("no panic").expect("an answer");
    assert_eq!(response.status(), StatusCode::CREATED);
    assert_eq!(response.headers().get("x-milk").map(HeaderValue::as_bytes), Some(&b"oat"[..]));
    assert_eq!(response.into_body().try_into_bytes().expect("bytes"), "bread");
    assert!(gate.try_acquire(ANN, HeavyWork::Read).is_ok());
}

#[actix_web::test]
async fn a_permit_is_held_until_the_work_is_done_even_if_the_client_disconnects() {
    let gate = impatient();
    let permit = gate.try_acquire(ANN, HeavyWork::Read).expect("free");
    let (finish, finished) = oneshot::channel::<()>();
    let work = permit.run(async move {
        finished.await.map_err(|_| Problem::unexpected())?;
        Ok(HttpResponse::Ok().finish())
    });
    assert!(timeout(Duration::from_millis(20), work).await.is_err());
    assert_eq!(gate.try_acquire(ANN, HeavyWork::Read).err(), Some(Busy));
    finish.send(()).expect("the work goes on");
    assert!(gate.acquire(ANN, HeavyWork::Read).await.is_ok());
}
