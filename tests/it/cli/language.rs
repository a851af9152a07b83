//! Queries with operators.

use super::*;

fn found(query: &str) -> Vec<String> {
    let output = run(index(), &["search", "--paths-only", "--", query]);
    assert!(code(&output) < 2, "{query}: {}", err(&output));
    file_names(&output)
}

#[test]
fn operators_ask_for_and_leave_out() {
    let cats = found("+cat");
    assert!(
        cats.contains(&"cat.jpg".to_owned()) && cats.len() < 8,
        "{cats:?}"
    );
    let others = found("photo -cat");
    assert_eq!(cats.len() + others.len(), 8);
    assert_eq!(found("-cat").len(), others.len());
    let one_of = found("(cat OR coffee)");
    assert!(one_of.contains(&"cat.jpg".to_owned()) && one_of.contains(&"coffee.jpg".to_owned()));
    assert!(one_of.len() >= cats.len() && one_of.len() < 8, "{one_of:?}");
    assert_eq!(found("tag:cat>0.9"), ["cat.jpg"]);
    assert!(found("tag:cat>0.9 tag:coffee>0.9").is_empty());
    assert_eq!(found("\"cat\"")[0], "cat.jpg");
    assert_eq!(found("20*coffee cat")[0], "coffee.jpg");
    assert_eq!(found("coffee 20*cat")[0], "cat.jpg");
}

#[test]
fn facts_and_pictures_are_asked_for_too() {
    assert_eq!(found("path:coffee"), ["coffee.jpg"]);
    assert_eq!(found("animal -path:CAT.jpg").len(), 7);
    assert_eq!(
        (found("cat type:jpg").len(), found("cat type:png").len()),
        (8, 0)
    );
    assert_eq!(
        (found("cat after:1d").len(), found("cat before:1990").len()),
        (8, 0)
    );
    assert!(found("cat camera:nikon").is_empty());
    let cat = photos().join("cat.jpg");
    assert_eq!(found(&format!("like:\"{}\"", cat.display()))[0], "cat.jpg");
}

#[test]
fn what_cannot_be_meant_is_refused_with_its_place() {
    for (query, sentence) in [
        ("dog (cat OR", "at byte 4"),
        ("dog + cat", "a word is missing after +"),
        ("after:yesterday", "is no date"),
        ("after:2023 before:2020", "after that day and before it"),
        ("+zorgle", "no tag is called"),
        ("type:doc", "no picture has the format"),
        ("like:/no/such/picture.jpg", "/no/such/picture.jpg"),
        ("+cat -cat", "both required and excluded"),
        ("\"\"", "between these quotes"),
        (
            "собака на пляже",
            "in a script that the model does not read",
        ),
    ] {
        refused(&run(index(), &["search", "--", query]), sentence);
    }
    let text = photos().join("README.md");
    let like = format!("like:{}", text.display());
    refused(&run(index(), &["search", &like]), "README.md");
    let many = "(dog OR cat) ".repeat(5000);
    assert_eq!(code(&run(index(), &["search", &many])), 0);
}

#[test]
fn help_explains_commands_and_the_language() {
    let help = run(index(), &["help", "query"]);
    let text = out(&help);
    assert_eq!(code(&help), 0);
    for operator in ["+WORD", "tag:NAME>P", "after:DATE", "(A OR B)"] {
        assert!(text.contains(operator), "{text}");
    }
    assert!(out(&run(index(), &["help", "search"])).contains("--facets"));
    assert!(out(&run(index(), &["help"])).contains("search"));
    refused(
        &run(index(), &["help", "nothing"]),
        "there is no command nothing",
    );
}
