#[path = "../src/cli/mod.rs"]
mod cli;
mod tui {
    pub(crate) struct Outcome {
        pub(crate) chosen: Vec<std::path::PathBuf>,
    }
    pub(crate) fn run(_: imgsearch::Engine, _: Option<String>, _: bool) -> anyhow::Result<Outcome> {
        Ok(Outcome { chosen: vec![] })
    }
}
fn main() -> std::process::ExitCode {
    cli::run()
}
