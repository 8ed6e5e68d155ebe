//! The script in Redis, against the arithmetic that it repeats.

use twilio_proxy::call::Rng;
use twilio_proxy::middleware::limit::fleet::{Ask, Page, RedisLimiter, RedisStore, Store};

use crate::{command, server};

fn random(rng: &Rng, page: Option<Page>) -> Ask {
    let up_to = |most: u64| rng.bits() % most;
    let seldom = |value: u64| if up_to(6) == 0 { value } else { 0 };
    Ask {
        key: "{test:key}".into(),
        interval: 1_000 + up_to(60_000),
        tolerance: up_to(300_000),
        horizon: 200_000 + up_to(5_000_000),
        cells: u32::try_from(up_to(30)).unwrap(),
        floor: seldom(page.map_or(0, |page| page.booked + up_to(200_000))),
        debt: seldom(1_250_000),
        hold: seldom(1 + up_to(3_000_000)),
    }
}

#[tokio::test]
async fn it_answers_as_the_arithmetic_does() {
    let Some(server) = server() else { return };
    let store = RedisStore::new(&server.url()).unwrap();
    let rng = Rng::seeded(7);
    for _ in 0..20 {
        let mut page = None;
        for _ in 0..40 {
            let ask = random(&rng, page);
            let answer = store.ask(ask.clone()).await.expect("an answer");
            // It says what its clock showed: the rest follows.
            let (expected, next) = ask.answer(page, answer.now);
            assert_eq!(answer, expected, "{ask:?} over {page:?}");
            page = Some(next);
        }
        command(&server, "FLUSHALL");
    }
}

#[tokio::test]
async fn it_is_loaded_again_where_the_server_has_lost_it() {
    let Some(server) = server() else { return };
    let store = RedisStore::new(&server.url()).unwrap();
    let ask = random(&Rng::seeded(1), None);
    let first = store.ask(ask.clone()).await.expect("an answer");
    assert!(command(&server, "SCRIPT FLUSH").contains("OK"));
    let second = store.ask(ask).await.expect("an answer");
    assert!(second.now > first.now);
}

#[tokio::test]
async fn keys_go_when_nobody_needs_them() {
    let Some(server) = server() else { return };
    let store = RedisStore::new(&server.url()).unwrap();
    let ask = Ask { cells: 1, debt: 0, hold: 0, floor: 0, ..random(&Rng::seeded(1), None) };
    store.ask(ask).await.expect("an answer");
    let left: i64 =
        command(&server, "PTTL {test:key}").trim().trim_start_matches(':').parse().unwrap();
    assert!((55_000..=61_000).contains(&left), "{left} ms");
}

#[test]
fn no_runtime_is_needed_before_the_first_call_and_no_password_is_shown() {
    let builder = RedisLimiter::builder("redis://somebody:hunter2@127.0.0.1:1/");
    let seen = format!("{builder:?}");
    let limiter = builder.build().expect("a URL");
    let seen = format!("{seen} {limiter:?}");
    assert!(!seen.contains("hunter2") && !seen.contains("somebody"), "{seen}");
    let error = RedisLimiter::builder("http://:hunter2@127.0.0.1/").build().expect_err("no URL");
    assert!(!format!("{error} {error:?}").contains("hunter2"));
    let tls = RedisLimiter::builder("rediss://127.0.0.1:1/").build();
    assert!(tls.is_ok(), "TLS comes with the feature");
}
