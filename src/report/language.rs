//! How numbers, lengths of time and days are written in Italian and in English. What is undefined is never a number.

use super::model::Mean;
use crate::stats::ratio::Ratio;
use crate::time::Duration;
use jiff::Zoned;
use jiff::civil::{Date, Weekday};

/// The language of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// Italian: the customer's own headings.
    Italian,
    /// English.
    English,
}

impl Language {
    /// The one of two texts.
    pub fn pick<T>(self, italian: T, english: T) -> T {
        match self {
            Language::Italian => italian,
            Language::English => english,
        }
    }

    /// As in `lang="it"`.
    pub fn code(self) -> &'static str {
        self.pick("it", "en")
    }

    /// What is printed where there is no number.
    pub fn undefined(self) -> &'static str {
        self.pick(crate::stats::ratio::UNDEFINED, "n/a")
    }

    /// A count with its thousands apart.
    pub fn count(self, count: u64) -> String {
        let digits = count.to_string();
        let separator = self.pick('.', ',');
        let mut text = String::with_capacity(digits.len() + digits.len() / 3);
        for (place, digit) in digits.chars().enumerate() {
            if place > 0 && (digits.len() - place).is_multiple_of(3) {
                text.push(separator);
            }
            text.push(digit);
        }
        text
    }

    /// A ratio in percent with two decimals and its sign.
    pub fn percent(self, ratio: Option<Ratio>) -> String {
        self.defined(ratio, |ratio| format!("{:.2}%", ratio.percent()))
    }

    /// The same without decimals that say nothing: 84%, 60,1%.
    pub fn short_percent(self, ratio: Option<Ratio>) -> String {
        self.defined(ratio, |ratio| {
            let text = format!("{:.2}", ratio.percent());
            format!("{}%", text.trim_end_matches('0').trim_end_matches('.'))
        })
    }

    /// A mean: seconds with a decimal below a minute, else minutes and seconds.
    pub fn mean(self, mean: Mean) -> String {
        let whole = mean.seconds().map(|seconds| format!("{:.0}", seconds.decimal()));
        match whole.and_then(|whole| whole.parse::<u64>().ok()) {
            Some(seconds) if seconds >= 60 => minutes(seconds),
            _ => self.defined(mean.seconds(), |seconds| format!("{:.1} s", seconds.decimal())),
        }
    }

    /// A mean in seconds with two decimals, for figures that are held against a limit in seconds.
    pub fn mean_seconds(self, mean: Mean) -> String {
        self.defined(mean.seconds(), |seconds| format!("{:.2} s", seconds.decimal()))
    }

    /// A length that occurred.
    pub fn length(self, length: Option<Duration>) -> String {
        length.map_or_else(|| self.undefined().to_owned(), |length| self.mean(Mean { sum: length, count: 1 }))
    }

    /// A threshold: whole seconds as such.
    pub fn threshold(self, length: Duration) -> String {
        self.decimal_point(&format!("{}", length.as_secs_f64()))
    }

    /// Whether a target was met.
    pub fn met(self, met: Option<bool>) -> &'static str {
        match met {
            Some(true) => self.pick("sì", "yes"),
            Some(false) => self.pick("no", "no"),
            None => self.undefined(),
        }
    }

    /// A day of a table.
    pub fn day(self, day: Date) -> String {
        let weekday = self.pick(italian_weekday(day.weekday()), english_weekday(day.weekday()));
        format!("{weekday} {}", self.date(day))
    }

    /// A date.
    pub fn date(self, day: Date) -> String {
        match self {
            Language::Italian => day.strftime("%d/%m/%Y").to_string(),
            Language::English => format!("{} {} {:04}", day.day(), self.month_name(day), day.year()),
        }
    }

    /// A moment, with the offset from UTC, as the same hour may come twice.
    pub fn moment(self, at: &Zoned) -> String {
        format!("{} {}", self.date(at.date()), at.strftime("%H:%M (%:z)"))
    }

    /// A month with its year.
    pub fn month(self, day: Date) -> String {
        format!("{} {:04}", self.month_name(day), day.year())
    }

    fn month_name(self, day: Date) -> &'static str {
        const ITALIAN: [&str; 12] = [
            "gennaio",
            "febbraio",
            "marzo",
            "aprile",
            "maggio",
            "giugno",
            "luglio",
            "agosto",
            "settembre",
            "ottobre",
            "novembre",
            "dicembre",
        ];
        const ENGLISH: [&str; 12] = [
            "January",
            "February",
            "March",
            "April",
            "May",
            "June",
            "July",
            "August",
            "September",
            "October",
            "November",
            "December",
        ];
        let names = self.pick(&ITALIAN, &ENGLISH);
        usize::try_from(day.month() - 1).ok().and_then(|place| names.get(place)).copied().unwrap_or_default()
    }

    fn defined(self, ratio: Option<Ratio>, print: impl Fn(Ratio) -> String) -> String {
        ratio.map_or_else(|| self.undefined().to_owned(), |ratio| self.decimal_point(&print(ratio)))
    }

    /// The decimal point of the language, in a text that has one of the other.
    pub fn decimal_point(self, text: &str) -> String {
        self.pick(text.replace('.', ","), text.to_owned())
    }
}

fn minutes(seconds: u64) -> String {
    match seconds {
        0..3_600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min {:02} s", seconds / 3_600, seconds / 60 % 60, seconds % 60),
    }
}

fn italian_weekday(day: Weekday) -> &'static str {
    match day {
        Weekday::Monday => "lun",
        Weekday::Tuesday => "mar",
        Weekday::Wednesday => "mer",
        Weekday::Thursday => "gio",
        Weekday::Friday => "ven",
        Weekday::Saturday => "sab",
        Weekday::Sunday => "dom",
    }
}

fn english_weekday(day: Weekday) -> &'static str {
    match day {
        Weekday::Monday => "Mon",
        Weekday::Tuesday => "Tue",
        Weekday::Wednesday => "Wed",
        Weekday::Thursday => "Thu",
        Weekday::Friday => "Fri",
        Weekday::Saturday => "Sat",
        Weekday::Sunday => "Sun",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_the_language_writes_them() {
        let (it, en) = (Language::Italian, Language::English);
        assert_eq!([it.count(1_187), it.count(12), it.count(1_234_567)], ["1.187", "12", "1.234.567"]);
        assert_eq!(en.count(12_500), "12,500");
        let level = Ratio::new(17_729, 29_497);
        assert_eq!([it.percent(level), en.percent(level)], ["60,10%", "60.10%"]);
        assert_eq!([it.short_percent(Ratio::new(84, 100)), it.short_percent(level)], ["84%", "60,1%"]);
        assert_eq!(it.short_percent(Ratio::new(1, 1)), "100%");
        assert_eq!([it.percent(None), en.percent(None)], ["n.d.", "n/a"]);
    }

    #[test]
    fn lengths_are_seconds_or_minutes() {
        let it = Language::Italian;
        let mean = |millis, count| it.mean(Mean::of(Duration::from_millis(millis), count));
        assert_eq!([mean(40_774, 1), mean(59_499, 1), mean(59_600, 1)], ["40,8 s", "59,5 s", "1 min 00 s"]);
        assert_eq!([mean(176_000, 1), mean(7_205_000, 1), mean(0, 0)], ["2 min 56 s", "2 h 00 min 05 s", "n.d."]);
        assert_eq!([it.threshold(Duration::from_secs(30)), it.threshold(Duration::from_millis(2_500))], ["30", "2,5"]);
    }

    #[test]
    fn days_are_named() {
        let day = Date::constant(2026, 10, 25);
        assert_eq!([Language::Italian.day(day), Language::English.day(day)], ["dom 25/10/2026", "Sun 25 October 2026"]);
        assert_eq!(Language::Italian.month(day), "ottobre 2026");
    }
}
