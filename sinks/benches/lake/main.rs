//! A generated lake and how fast it answers: see the README beside the folder.
//!
//! `generate DIR [observations]` makes it, `tidy DIR` puts its rows in order as upkeep does, `keep DIR` makes the tables of newest observations, `ask DIR [name…]` runs the
//! named queries, each cold and warm, and prints a line of JSON per query. `later DIR observations rows` lands so many rows
//! of the next day, `explain DIR query` says where a query's time goes. Everything follows from the seed.

#![allow(clippy::print_stdout, reason = "it is its answer")]

mod ask;
mod columns;
mod land;
mod world;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Fault = Box<dyn std::error::Error + Send + Sync>;

const USAGE: &str = "lake generate DIR [observations] | tidy DIR [dates] | keep DIR | later DIR observations rows | ask DIR [query…] | explain DIR query";

fn main() -> Result<(), Fault> {
    // `cargo bench` adds a flag of its own.
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["generate", dir] => land::lake(&runtime, dir, 50_000_000),
        ["generate", dir, observations] => land::lake(&runtime, dir, observations.parse()?),
        ["tidy", dir] => runtime.block_on(land::tidy(dir, usize::MAX)),
        ["tidy", dir, dates] => runtime.block_on(land::tidy(dir, dates.parse()?)),
        ["keep", dir] => runtime.block_on(land::keep(dir)),
        ["later", dir, observations, rows] => runtime.block_on(land::later(dir, observations.parse()?, rows.parse()?)),
        ["explain", dir, name] => runtime.block_on(ask::explain(dir, name)),
        ["ask", dir, names @ ..] => runtime.block_on(ask::all(dir, names)),
        // As `cargo test --benches` runs it: a lake that is made in a second.
        _ => {
            println!("{USAGE}");
            let dir = tempfile::tempdir()?;
            let dir = dir.path().to_str().ok_or("a path that is no text")?;
            land::lake(&runtime, dir, 20_000)?;
            runtime.block_on(async {
                land::keep(dir).await?;
                ask::all(dir, &[]).await
            })
        }
    }
}
