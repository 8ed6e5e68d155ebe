//! Lists, page by page.

use http::Method;
use serde_json::Value;
use twilio_proxy::simulator::Simulator;

use crate::support::*;

async fn filled(count: usize) -> Simulator {
    let simulator = simulator();
    for number in 0..count {
        create(&simulator, format!("UniqueName=s{number}").leak()).await;
    }
    simulator
}

async fn list(simulator: &Simulator, url: &str) -> Value {
    let path = url.strip_prefix(BASE).unwrap_or(url);
    let (status, page) = send(simulator, Method::GET, path, "").await;
    assert_eq!(status, 200, "{page}");
    page
}

fn names(page: &Value) -> Vec<&str> {
    let sessions = page["sessions"].as_array().expect("sessions");
    sessions.iter().map(|session| session["unique_name"].as_str().expect("a name")).collect()
}

fn next(page: &Value) -> Option<&str> {
    page["meta"]["next_page_url"].as_str()
}

#[tokio::test(start_paused = true)]
async fn a_page_has_50_sessions_unless_asked_and_never_more_than_100() {
    let simulator = filled(120).await;
    assert_eq!(names(&list(&simulator, &path("")).await).len(), 50);
    let large = list(&simulator, &path("?PageSize=1000")).await;
    assert_eq!(names(&large).len(), 100);
    assert_eq!(large["meta"]["page_size"], 1000);
    // A page shorter than was asked for is not the last one.
    let rest = list(&simulator, next(&large).expect("another page")).await;
    assert_eq!((names(&rest).len(), next(&rest)), (20, None));
}

#[tokio::test(start_paused = true)]
async fn pages_go_from_the_newest_to_the_oldest_and_back() {
    let simulator = filled(5).await;
    let first = list(&simulator, &path("?PageSize=2")).await;
    let second = list(&simulator, next(&first).expect("a second")).await;
    let third = list(&simulator, next(&second).expect("a third")).await;
    assert_eq!(names(&first), ["s4", "s3"]);
    assert_eq!(names(&second), ["s2", "s1"]);
    assert_eq!(names(&third), ["s0"]);

    let previous = |page: &Value| page["meta"]["previous_page_url"].as_str().map(str::to_owned);
    assert_eq!((previous(&first), next(&third)), (None, None));
    let back = list(&simulator, &previous(&third).expect("a page before")).await;
    assert_eq!((names(&back), &back["meta"]["page"]), (names(&second), &1.into()));
    let top = list(&simulator, &previous(&back).expect("a page before")).await;
    assert_eq!((names(&top), previous(&top)), (names(&first), None));
}

#[tokio::test(start_paused = true)]
async fn meta_names_the_list_and_its_urls() {
    let simulator = filled(3).await;
    let first = list(&simulator, &path("?PageSize=2")).await;
    let second = list(&simulator, next(&first).expect("a second")).await;
    let meta = &second["meta"];
    assert_eq!((&meta["key"], &meta["page"]), (&"sessions".into(), &1.into()));
    assert_eq!(meta["first_page_url"], format!("{BASE}{}", path("?PageSize=2&Page=0")));
    // A page's own URL leads to itself.
    assert_eq!(list(&simulator, meta["url"].as_str().expect("a URL")).await, second);
    assert!(
        next(&first)
            .expect("a URL")
            .starts_with(&format!("{BASE}{}", path("?PageSize=2&Page=1&PageToken=")))
    );
}

#[tokio::test(start_paused = true)]
async fn nothing_is_seen_twice_or_missed_while_sessions_come_and_go() {
    let simulator = filled(6).await;
    let first = list(&simulator, &path("?PageSize=2")).await;
    create(&simulator, "UniqueName=new").await;
    // The very session that the next page begins after.
    let gone = path(&format!("/{}", sid(&first["sessions"][1])));
    send(&simulator, Method::DELETE, &gone, "").await;
    let second = list(&simulator, next(&first).expect("a second")).await;
    assert_eq!(names(&second), ["s3", "s2"]);
}

#[tokio::test(start_paused = true)]
async fn an_empty_list_is_one_empty_page() {
    let page = list(&simulator(), &path("")).await;
    assert!(names(&page).is_empty());
    assert_eq!(page["meta"]["next_page_url"], Value::Null);
    assert_eq!(page["meta"]["previous_page_url"], Value::Null);
}

#[tokio::test(start_paused = true)]
async fn a_page_whose_sessions_are_all_gone_still_leads_back() {
    let simulator = filled(3).await;
    let first = list(&simulator, &path("?PageSize=2")).await;
    let (_, last) = fetch(&simulator, "s0").await;
    send(&simulator, Method::DELETE, &path(&format!("/{}", sid(&last))), "").await;
    let empty = list(&simulator, next(&first).expect("a second")).await;
    assert!(names(&empty).is_empty());
    let back = empty["meta"]["previous_page_url"].as_str().expect("a page before");
    assert_eq!(names(&list(&simulator, back).await), ["s2", "s1"]);
}

#[tokio::test(start_paused = true)]
async fn what_is_no_page_is_refused() {
    let simulator = filled(1).await;
    for (query, code) in [
        ("PageSize=0", 20001),
        ("PageSize=1001", 20007),
        ("PageSize=-1", 20001),
        ("PageSize=ten", 20001),
        ("Page=-1", 20001),
        ("PageToken=7", 20001),
        ("PageToken=PTBé", 20001),
        ("PageToken=PTB%2B000000000000000", 20001),
    ] {
        let query = query.replace('é', "%C3%A9");
        let (status, error) = send(&simulator, Method::GET, &path(&format!("?{query}")), "").await;
        assert_eq!((status, &error["code"]), (400, &code.into()), "{query}");
    }
    // Made up, but well made: an answer, not a panic.
    for made_up in ["PTA0000000000000000", "PTBffffffffffffffff", "PTAffffffffffffffff"] {
        list(&simulator, &path(&format!("?PageToken={made_up}"))).await;
    }
}
