//! How far a model is explored.

use loom::model::Builder;

/// Runs the model in every order of its threads in which none is preempted more than so often: not counted are the
/// switches where a thread has to wait. Most races show with two (Musuvathi and Qadeer, "Iterative context
/// bounding", 2007). `DEEPER=1` allows one preemption more in every model, which takes many times as long.
pub(crate) fn orders(preemptions: usize, model: impl Fn() + Sync + Send + 'static) {
    let deeper = std::env::var("DEEPER").map_or(0, |more| more.parse().unwrap());
    let mut builder = Builder::new();
    builder.preemption_bound = Some(preemptions + deeper);
    builder.max_branches = 50_000;
    builder.check(model);
}
