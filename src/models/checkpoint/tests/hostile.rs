//! What is no state dict is refused, by name, and without being run or believed.

use super::*;

fn refusal(pickle: Script) -> CheckpointError {
    match Checkpoint::from_bytes("f", pickle.in_archive()) {
        Err(error) => error,
        Ok(checkpoint) => panic!("{:?}", checkpoint.tensors()),
    }
}

#[test]
fn functions_are_named_and_not_run() {
    let witness = tempfile::tempdir().unwrap();
    let path = witness.path().join("was-here");
    for (module, name) in [
        ("os", "system"),
        ("posix", "system"),
        ("subprocess", "getoutput"),
        ("builtins", "eval"),
    ] {
        let command = format!("touch {}", path.display());
        let call = Script::default()
            .op(b"\x80\x02")
            .global(module, name)
            .op(b"(")
            .text(&command)
            .op(b"tR.");
        match refusal(call) {
            CheckpointError::Forbidden { what, .. } => {
                assert_eq!(what, format!("`{module}.{name}`"))
            }
            other => panic!("{other}"),
        }
    }
    // The same by the instruction of later protocols, hidden beside the model.
    let beside = Script::default()
        .op(b"\x80\x04}")
        .text("config")
        .text("os")
        .text("system")
        .op(b"\x93")
        .text("true")
        .op(b"\x85Rs.");
    assert!(matches!(refusal(beside), CheckpointError::Forbidden { .. }));
    assert!(!path.exists());
}

#[test]
fn classes_of_plain_data_are_not_looked_into() {
    let x = |script: Script| script.tensor("0", 4, 0, &[4], &[1]);
    let script = Script::default()
        .op(b"\x80\x02}")
        .text("config")
        .global("argparse", "Namespace")
        .op(b")\x81}");
    let script = script
        .text("lr")
        .op(b"G")
        .op(&[0; 8])
        .op(b"sbs")
        .text("model")
        .op(b"}")
        .text("x");
    let checkpoint = Checkpoint::from_bytes("f", x(script).op(b"ss.").in_archive()).unwrap();
    assert_eq!(checkpoint.names(), ["x"]);
}

#[test]
fn instructions_beyond_the_list_are_named() {
    // INST, OBJ, GET, PUT, EXT1, PERSID, NEWOBJ_EX, LONG4, INT
    for instruction in [b'i', b'o', b'g', b'p', 0x82, b'P', 0x92, 0x8b, b'I', 0xff] {
        let error = refusal(Script::default().op(&[0x80, 2, instruction]));
        assert!(
            matches!(&error, CheckpointError::Forbidden { what, .. } if what.contains(&format!("{instruction:#04x} at byte 2"))),
            "{error}"
        );
    }
}

#[test]
fn a_storage_is_not_believed() {
    const HUGE: i64 = 1 << 60;
    let good = |x: Script| x.tensor("0", 4, 0, &[2, 2], &[2, 1]);
    assert!(Script::checkpoint(good).is_ok());
    for (key, elements, offset, shape, strides) in [
        ("0", 4, 0, &[5][..], &[1][..]),
        ("0", 4, 1, &[4], &[1]),
        ("0", 4, -1, &[1], &[1]),
        ("0", 4, 0, &[-4], &[1]),
        ("0", 4, 0, &[2, 2], &[-2, 1]),
        ("0", 4, 0, &[HUGE], &[1]),
        ("0", 4, 0, &[HUGE], &[0]),
        ("0", 4, 0, &[HUGE, HUGE], &[0, 0]),
        ("0", 4, HUGE, &[1], &[1]),
        ("0", HUGE, 0, &[HUGE], &[1]),
        ("0", i64::MAX, i64::MAX, &[1], &[1]),
        ("0", 8, 0, &[8], &[1]),
        ("0", 3, 0, &[3], &[1]),
        ("0", 4, 0, &[2, 2], &[1]),
        ("1", 4, 0, &[4], &[1]),
        ("../data.pkl", 4, 0, &[4], &[1]),
    ] {
        let error =
            Script::checkpoint(|x| x.tensor(key, elements, offset, shape, strides)).unwrap_err();
        assert!(matches!(error, CheckpointError::Damaged { .. }), "{error}");
    }
}

#[test]
fn what_is_no_tensor_is_refused_or_passed_over() {
    for inner in [&b"N"[..], b"K\x01", b"}", b"]", b")"] {
        assert!(matches!(
            Script::checkpoint(|x| x.op(inner)),
            Err(CheckpointError::NoStateDict { .. })
        ));
    }
    let rebuild = |arguments: &[u8]| {
        Script::checkpoint(|x| {
            x.global("torch._utils", "_rebuild_tensor_v2")
                .op(arguments)
                .op(b"R")
        })
    };
    for arguments in [&b"N"[..], b")", b"(NNNNt", b"((tQK\0))t", b"(}QK\0))t"] {
        assert!(matches!(
            rebuild(arguments),
            Err(CheckpointError::Damaged { .. })
        ));
    }
    for root in [&b"N."[..], b"].", b"(t.", b"X\x05\0\0\0model."] {
        assert!(matches!(
            refusal(Script::default().op(root)),
            CheckpointError::NoStateDict { .. }
        ));
    }
}

#[test]
fn values_that_are_not_there_are_not_used() {
    for program in [
        &b"."[..],
        b"0.",
        b"2.",
        b"1.",
        b"a.",
        b"s.",
        b"u.",
        b"t.",
        b"R.",
        b"b.",
        b"Q.",
        b"\x81.",
        b"\x85.",
        b"\x87.",
        b"\x93.",
        b"q\0.",
        b"h\0.",
        b"j\xff\xff\xff\xff.",
        b"(q\0.",
        b"N(s.",
        b"}Nu.",
        b"N(\x85.",
        b"N(0.",
        b"}(Nu.",
        b"}(Nd.",
        b"}Ns.",
        b"NNs.",
        b"KKa.",
        b"K\0)R.",
        b"\x8a",
        b"\x8a\x09\0.",
        b"X\xff\xff\xff\xff.",
        b"\x8d\xff\xff\xff\xff\xff\xff\xff\xff.",
        b"B\xff\xff\xff\xff.",
        b"\x95\0",
        b"\x80\x09.",
        b"c",
        b"cos\n",
        b"cos\nsys",
        b"c\xff\n\xff\n.",
        b"",
    ] {
        let error = refusal(Script::default().op(program));
        assert!(
            matches!(error, CheckpointError::Damaged { .. }),
            "{program:?}: {error}"
        );
    }
}

#[test]
fn nesting_costs_no_recursion() {
    for (open, close) in [
        (&b"]"[..], &b"a"[..]),
        (b"(", b"l"),
        (b")", b"\x85"),
        (b"}N", b"s"),
    ] {
        let deep = Script::default()
            .op(&open.repeat(50_000))
            .op(&close.repeat(49_999))
            .op(b".");
        refusal(deep);
    }
    // A list that holds itself.
    refusal(Script::default().op(b"]q\0h\0a."));
    refusal(Script::default().op(b"}q\0X\x05\0\0\0modelh\0s."));
}

#[test]
fn repetition_costs_no_copies() {
    // Each level is a pair of the one below: 2^200 leaves.
    let mut bomb = Script::default().op(b")q\0");
    for _ in 0..200 {
        bomb = bomb.op(b"h\0h\0\x86q\0");
    }
    assert!(matches!(
        refusal(bomb.op(b".")),
        CheckpointError::NoStateDict { .. }
    ));
}

#[test]
fn a_description_that_outgrows_the_file_is_refused() {
    for instruction in [&b"}"[..], b")", b"]", b"(", b"N2", b"Nq\0", b"K\0"] {
        let script = Script::default().op(&instruction.repeat(8_000_000 / instruction.len()));
        let error = refusal(script);
        assert!(
            error.to_string().contains("more memory than the file"),
            "{error}"
        );
    }
}

#[test]
fn archives_may_not_contradict_themselves() {
    let script = || {
        Script::default()
            .op(b"}")
            .text("x")
            .tensor("0", 4, 0, &[4], &[1])
            .op(b"s.")
    };
    let pickle = script().0;
    let numbers = [0; 16];
    let record = |name: &str, bytes| (name.to_owned(), bytes);
    let good = zip([record("data.pkl", &*pickle), record("data/0", &numbers)]);
    assert!(Checkpoint::from_bytes("f", good).is_ok());
    let twice = zip([
        record("data.pkl", &*pickle),
        record("data/0", &numbers),
        record("data/0", &numbers),
    ]);
    let error = Checkpoint::from_bytes("f", twice).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("`data/0` is there more than once"),
        "{error}"
    );
    let without = zip([record("data.pkl", &*pickle)]);
    let error = Checkpoint::from_bytes("f", without).unwrap_err();
    assert!(error.to_string().contains("no record `data/0`"), "{error}");
    let names = Script::default()
        .op(b"}")
        .text("x")
        .tensor("0", 4, 0, &[4], &[1])
        .op(b"s");
    let error = refusal(names.text("x").tensor("0", 4, 0, &[2], &[1]).op(b"s."));
    assert!(
        error.to_string().contains("`x` is there more than once"),
        "{error}"
    );
}
