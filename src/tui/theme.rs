//! Styles by meaning.

use ratatui::style::{Color, Modifier, Style};

/// What things look like. The sixteen colours that every terminal theme defines are legible on light and on dark ones;
/// without colours, weight alone tells things apart.
#[derive(Clone, Copy, Debug)]
pub(super) struct Theme {
    /// The prompt, and keys in the help.
    pub(super) accent: Style,
    /// What counts: the picture under the cursor, headings.
    pub(super) strong: Style,
    /// What can be passed over.
    pub(super) quiet: Style,
    /// Tags that were matched.
    pub(super) matched: Style,
    /// What is chosen.
    pub(super) chosen: Style,
    /// What went wrong.
    pub(super) error: Style,
}

impl Theme {
    pub(super) fn new(colour: bool) -> Self {
        let tinted = |style: Style, tint| if colour { style.fg(tint) } else { style };
        let bold = Style::new().add_modifier(Modifier::BOLD);
        Self {
            accent: tinted(bold, Color::Cyan),
            strong: bold,
            quiet: Style::new().add_modifier(Modifier::DIM),
            matched: tinted(Style::new(), Color::Green),
            chosen: bold.add_modifier(Modifier::REVERSED),
            error: tinted(bold, Color::Red),
        }
    }
}
