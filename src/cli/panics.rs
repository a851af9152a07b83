//! A defect in the program must not look like one: no backtrace, one sentence, exit code 2.

use std::panic::{self, AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

use super::exit::Exit;
use super::output;

/// Runs `work`; a panic in it becomes an error sentence.
///
/// The hook only remembers. Decoders and drivers panic too, and the library catches that and goes on: what they say
/// belongs to the reason of a skipped file, not on the screen.
pub(crate) fn guard(work: impl FnOnce() -> Exit) -> Exit {
    let first = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&first);
    panic::set_hook(Box::new(move |info| {
        let told = info.to_string().replace('\n', " ");
        seen.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(told);
    }));
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
        let told = first.lock().unwrap_or_else(PoisonError::into_inner);
        // A panic in a thread of a scope is followed by one that only says so.
        let told = told
            .iter()
            .rfind(|told| !told.contains("a scoped thread panicked"))
            .map_or("no reason was given", String::as_str);
        output::error(format_args!(
            "this is a defect in imgsearch ({told}); what was done is kept, please report it"
        ));
        Exit::Failed
    })
}
