use fused_mlp::backend::*;
use fused_mlp::engine::*;
use fused_mlp::simd::*;
use fused_mlp::training::*;
use fused_mlp::*;
use std::time::Instant;
fn main() {
    let d = Dataset::open("/work/main/data/mnist").unwrap();
    let args: Vec<String> = std::env::args().collect();
    let rounds: usize = args.get(1).map_or(1, |a| a.parse().unwrap());
    let isas: Vec<&str> = args.get(2).map_or(vec!["avx512", "avx2", "portable"], |a| {
        a.split(',').collect()
    });
    let recipe = args.get(3).map_or("fast", |a| a.as_str());
    let threads: usize = args.get(4).map_or(2, |a| a.parse().unwrap());
    for isa in isas {
        let isa = Isa::select(isa.parse().unwrap()).unwrap();
        let mut times = [vec![], vec![]];
        for _ in 0..rounds {
            for (i, p) in Precision::ALL.into_iter().enumerate() {
                let options = recipe.parse::<Recipe>().unwrap().options();
                let options = TrainingOptions {
                    epochs: options.epochs.min(4),
                    ..options
                };
                let par = options.initial_parameters(network::Shape {
                    inputs: 784,
                    hidden: 300,
                    classes: 10,
                });
                let mut e =
                    Engine::in_precision(&par, options.optimizer(), threads, isa, p).unwrap();
                let prof = std::sync::Arc::new(Profile::new(threads, 0));
                if rounds < 3 {
                    e.set_clocks(Some(prof.clone()));
                }
                let mut t = Trainer::new(Samples::from(&d.train), &options).unwrap();
                let c = PassControl::default();
                while !t.is_finished() {
                    let r = t.train_epoch(&mut e, &c).unwrap().record;
                    times[i].push(r.seconds);
                }
                let order: Vec<u32> = (0..10000).collect();
                let s = Instant::now();
                let ev = e.evaluate(Samples::from(&d.test), &order).unwrap();
                let es = s.elapsed().as_secs_f64();
                let q = e.parameters();
                let mut h = 0u64;
                for v in q
                    .linear1_weight
                    .iter()
                    .chain(&q.linear1_bias)
                    .chain(&q.linear2_weight)
                    .chain(&q.linear2_bias)
                {
                    h = (h ^ u64::from(v.to_bits())).wrapping_mul(0x100000001b3);
                }
                if rounds < 3 {
                    if let Some(x) = prof.training.threads().first() {
                        for ph in Phase::ALL {
                            print!(
                                " {} {:.1}",
                                ph.name(),
                                x.phase(ph).time.as_secs_f64() * 1e3 / 4.0
                            );
                        }
                        println!();
                    }
                    println!(
                        "{isa} {} acc {} loss {:.5} hash {h:x} eval {:.1} ms times {:?}",
                        p.name(),
                        ev.accuracy(),
                        ev.loss,
                        es * 1e3,
                        times[i]
                            .iter()
                            .map(|x| (x * 1e4).round() / 10.)
                            .collect::<Vec<_>>()
                    );
                }
            }
        }
        for t in &mut times {
            t.sort_by(f64::total_cmp);
        }
        let m = |t: &Vec<f64>| (t[t.len() / 2] * 1e3, t[0] * 1e3);
        println!(
            "{isa}: f32 {:?} int16 {:?} ratio median {:.3} best {:.3}",
            m(&times[0]),
            m(&times[1]),
            m(&times[0]).0 / m(&times[1]).0,
            m(&times[0]).1 / m(&times[1]).1
        );
    }
}
