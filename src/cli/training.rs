//! What is said of a training run while it goes on, and after it.

use std::fmt;
use std::time::Instant;

use imgsearch::models::train::Progress;
use indicatif::{HumanCount, HumanDuration};

/// Labels that are named at most.
const NAMED: usize = 8;

/// A sentence to say above the bar, if there is one to say.
pub(crate) fn sentence(progress: &Progress) -> Option<String> {
    Some(match progress {
        Progress::Data {
            pictures,
            captions,
            tagged,
            unknown,
        } => {
            let count = |count: &usize| HumanCount(*count as u64);
            let mut said = format!(
                "learning from {} pictures with {} captions; {} of them show a tag",
                count(pictures),
                count(captions),
                count(tagged)
            );
            if !unknown.is_empty() {
                let named: Vec<&str> = unknown.iter().take(NAMED).map(String::as_str).collect();
                let more = if unknown.len() > NAMED { ", ..." } else { "" };
                said += &format!(
                    "\n{} labels are no tags of the model, and teach nothing: {}{more}",
                    unknown.len(),
                    named.join(", ")
                );
            }
            said
        }
        Progress::Skipped { stage, reason } => {
            format!("{stage} is left as it is in the base: {reason}")
        }
        Progress::Epoch {
            stage,
            epoch: 0,
            metric,
            value,
            ..
        } => format!("{stage}, at the start: {metric} {value:.4}"),
        Progress::Epoch {
            stage,
            epoch,
            epochs,
            metric,
            value,
            best,
            rate,
        } => {
            let best = if *best { ", the best so far" } else { "" };
            let rate = rate.map_or(String::new(), |rate| format!(" ({rate:.1} items/s)"));
            format!("{stage}, epoch {epoch}/{epochs}: {metric} {value:.4}{best}{rate}")
        }
        _ => return None,
    })
}

/// What a run came to.
#[derive(Debug)]
pub(crate) struct Summary {
    begun: Instant,
    stages: Vec<String>,
}

impl Default for Summary {
    fn default() -> Self {
        Self {
            begun: Instant::now(),
            stages: Vec::new(),
        }
    }
}

impl Summary {
    /// Takes note of a stage that has ended.
    pub(crate) fn note(&mut self, progress: &Progress) {
        if let Progress::Stage {
            stage,
            best,
            epochs,
            metric,
            value,
            before,
        } = progress
        {
            let before = before.map_or(String::new(), |before| {
                format!(", {before:.4} at the start")
            });
            let kept = match best {
                0 => "nothing better was learned, the base is kept".to_owned(),
                best => format!("epoch {best} of {epochs} is kept"),
            };
            self.stages
                .push(format!("{stage}: {kept}; {metric} {value:.4}{before}"));
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for stage in &self.stages {
            writeln!(f, "{stage}")?;
        }
        write!(f, "done in {}", HumanDuration(self.begun.elapsed()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stage_tells_what_is_kept_of_it() {
        let mut summary = Summary::default();
        let stage = |best, before| Progress::Stage {
            stage: "alignment",
            best,
            epochs: 3,
            metric: "R@10",
            value: 0.5,
            before,
        };
        summary.note(&stage(2, None));
        summary.note(&stage(0, Some(0.5)));
        let told = summary.to_string();
        let lines: Vec<&str> = told.lines().collect();
        assert_eq!(lines[0], "alignment: epoch 2 of 3 is kept; R@10 0.5000");
        assert!(lines[1].contains("the base is kept") && lines[1].ends_with("at the start"));
        assert!(lines[2].starts_with("done in "));
    }
}
