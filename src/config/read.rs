//! A typed reader over the parsed file: it hands out what is right, writes down what is wrong, and goes on.
//!
//! Keys are what was asked for; whatever was not asked for is unknown. No word of telephony here.

use super::mistake::Report;
use super::wrong::{Read, did_you_mean, did_you_mean_or_list};
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Something read, and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Placed<T> {
    pub value: T,
    pub span: Range<usize>,
}

/// A list and its place; the elements that are right, each with its own.
pub(super) struct List<T> {
    pub value: Vec<Placed<T>>,
    pub span: Range<usize>,
    /// It is written without any element.
    pub is_empty: bool,
}

/// One table of the file while it is read.
pub(super) struct Section<'t> {
    /// Absent if the file does not have it: then every key has its default.
    table: Option<&'t DeTable<'t>>,
    /// Its header, or the table itself if it is inline.
    pub span: Range<usize>,
    /// As a reader of the report would say it: `[queue.information]`.
    pub title: String,
    asked: Vec<&'static str>,
    report: &'t Report<'t>,
}

impl<'t> Section<'t> {
    pub fn new(table: &'t DeTable<'t>, span: Range<usize>, title: String, report: &'t Report<'t>) -> Section<'t> {
        Section { table: Some(table), span, title, asked: Vec::new(), report }
    }

    /// The value of a key, if it is there and right.
    pub fn get<T>(&mut self, key: &'static str, read: impl FnOnce(&DeValue<'t>) -> Read<T>) -> Option<Placed<T>> {
        let value = self.raw(key)?;
        self.keep(value, read)
    }

    /// The value of a key, or its default if it is not there (or wrong: then nobody will see the default).
    pub fn get_or<T>(&mut self, key: &'static str, default: T, read: impl FnOnce(&DeValue<'t>) -> Read<T>) -> T {
        self.get(key, read).map_or(default, |placed| placed.value)
    }

    /// The value of a key that must be there.
    pub fn need<T>(&mut self, key: &'static str, read: impl FnOnce(&DeValue<'t>) -> Read<T>) -> Option<Placed<T>> {
        let value = self.need_raw(key)?;
        self.keep(value, read)
    }

    /// A list; wrong elements are reported one by one and left out.
    pub fn get_list<T>(&mut self, key: &'static str, read: impl Fn(&DeValue<'t>) -> Read<T>) -> Option<List<T>> {
        let value = self.raw(key)?;
        self.as_list(key, value, read)
    }

    /// A list that must be there.
    pub fn need_list<T>(&mut self, key: &'static str, read: impl Fn(&DeValue<'t>) -> Read<T>) -> Option<List<T>> {
        let value = self.need_raw(key)?;
        self.as_list(key, value, read)
    }

    fn as_list<T>(
        &self,
        key: &'static str,
        value: &'t Spanned<DeValue<'t>>,
        read: impl Fn(&DeValue<'t>) -> Read<T>,
    ) -> Option<List<T>> {
        let DeValue::Array(array) = value.get_ref() else {
            self.report.mistake(&value.span(), format!("`{key}` must be a list"), Some(format!("{key} = [ … ]")));
            return None;
        };
        let list = array.iter().filter_map(|element| self.keep(element, &read)).collect();
        Some(List { value: list, span: value.span(), is_empty: array.is_empty() })
    }

    /// A table within this one, if it is there.
    pub fn get_section(&mut self, key: &'static str) -> Option<Section<'t>> {
        let value = self.raw(key)?;
        self.as_section(value, key.to_string())
    }

    /// A table within this one; one that is not there has no keys.
    pub fn get_section_or_empty(&mut self, key: &'static str) -> Section<'t> {
        self.get_section(key).unwrap_or_else(|| Section {
            table: None,
            span: self.span.clone(),
            title: format!("[{}]", self.title_of(key)),
            asked: Vec::new(),
            report: self.report,
        })
    }

    /// Tables keyed by names of the operator's choice, in the order of the file.
    pub fn get_named(&mut self, key: &'static str) -> Vec<(Placed<&'t str>, Section<'t>)> {
        let Some(named) = self.get_section(key) else { return Vec::new() };
        let entries = named.entries();
        entries
            .into_iter()
            .filter_map(|(name, value)| {
                let section = named.as_section(value, name.value.to_string())?;
                Some((name, section))
            })
            .collect()
    }

    /// The tables of `[[key]]`, in the order of the file.
    pub fn get_tables(&mut self, key: &'static str) -> Vec<Section<'t>> {
        let Some(value) = self.raw(key) else { return Vec::new() };
        let title = self.title_of(key);
        match value.get_ref() {
            DeValue::Array(array) => {
                array.iter().filter_map(|element| self.as_section(element, key.to_string())).collect()
            }
            _ => {
                self.report.mistake(&value.span(), format!("`{key}` must be one or more [{title}]"), None);
                Vec::new()
            }
        }
    }

    /// All keys and values in the order of the file, for tables whose keys are the operator's.
    pub fn entries(&self) -> Vec<(Placed<&'t str>, &'t Spanned<DeValue<'t>>)> {
        let mut entries: Vec<_> = self
            .table
            .into_iter()
            .flat_map(|table| table.iter())
            .map(|(key, value)| (Placed { value: key.get_ref().as_ref(), span: key.span() }, value))
            .collect();
        entries.sort_by_key(|(key, _)| key.span.start);
        entries
    }

    /// One value of `entries`.
    pub fn keep<T>(
        &self,
        value: &'t Spanned<DeValue<'t>>,
        read: impl FnOnce(&DeValue<'t>) -> Read<T>,
    ) -> Option<Placed<T>> {
        match read(value.get_ref()) {
            Ok(read) => Some(Placed { value: read, span: value.span() }),
            Err(wrong) => {
                self.report.wrong(&value.span(), wrong);
                None
            }
        }
    }

    /// Whether the key stands in the file; does not count as asking for it.
    pub fn has(&self, key: &str) -> bool {
        self.table.is_some_and(|table| table.contains_key(key))
    }

    /// Where a key of this table stands; the table's own place if it is absent.
    pub fn key_span(&self, key: &str) -> Range<usize> {
        let found = self.table.and_then(|table| table.iter().find(|(name, _)| name.get_ref().as_ref() == key));
        found.map_or_else(|| self.span.clone(), |(name, _)| name.span())
    }

    /// To be called last: what nobody asked for is unknown.
    pub fn finish(self) {
        for (key, _) in self.entries() {
            if !self.asked.contains(&key.value) {
                let hint = did_you_mean(key.value, self.asked.iter().copied().filter(|asked| !self.has(asked)))
                    .or_else(|| did_you_mean_or_list(key.value, &self.asked));
                self.report.mistake(&key.span, format!("unknown key `{}` in {}", key.value, self.title), hint);
            }
        }
    }

    /// The value of a key as it stands.
    pub fn raw(&mut self, key: &'static str) -> Option<&'t Spanned<DeValue<'t>>> {
        self.asked.push(key);
        #[cfg(test)]
        self.report.note_key(key);
        self.table?.get(key)
    }

    /// A missing key is not reported where the text itself is broken: it may be there and unreadable.
    fn need_raw(&mut self, key: &'static str) -> Option<&'t Spanned<DeValue<'t>>> {
        let value = self.raw(key);
        if value.is_none() && !self.report.is_broken() {
            self.report.mistake(&self.span, format!("`{key}` is missing in {}", self.title), None);
        }
        value
    }

    /// A value as a table within this one.
    pub fn as_section(&self, value: &'t Spanned<DeValue<'t>>, key: String) -> Option<Section<'t>> {
        let title = self.title_of(&key);
        match value.get_ref() {
            DeValue::Table(table) => Some(Section::new(table, value.span(), format!("[{title}]"), self.report)),
            _ => {
                self.report.mistake(&value.span(), format!("`{key}` must be a table"), Some(format!("[{title}]")));
                None
            }
        }
    }

    fn title_of(&self, key: &str) -> String {
        match self.title.strip_prefix('[').and_then(|title| title.strip_suffix(']')) {
            Some(title) => format!("{title}.{key}"),
            None => key.to_string(),
        }
    }
}
