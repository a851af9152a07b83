//! The values of fields: what stands behind `tag:`, `after:` and the like.

use super::day::{Day, Days, days};
use super::request::Query;
use super::syntax::Field;

impl Query {
    /// Asks for what a field says or, with `is_not`, for what it does not; what is wrong with it is a sentence.
    pub(super) fn add_field(
        &mut self,
        (name, field): (&str, Field),
        value: &str,
        is_not: bool,
        today: Day,
    ) -> Result<(), String> {
        if value.is_empty() {
            return Err(format!("a value is missing after {name}:"));
        }
        if is_not && matches!(field, Field::Like | Field::After | Field::Before) {
            return Err(format!("{name}: cannot be excluded; remove the -"));
        }
        let text = (value.to_owned(), !is_not);
        match field {
            Field::Tag => return self.add_tag(value, is_not),
            Field::Keyword => self.keywords.push(text),
            Field::Like => self.like.push(value.into()),
            Field::After => self.since = self.since.max(Some(dates(value, today)?.0)),
            Field::Before => {
                let (day, _) = dates(value, today)?;
                self.before = Some(self.before.map_or(day, |before| before.min(day)));
            }
            Field::Year => {
                let year = Some(value).filter(|year| year.len() == 4);
                let year = year.and_then(|year| days(year, today));
                let year = year.ok_or("a year has four digits, as in year:2023")?;
                self.years.push((year, !is_not));
            }
            Field::Camera => self.cameras.push(text),
            Field::Path => self.path_parts.push(text),
            Field::Type => self.formats.push((value.to_lowercase(), !is_not)),
        }
        Ok(())
    }

    /// `dog`, or `dog>0.8`.
    fn add_tag(&mut self, value: &str, is_not: bool) -> Result<(), String> {
        let Some((tag, least)) = value.split_once('>') else {
            match is_not {
                true => self.must_not.push(value.to_owned()),
                false => self.must.push(vec![value.to_owned()]),
            }
            return Ok(());
        };
        if tag.trim().is_empty() {
            return Err("a tag is missing before the >, as in tag:dog>0.8".to_owned());
        }
        let least = least.parse::<f32>().ok().filter(|p| (0.0..1.0).contains(p));
        let least = least.ok_or("a probability from 0 up to 1 follows the >, as in tag:dog>0.8")?;
        self.above.push((tag.to_owned(), least, !is_not));
        Ok(())
    }
}

fn dates(text: &str, today: Day) -> Result<Days, String> {
    let reason = || {
        format!("{text:?} is no date; write 2023, 2023-05, 2023-05-17, or how long ago as in 2w")
    };
    days(text, today).ok_or_else(reason)
}
