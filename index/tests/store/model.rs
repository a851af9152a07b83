//! Any sequence of changes, against a map that does the same.

use std::collections::{BTreeMap, BTreeSet};

use imgsearch_index::NewImage;
use proptest::prelude::*;

use crate::{assert_has, file, folder, id, image, open, read};

#[derive(Debug, Clone)]
enum Step {
    Put(Vec<(u64, u8)>),
    AddFile(u64, u8),
    RemoveFile(u8),
    Remove(u64),
    Touch(u8),
    Commit,
    Reopen,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let (seed, path) = (0..12_u64, 0..16_u8);
    let pair = (seed.clone(), path.clone());
    let step = prop_oneof![
        4 => prop::collection::vec(pair.clone(), 1..6).prop_map(Step::Put),
        2 => pair.prop_map(|(seed, path)| Step::AddFile(seed, path)),
        2 => path.clone().prop_map(Step::RemoveFile),
        1 => seed.prop_map(Step::Remove),
        1 => path.prop_map(Step::Touch),
        3 => Just(Step::Commit),
        1 => Just(Step::Reopen),
    ];
    prop::collection::vec(step, 1..25)
}

/// Path number to seed and time: all that has to be known.
type Model = BTreeMap<u8, (u64, i64)>;

fn name(path: u8) -> String {
    format!("{path:02}.jpg")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn the_index_is_the_map(steps in steps()) {
        let dir = folder();
        let mut writer = open(dir.path());
        let mut model = Model::new();
        let known = |model: &Model, seed| model.values().any(|&(found, _)| found == seed);
        let at = |path, time| file(name(path), time);
        for (time, step) in (0_i64..).zip(steps) {
            match step {
                Step::Put(images) => {
                    let put = |&(seed, path): &(u64, u8)| {
                        NewImage { files: vec![at(path, time)], ..image(seed) }
                    };
                    writer.put(images.iter().map(put).collect()).expect("stored");
                    model.extend(images.into_iter().map(|(seed, path)| (path, (seed, time))));
                }
                Step::AddFile(seed, path) => {
                    let is_known = known(&model, seed);
                    prop_assert_eq!(writer.add_file(&id(seed), at(path, time)).is_ok(), is_known);
                    if is_known {
                        model.insert(path, (seed, time));
                    }
                }
                Step::RemoveFile(path) => {
                    let removed = writer.remove_file(name(path).as_ref()).expect("asked");
                    prop_assert_eq!(removed, model.remove(&path).is_some());
                }
                Step::Remove(seed) => {
                    let removed = writer.remove(&[id(seed)]).expect("asked");
                    prop_assert_eq!(removed == 1, known(&model, seed));
                    model.retain(|_, (found, _)| *found != seed);
                }
                Step::Touch(path) => {
                    let touched = writer.touch(at(path, time)).expect("asked");
                    prop_assert_eq!(touched, model.contains_key(&path));
                    model.entry(path).and_modify(|(_, touched)| *touched = time);
                }
                Step::Commit => drop(writer.commit().expect("published")),
                Step::Reopen => {
                    drop(writer);
                    writer = open(dir.path());
                }
            }
            for seed in 0..12 {
                prop_assert_eq!(writer.contains(&id(seed)).expect("asked"), known(&model, seed));
            }
        }
        writer.commit().expect("published");
        let reader = read(dir.path());
        let seeds: BTreeSet<u64> = model.values().map(|&(seed, _)| seed).collect();
        assert_has(&reader, seeds.iter().copied());
        for seed in seeds {
            let files = || model.iter().filter(|(_, (found, _))| *found == seed);
            let record = reader.record(reader.find(&id(seed)).expect("there")).expect("a record");
            let paths: Vec<std::path::PathBuf> =
                files().map(|(&path, _)| name(path).into()).collect();
            prop_assert_eq!(record.paths, paths);
            prop_assert_eq!(Some(record.modified_ns), files().map(|(_, &(_, time))| time).min());
        }
        let mut listed = writer.files().expect("listed");
        listed.sort();
        let files = model.iter().map(|(&path, &(seed, time))| (at(path, time), id(seed)));
        prop_assert_eq!(listed, files.collect::<Vec<_>>());
    }
}
