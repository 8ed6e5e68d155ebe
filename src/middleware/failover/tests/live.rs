//! The handle: an operator's word, another list, and numbers that keep their meaning.

use super::*;

fn numbers(layer: &FailoverLayer) -> Vec<(u32, String)> {
    let health = layer.endpoints().health().into_iter();
    health.map(|health| (health.number, health.base.origin().host().to_owned())).collect()
}

#[tokio::test(start_paused = true)]
async fn a_number_means_the_same_endpoint_for_ever() {
    let layer = over(&[A, B]);
    let endpoints = layer.endpoints();
    let expected = |list: &[(u32, &str)]| -> Vec<(u32, String)> {
        list.iter().map(|(number, host)| (*number, (*host).to_owned())).collect()
    };
    endpoints.set([at(C), at(B), at(C)]);
    assert_eq!(numbers(&layer), expected(&[(2, C), (1, B)]));
    endpoints.set([]);
    assert_eq!(numbers(&layer), expected(&[(2, C), (1, B)]), "an empty list is none");
    endpoints.set([at(A), at("d.test")]);
    assert_eq!(numbers(&layer), expected(&[(0, A), (3, "d.test")]));
    assert_eq!(endpoints.number_of(at("d.test").origin()), Some(3));
    assert_eq!(endpoints.number_of(at(B).origin()), None);
}

#[tokio::test(start_paused = true)]
async fn another_list_counts_from_the_next_call_on() {
    let layer = over(&[A]);
    let doors = Doors::new(|_| OK);
    let stack = layer.layer(doors.clone());
    for (list, first) in [(vec![B], B), (vec![C, A], C), (vec![A], A)] {
        layer.endpoints().set(list.into_iter().map(at));
        stack.clone().oneshot(write()).await.unwrap();
        assert_eq!(doors.seen(), [first]);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_held_gets_no_calls_until_it_is_put_back() {
    let layer = over(&[A, B]);
    let endpoints = layer.endpoints();
    let doors = Doors::new(|_| OK);
    assert!(endpoints.hold(0) && !endpoints.hold(9) && !endpoints.readmit(9));
    for call in [read(), write()] {
        once(&layer, &doors, call).await.unwrap();
    }
    assert_eq!(doors.seen(), [B, B]);
    // Neither an answer nor time puts it back.
    let call = request(Idempotency::Safe, CallOptions::new().at_endpoint(0));
    once(&layer, &doors, call).await.unwrap();
    sleep(3600 * SECOND).await;
    assert_eq!(states(&layer), [EndpointState::Held, EndpointState::Serving]);
    // All held is as good as none.
    endpoints.hold(1);
    doors.seen();
    once(&layer, &doors, write()).await.unwrap();
    assert_eq!(doors.seen(), [A]);
    endpoints.readmit(1);
    once(&layer, &doors, write()).await.unwrap();
    assert_eq!(doors.seen(), [B]);
}

/// Too few are left to obey an ejection; the operator is obeyed all the same.
#[tokio::test(start_paused = true)]
async fn panic_asks_the_ejected_and_not_the_held() {
    let layer = over(&[A, B]);
    let doors = Doors::new(|_| OK);
    layer.endpoints().hold(0);
    choice::fail(&mut layer.endpoints().group(), 1, 5);
    for call in [read(), write()] {
        once(&layer, &doors, call).await.unwrap();
    }
    assert_eq!(doors.seen(), [B, B]);
}

#[tokio::test(start_paused = true)]
async fn an_operator_ends_an_ejection_at_once() {
    let layer = over(&[A, B]);
    choice::fail(&mut layer.endpoints().group(), 0, 5);
    assert_eq!(states(&layer)[0], EndpointState::Ejected);
    layer.endpoints().readmit(0);
    let health = layer.endpoints().health();
    assert_eq!((health[0].state, health[0].failures), (EndpointState::Serving, 0));
}

#[tokio::test(start_paused = true)]
async fn the_rules_may_change_while_calls_go_on() {
    let rules = crate::call::Live::new(Ejection::new().after(u32::MAX));
    let layer = over(&[A, B]).ejection(rules.clone());
    let fail = |times| choice::fail(&mut layer.endpoints().group(), 0, times);
    assert_eq!(fail(50), None);
    rules.set(Ejection::new().after(0).base(SECOND).cap(SECOND));
    assert!(matches!(fail(1), Some(Change::Ejected { lasts, .. }) if lasts <= SECOND));
}

#[test]
fn layer_service_and_handle_can_be_shared_between_threads() {
    struct NeitherCloneNorDebug;
    fn shared<T: Send + Sync + Clone + std::fmt::Debug>(_: &T) {}
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let _entered = runtime.enter();
    let layer = over(&[A, B]);
    shared(&layer.endpoints());
    shared(&layer.clone().classifier(NeitherCloneNorDebug));
    shared(&layer.layer(()));
    assert_eq!(format!("{:?}", layer.endpoints()), r#"["https://a.test", "https://b.test"]"#);
}
