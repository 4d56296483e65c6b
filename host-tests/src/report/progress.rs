//! Progress of a run on a terminal. Elsewhere, and under CI, nothing is shown.
use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal as _;
use std::time::Duration;

/// Progress on the standard error.
#[derive(Debug)]
pub struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// Counts up to `length`.
    pub fn counting(what: &'static str, length: usize) -> Self {
        let bar = if shown() {
            ProgressBar::new(u64::try_from(length).unwrap_or(u64::MAX))
        } else {
            ProgressBar::hidden()
        };
        let template = "{msg:8} {wide_bar} {pos}/{len} {elapsed}";
        Self { bar: styled(bar, template).with_message(what) }
    }

    /// Shows activity without a length.
    pub fn waiting(what: &'static str) -> Self {
        let bar = if shown() { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
        let bar = styled(bar, "{msg:8} {spinner} {elapsed}").with_message(what);
        if shown() {
            bar.enable_steady_tick(Duration::from_millis(100));
        }
        Self { bar }
    }

    /// One more.
    pub fn step(&self) {
        self.bar.inc(1);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

fn shown() -> bool {
    std::io::stderr().is_terminal() && std::env::var_os("CI").is_none()
}

fn styled(bar: ProgressBar, template: &str) -> ProgressBar {
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
