use tower::{ServiceBuilder, ServiceExt, service_fn};

use super::*;
use crate::call::{Fault, FaultKind};

async fn outcome(error: impl Into<BoxError> + Send + 'static) -> BoxError {
    let mut error = Some(error.into());
    let foreign = service_fn(move |()| {
        let error = error.take().expect("one call");
        async { Err::<(), BoxError>(error) }
    });
    ServiceBuilder::new()
        .layer(LiftLayer::new())
        .service(foreign)
        .oneshot(())
        .await
        .expect_err("an error")
}

#[tokio::test]
async fn a_foreign_error_and_a_fault_are_both_found_in_the_box() {
    let error = outcome(std::io::Error::other("no route")).await;
    assert!(error.downcast_ref::<std::io::Error>().is_some());
    // Not boxed twice: a second box would hide the fault from a plain downcast.
    let error = outcome(Fault::new(FaultKind::Connect, "refused")).await;
    assert!(error.downcast_ref::<Fault>().is_some());
}

#[tokio::test]
async fn the_error_of_readiness_is_lifted_too_and_the_target_may_be_any_type() {
    #[derive(Debug, PartialEq)]
    struct Mine(&'static str);
    impl From<&'static str> for Mine {
        fn from(text: &'static str) -> Self {
            Self(text)
        }
    }
    #[derive(Clone, Debug)]
    struct NeverReady;
    impl Service<()> for NeverReady {
        type Response = ();
        type Error = &'static str;
        type Future = std::future::Ready<Result<(), &'static str>>;
        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), &'static str>> {
            Poll::Ready(Err("broken"))
        }
        fn call(&mut self, (): ()) -> Self::Future {
            std::future::ready(Ok(()))
        }
    }
    let mut lifted = LiftLayer::<Mine>::into_error().layer(NeverReady);
    assert_eq!(lifted.ready().await.map(|_| ()), Err(Mine("broken")));
    assert_eq!(format!("{lifted:?}"), "Lift { inner: NeverReady }");
}

#[tokio::test]
async fn a_judge_is_asked_of_foreign_errors_and_believed_where_it_knows() {
    fn verdict(error: &(dyn Error + 'static)) -> Option<(FaultKind, Effect)> {
        assert!(!error.is::<Fault>(), "a fault speaks for itself");
        let error = error.downcast_ref::<std::io::Error>()?;
        (error.kind() == std::io::ErrorKind::AddrInUse)
            .then_some((FaultKind::Connect, Effect::None))
    }
    async fn judged(error: impl Into<BoxError>) -> BoxError {
        let mut error = Some(error.into());
        let foreign =
            service_fn(move |()| std::future::ready(Err::<(), _>(error.take().expect("one call"))));
        LiftLayer::new().judged_by(verdict).layer(foreign).oneshot(()).await.expect_err("an error")
    }
    let error = judged(std::io::Error::from(std::io::ErrorKind::AddrInUse)).await;
    let fault = error.downcast::<Fault>().expect("a fault");
    assert_eq!((fault.kind(), fault.effect()), (FaultKind::Connect, Effect::None));
    assert!(fault.into_source().is_some_and(|source| source.is::<std::io::Error>()));

    let error = judged(std::io::Error::other("no idea")).await;
    assert!(error.is::<std::io::Error>());
    let error = judged(Fault::new(FaultKind::Interrupted, "reset")).await;
    assert_eq!(Fault::find(&*error).map(Fault::kind), Some(FaultKind::Interrupted));
}
