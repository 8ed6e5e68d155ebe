//! try
#[path = "support/limit_model.rs"]
mod limit_model;
use limit_model::*;
use std::time::Duration;
use twilio_proxy::middleware::limit::concurrency::{Aimd, Gradient};

#[test]
fn try_it() {
    for sc in 0..4 {
        SCATTER.store(sc, std::sync::atomic::Ordering::Relaxed);
        println!("scatter {sc}");
        for knee in [10, 20, 40, 100] {
            for start in [4, 250] {
                let t = std::time::Instant::now();
                let run = run(Plan::queues(knee), Gradient::new(start).bounds(1, 300)).unwrap();
                println!(
                    "grad knee {knee} from {start}: {:.1} {:.1}  ({}) {:?}",
                    run.mean(40, 60),
                    run.mean(100, 120),
                    run.served,
                    t.elapsed()
                );
                for b in 0..12 {
                    print!(" {:.1}", run.mean(b * 10, b * 10 + 10));
                }
                println!();
                if knee == 400 {
                    println!("{:?}", run.between(0, 15));
                    println!("{:?}", run.between(60, 75));
                    println!("{:?}", run.between(100, 120));
                }
            }
        }
    }
}
