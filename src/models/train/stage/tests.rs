use std::cell::Cell;
use std::io::ErrorKind;

use super::super::checkpoint::read_module;
use super::super::settings::Start;
use super::*;
use crate::models::backbone::host;
use crate::models::golden::alone;
use burn::nn::{Dropout, DropoutConfig, Linear, LinearConfig};
use burn::tensor::TensorData;
use rand::Rng;

#[derive(Debug, Module)]
struct Line {
    linear: Linear,
    dropout: Dropout,
}

/// When a run ends early, in steps of that run.
#[derive(Clone, Copy, Debug)]
enum End {
    Never,
    /// As by Ctrl-C.
    Cancelled(usize),
    /// As by a kill: nothing is saved any more.
    Killed(usize),
}

/// Fits `y = 3 x` with dropout and noise. `scores` are those of the start and of each epoch; where there are none it is
/// measured. Returns the number of steps, and the epoch that is kept with its score.
fn run(
    folder: &Path,
    settings: &TrainSettings,
    scores: &[f32],
    end: End,
) -> (usize, Result<(usize, f32), TrainError>) {
    let _alone = alone();
    let device = Device::flex().autodiff();
    device.seed(7);
    let items: Vec<usize> = (0..50).collect();
    let stage = Stage {
        name: "line",
        metric: "negative error",
        items: &items,
        epochs: 4,
        batch: 8,
        learning_rate: 0.4,
        weight_decay: 0.01,
        settings,
        warm: settings.fine_tunes(),
        pretrained: None,
        origin: String::new(),
        folder,
        device: &device,
    };
    let line = Line {
        linear: LinearConfig::new(2, 1).init(&device),
        dropout: DropoutConfig::new(0.2).init(),
    };
    let column = |values: Vec<f32>, width| {
        let rows = values.len() / width;
        Tensor::<2>::from_data(TensorData::new(values, [rows, width]), &device)
    };
    let (mut taken, mut begun) = (0, 0);
    let now = Cell::new(0);
    let mut kept = None;
    let outcome = stage.train(
        line,
        &mut |seen| {
            match seen {
                Progress::Step { epoch, .. } => {
                    taken += 1;
                    now.set(*epoch);
                }
                Progress::Stage { best, value, .. } => kept = Some((*best, *value)),
                _ => {}
            }
            match end {
                End::Cancelled(steps) if taken >= steps => ControlFlow::Break(()),
                _ => ControlFlow::Continue(()),
            }
        },
        |line, Draw { items, rng, .. }| {
            begun += 1;
            if matches!(end, End::Killed(steps) if begun > steps) {
                return Err(TrainError::io(folder, ErrorKind::Interrupted.into()));
            }
            let x: Vec<f32> = items
                .iter()
                .flat_map(|&i| [i as f32 / 50.0, rng.random_range(-0.1..0.1)])
                .collect();
            let y = items.iter().map(|&i| 3.0 * i as f32 / 50.0).collect();
            let found = line.linear.forward(line.dropout.forward(column(x, 2)));
            Ok((found - column(y, 1)).powi_scalar(2).mean())
        },
        |line| {
            let error = (host(line.linear.weight.val())?[0] - 3.0).abs();
            let score = scores.get(now.get()).copied().unwrap_or(-error);
            Ok((score, line.linear.clone()))
        },
    );
    (taken, outcome.map(|()| kept.unwrap()))
}

fn weights(folder: &Path) -> Vec<f32> {
    let _alone = alone();
    let blank = LinearConfig::new(2, 1).init(&Device::flex());
    let linear = read_module(&folder.join("line.best"), blank).unwrap();
    host(linear.weight.val()).unwrap()
}

/// A run that ends as `end` says, and then goes on to its own end.
fn interrupted(settings: &TrainSettings, scores: &[f32], end: End) -> (Vec<f32>, usize) {
    let folder = tempfile::tempdir().unwrap();
    let (first, stopped) = run(folder.path(), settings, scores, end);
    assert!(stopped.is_err(), "{end:?}");
    let (second, outcome) = run(folder.path(), settings, scores, End::Never);
    outcome.unwrap();
    (weights(folder.path()), first + second)
}

#[test]
fn a_run_that_is_stopped_anywhere_ends_as_if_it_had_not_been() {
    let mut all = Vec::new();
    for ema_decay in [0.0, 0.9] {
        let settings = TrainSettings {
            ema_decay,
            ..TrainSettings::default()
        };
        let whole = tempfile::tempdir().unwrap();
        let (steps, outcome) = run(whole.path(), &settings, &[], End::Never);
        outcome.unwrap();
        let expected = weights(whole.path());
        assert!((expected[0] - 3.0).abs() < 1.5, "it learns: {expected:?}");
        // Within an epoch, and at an epoch's last step (7 a epoch).
        for stop in [3, 7, 17] {
            let found = interrupted(&settings, &[], End::Cancelled(stop));
            assert_eq!(found, (expected.clone(), steps), "stopped at step {stop}");
        }
        // A kill loses what was done since the last checkpoint, here the end of an epoch.
        let found = interrupted(&settings, &[], End::Killed(17));
        assert_eq!(found, (expected.clone(), steps + 3));
        all.push(expected);
    }
    assert_ne!(all[0], all[1], "the average is what is kept");
}

#[test]
fn a_kill_loses_no_more_than_was_done_since_a_checkpoint_by_time() {
    let settings = TrainSettings {
        checkpoint_minutes: 0.0,
        ..TrainSettings::default()
    };
    let (_, steps) = interrupted(&settings, &[], End::Killed(17));
    assert_eq!(steps, 4 * 7);
}

#[test]
fn patience_ends_a_stage_and_a_resumed_one_at_the_same_epoch() {
    let settings = TrainSettings {
        patience: 2,
        ..TrainSettings::default()
    };
    let folder = tempfile::tempdir().unwrap();
    let scores = [0.0, 0.5, 0.4, 0.3, 0.9];
    let kept = |end| run(folder.path(), &settings, &scores, end);
    let (steps, outcome) = kept(End::Never);
    assert_eq!((steps, outcome.unwrap()), (3 * 7, (1, 0.5)));
    let (steps, outcome) = kept(End::Never);
    assert_eq!((steps, outcome.unwrap()), (0, (1, 0.5)));
    for end in [End::Cancelled(14), End::Cancelled(16), End::Killed(14)] {
        assert_eq!(interrupted(&settings, &scores, end).1, 3 * 7, "{end:?}");
    }
    // Figures that never change say nothing against going on.
    let folder = tempfile::tempdir().unwrap();
    let (steps, _) = run(folder.path(), &settings, &[0.0; 5], End::Never);
    assert_eq!(steps, 4 * 7);
}

#[test]
fn trained_weights_are_kept_where_nothing_better_is_learned() {
    let settings = TrainSettings {
        start: Start::Base,
        ..TrainSettings::default()
    };
    let folder = tempfile::tempdir().unwrap();
    let (_, kept) = run(
        folder.path(),
        &settings,
        &[0.6, 0.5, 0.4, 0.5, 0.5],
        End::Never,
    );
    assert_eq!(kept.unwrap(), (0, 0.6));
    let folder = tempfile::tempdir().unwrap();
    let (_, kept) = run(
        folder.path(),
        &settings,
        &[0.6, 0.5, 0.7, 0.5, 0.5],
        End::Never,
    );
    assert_eq!(kept.unwrap(), (2, 0.7));
}

#[test]
fn another_setting_does_not_go_on_from_the_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = TrainSettings::default();
    let go_on = |settings: &TrainSettings| run(folder.path(), settings, &[], End::Never).1;
    go_on(&settings).unwrap();
    settings.patience = 3;
    go_on(&settings).unwrap();
    settings.seed = 2;
    let error = go_on(&settings).unwrap_err();
    assert!(matches!(error, TrainError::Checkpoint { .. }), "{error}");
}
