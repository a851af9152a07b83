//! Why a picture stands where it stands, in lines.

use imgsearch::{Explanation, Unmet, Verdict};

/// The verdict, then every part of the score.
pub(super) fn lines(verdict: &Verdict) -> Vec<String> {
    let score = verdict.why.score;
    let mut lines = vec![match verdict.rank {
        Some(rank) => format!("place {rank}, score {score:.3}"),
        None => format!("in no answer to this question; its score is {score:.3}"),
    }];
    lines.extend(verdict.unmet.iter().map(unmet));
    lines.push(String::new());
    lines.extend(parts(&verdict.why));
    lines
}

fn unmet(unmet: &Unmet) -> String {
    match unmet {
        Unmet::Missing {
            tags,
            confidence,
            needed,
            ..
        } => format!(
            "required and not recognised: {} ({confidence:.2}, and more than {needed:.2} is needed)",
            tags.join(" or ")
        ),
        Unmet::Excluded {
            tag, confidence, ..
        } => {
            format!("excluded and recognised: {tag} ({confidence:.2})")
        }
        Unmet::Unsure => "nothing here shows surely enough what is asked for".to_owned(),
        _ => "its date, camera, path or format is not what is asked for".to_owned(),
    }
}

fn parts(why: &Explanation) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(cosine) = why.itc {
        let weight = why.itc_weight;
        lines.push(format!(
            "{weight:+.3}  the sentence is similar, cosine {cosine:.2}"
        ));
    }
    for tag in &why.tags {
        let asked = match tag.query == tag.tag {
            true => String::new(),
            false => format!(" for \"{}\"", tag.query),
        };
        let seen = match tag.recognized {
            true => "",
            false => ", not recognised",
        };
        lines.push(format!(
            "{:+.3}  tag {}{asked}, probability {:.2}{seen}",
            tag.weight, tag.tag, tag.confidence
        ));
    }
    if let Some(itm) = why.itm {
        let weight = why.itm_weight;
        lines.push(format!(
            "{weight:+.3}  the sentence matches with probability {itm:.2}"
        ));
    }
    if !why.unresolved.is_empty() {
        let words = why.unresolved.join(", ");
        lines.push(format!(
            "no tag stands for {words}: only the sentence counts"
        ));
    }
    lines
}
