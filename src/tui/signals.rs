//! Signals of the system: to end, to go on, to stop.

use std::sync::mpsc::Sender;

use super::message::Msg;

/// Tells the app from now on when the program is to end or goes on after it was stopped. Asked a second time to end, the program does
/// so at once, after `restore`.
#[cfg(unix)]
pub(super) fn listen(
    messages: Sender<Msg>,
    restore: impl Fn() + Send + 'static,
) -> std::io::Result<()> {
    use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGTERM};
    use signal_hook::iterator::Signals;
    use signal_hook::low_level::emulate_default_handler;

    let mut signals = Signals::new([SIGCONT, SIGHUP, SIGINT, SIGTERM])?;
    std::thread::spawn(move || {
        let mut is_asked = false;
        for signal in signals.forever() {
            if signal == SIGCONT {
                let _ = messages.send(Msg::Resumed);
            } else if is_asked {
                restore();
                let _ = emulate_default_handler(signal);
            } else {
                is_asked = true;
                let _ = messages.send(Msg::Terminated(signal));
            }
        }
    });
    Ok(())
}

/// Tells the app nothing: there are no such signals.
#[cfg(not(unix))]
pub(super) fn listen(_: Sender<Msg>, _: impl Fn() + Send + 'static) -> std::io::Result<()> {
    Ok(())
}

/// Stops the program and all that it was started together with, as in a pipe, until somebody has it go on.
pub(super) fn suspend() {
    #[cfg(unix)]
    {
        use nix::sys::signal::{Signal, kill};
        use nix::unistd::Pid;
        // Zero is the group: a shell takes a pipe for stopped when all of it is.
        let _ = kill(Pid::from_raw(0), Signal::SIGTSTP);
    }
}

/// Ends the program as a signal does to one that does not listen to it, so that whoever sent it sees that.
pub(super) fn end(signal: i32) {
    #[cfg(unix)]
    let _ = signal_hook::low_level::emulate_default_handler(signal);
    #[cfg(not(unix))]
    let _ = signal;
}
