//! Days, as queries name them.

use std::fmt::{self, Display, Formatter};

use jiff::civil::Date;
use jiff::{Span, Timestamp, ToSpan, tz::TimeZone};

/// A day of the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(Date);

/// A span of time in which pictures were taken: from the first day on, up to the second, which is not in it.
pub(crate) type Days = (Day, Day);

impl Day {
    /// A day; `None` for one that no calendar has.
    pub fn new(year: i16, month: i8, day: i8) -> Option<Self> {
        Date::new(year, month, day).ok().map(Self)
    }

    /// The day of a moment, in UTC.
    pub fn of(moment: std::time::SystemTime) -> Self {
        let moment = Timestamp::try_from(moment).unwrap_or(Timestamp::UNIX_EPOCH);
        Self(moment.to_zoned(TimeZone::UTC).date())
    }

    /// When it begins, nanoseconds since 1970; the times at which pictures were taken have no time zone.
    pub(crate) fn begins_ns(self) -> i64 {
        let begin = self
            .0
            .to_zoned(TimeZone::UTC)
            .map(|zoned| zoned.timestamp());
        let ns = begin.map_or(0, |begin| begin.as_nanosecond());
        ns.clamp(i64::MIN.into(), i64::MAX.into()) as i64
    }

    /// The day of a time of that kind.
    pub(crate) fn of_ns(ns: i64) -> Self {
        let moment = Timestamp::from_nanosecond(ns.into()).unwrap_or(Timestamp::UNIX_EPOCH);
        Self(moment.to_zoned(TimeZone::UTC).date())
    }

    pub(crate) fn in_year(self) -> i16 {
        self.0.year()
    }

    /// The year that begins with this day.
    pub(crate) fn year(self) -> Days {
        (self, self.plus(1.years()))
    }

    fn plus(self, span: Span) -> Self {
        Self(self.0.saturating_add(span))
    }
}

impl Display for Day {
    /// `2023-05-17`, which a query takes.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Reads `2023`, `2023-05`, `2023-05-17`, or how long before `today`: `10d`, `2w`, `3m`, `1y`. What is no date is `None`.
pub(crate) fn days(text: &str, today: Day) -> Option<Days> {
    if let Some((number, unit)) = text
        .char_indices()
        .last()
        .map(|(at, unit)| (&text[..at], unit))
        && let Ok(number) = number.parse::<u16>()
    {
        let number = i64::from(number);
        let back = match unit {
            'd' => (-number).days(),
            'w' => (-number).weeks(),
            'm' => (-number).months(),
            'y' => (-number).years(),
            _ => Span::new(),
        };
        if !back.is_zero() {
            let day = today.plus(back);
            return Some((day, day.plus(1.days())));
        }
    }
    let mut parts = text.split('-');
    let year = parts.next().filter(|year| year.len() == 4)?.parse().ok()?;
    let mut part = || parts.next().map(str::parse::<i8>).transpose().ok();
    let (month, day) = (part()?, part()?);
    if parts.next().is_some() {
        return None;
    }
    let first = Day::new(year, month.unwrap_or(1), day.unwrap_or(1))?;
    let length = match (month, day) {
        (None, _) => 1.years(),
        (Some(_), None) => 1.months(),
        (Some(_), Some(_)) => 1.days(),
    };
    Some((first, first.plus(length)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_as_the_days_that_they_mean() {
        let day = |y, m, d| Day::new(y, m, d).unwrap();
        let today = day(2024, 3, 31);
        for (text, from, to) in [
            ("2023", day(2023, 1, 1), day(2024, 1, 1)),
            ("2023-12", day(2023, 12, 1), day(2024, 1, 1)),
            ("2024-02-29", day(2024, 2, 29), day(2024, 3, 1)),
            ("10d", day(2024, 3, 21), day(2024, 3, 22)),
            ("2w", day(2024, 3, 17), day(2024, 3, 18)),
            ("1m", day(2024, 2, 29), day(2024, 3, 1)),
            ("4y", day(2020, 3, 31), day(2020, 4, 1)),
        ] {
            assert_eq!(days(text, today), Some((from, to)), "{text}");
        }
        for text in [
            "",
            "yesterday",
            "2023-13",
            "2023-02-30",
            "23",
            "2023-",
            "2023-1-1-1",
            "d",
            "-2w",
            "99999d",
            "2w3",
            "ü",
            "2023-05-",
        ] {
            assert_eq!(days(text, today), None, "{text}");
        }
    }

    #[test]
    fn a_day_begins_at_midnight() {
        assert_eq!(
            Day::new(1970, 1, 2).unwrap().begins_ns(),
            86_400_000_000_000
        );
        assert!(Day::new(1, 1, 1).unwrap().begins_ns() < Day::new(1700, 1, 1).unwrap().begins_ns());
        let moment = std::time::UNIX_EPOCH + std::time::Duration::from_secs(86_399);
        assert_eq!(Day::of(moment), Day::new(1970, 1, 1).unwrap());
    }
}
