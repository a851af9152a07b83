//! What can be done with a key.

use super::line::Edit;

/// What a key stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Types a character.
    Type(char),
    /// Edits the query line.
    Edit(Edit),
    /// Moves through the results, or through what lies over them.
    Go(Go),
    /// A character, a picture or a tag back.
    Left,
    /// A character, a picture or a tag on.
    Right,
    /// Opens the picture under the cursor; where paths are printed, takes it and leaves.
    Enter,
    /// Opens the picture under the cursor.
    Open,
    /// Shows the picture under the cursor in its folder.
    Reveal,
    /// Copies the path of the picture under the cursor.
    Copy,
    /// Copies the picture under the cursor.
    CopyPicture,
    /// Says what tags the marked pictures have, or the one under the cursor.
    Correct,
    /// Marks the picture under the cursor, or unmarks it.
    Mark,
    /// Searches for pictures like the one under the cursor.
    Similar,
    /// Says why the picture under the cursor stands where it stands.
    Explain,
    /// Goes to the tags of the results, or back.
    Facets,
    /// Orders the results otherwise.
    Sort,
    /// Puts pictures of one shot behind each other, or apart.
    Stack,
    /// Shows results as a list or as a grid.
    Grid,
    /// The query before.
    Older,
    /// The query after.
    Newer,
    /// Asks for a folder to index, or stops indexing.
    Index,
    /// Draws the screen anew and searches again.
    Refresh,
    /// Stops the program.
    Suspend,
    /// Shows or hides the details.
    ToggleDetail,
    /// Shows or hides the help.
    ToggleHelp,
    /// Closes what is open, else leaves.
    Back,
    /// Leaves, and prints nothing.
    Quit,
    /// Nothing: it is only there to be explained.
    None,
}

/// A way through a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Go {
    /// One up.
    Up,
    /// One down.
    Down,
    /// A screen up.
    PageUp,
    /// A screen down.
    PageDown,
    /// To the first.
    First,
    /// To the last.
    Last,
}
