//! Captions as BLIP's retrieval evaluation reads them.

/// Words that are kept.
const WORDS: usize = 30;
/// What is dropped.
const MARKS: [char; 10] = ['.', '!', '"', '(', ')', '*', '#', ':', ';', '~'];

/// Lower case, without `. ! " ( ) * # : ; ~`, single blanks, at most 30 words.
pub(crate) fn clean(caption: &str) -> String {
    let lower = caption.to_lowercase();
    let plain = lower.replace(MARKS, " ");
    let words: Vec<&str> = plain.split_whitespace().take(WORDS).collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_become_blanks_and_commas_stay() {
        let caption = "  Two Dogs, (one black) run:\tfast!  \"Go\" ~ #1.\n";
        assert_eq!(clean(caption), "two dogs, one black run fast go 1");
    }

    #[test]
    fn long_captions_are_cut_after_thirty_words() {
        let cleaned = clean(&"word ".repeat(50));
        assert_eq!(cleaned.split(' ').count(), 30);
        assert_eq!(clean(" . "), "");
    }
}
