//! Single values as operators write them: durations, levels, addresses, ranges, names.

use super::wrong::{Read, Wrong};
use crate::ids::Key;
use crate::media::api::{Codec, Encryption};
use crate::sip;
use crate::time::Duration;
use ipnet::IpNet;
use jiff::tz::TimeZone;
use std::net::{IpAddr, SocketAddr};
use toml::de::DeValue;

const NAME_CHARS: usize = 64;
const NUMBER_CHARS: usize = 32;
/// RFC 1035 4.2.
const DNS_PORT: u16 = 53;

/// Any text.
pub(super) fn text(value: &DeValue<'_>) -> Read<String> {
    match value {
        DeValue::String(text) => Ok(text.to_string()),
        DeValue::Integer(integer) => {
            Err(Wrong::new("must be text, not a number", format!("write it in quotes: \"{}\"", integer.as_str())))
        }
        _ => Err(Wrong::new(format!("must be text, not {}", kind(value)), "write it in quotes")),
    }
}

/// A whole number within bounds, both allowed.
pub(super) fn count(min: u64, max: u64) -> impl Fn(&DeValue<'_>) -> Read<u64> {
    move |value| {
        let bounds = || format!("a whole number from {min} to {max}");
        match value {
            DeValue::Integer(integer) => u64::from_str_radix(integer.as_str(), integer.radix())
                .ok()
                .filter(|count| (min..=max).contains(count))
                .ok_or_else(|| Wrong::new(format!("out of range: {integer}"), bounds())),
            DeValue::String(text) if text.parse::<u64>().is_ok() => {
                Err(Wrong::new("must be a number, not text", format!("write it without quotes: {text}")))
            }
            _ => Err(Wrong::new(format!("must be a number, not {}", kind(value)), bounds())),
        }
    }
}

/// Yes or no.
pub(super) fn truth(value: &DeValue<'_>) -> Read<bool> {
    match value {
        DeValue::Boolean(truth) => Ok(*truth),
        _ => Err(Wrong::new(format!("must be true or false, not {}", kind(value)), "without quotes")),
    }
}

/// A level of a skill.
pub(super) fn level(value: &DeValue<'_>) -> Read<u8> {
    let level = count(0, 100)(value).map_err(|wrong| Wrong::new(wrong.problem, LEVELS))?;
    u8::try_from(level).map_err(|_| Wrong::new("out of range", LEVELS))
}

const LEVELS: &str = "levels go from 0 (not at all) to 100";

/// A length of time within bounds, both allowed.
pub(super) fn duration(min: Duration, max: Duration) -> impl Fn(&DeValue<'_>) -> Read<Duration> {
    move |value| {
        let parsed = match value {
            DeValue::String(text) => parse_duration(text)?,
            DeValue::Integer(integer) if integer.as_str() == "0" => Duration::ZERO,
            DeValue::Integer(integer) => {
                let hint = format!("write it in quotes and with its unit: \"{} s\"", integer.as_str());
                return Err(Wrong::new("a length of time needs a unit", hint));
            }
            _ => return Err(Wrong::new(format!("must be a length of time, not {}", kind(value)), DURATIONS)),
        };
        if (min..=max).contains(&parsed) {
            return Ok(parsed);
        }
        let hint = format!("from {} to {}", show_duration(min), show_duration(max));
        Err(Wrong::new(format!("out of range: {}", show_duration(parsed)), hint))
    }
}

const DURATIONS: &str = "like \"15 s\", \"2.5 s\", \"20 ms\", \"10 min\", \"1 h\"";

/// Whole nanoseconds, without a detour over floating point.
fn parse_duration(text: &str) -> Read<Duration> {
    let wrong = || Wrong::new("not a length of time", DURATIONS);
    let trimmed = text.trim();
    let digits = trimmed.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(trimmed.len());
    let (number, unit) = trimmed.split_at(digits);
    let unit_nanos: u128 = match unit.trim_start() {
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "min" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        "" if number == "0" => 0,
        "" => return Err(Wrong::new("a length of time needs a unit", format!("\"{number} s\"?"))),
        _ => return Err(wrong()),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    if whole.is_empty() || fraction.is_empty() || fraction.len() > 9 || whole.len() > 12 {
        return Err(wrong());
    }
    let whole: u128 = whole.parse().map_err(|_| wrong())?;
    let scale = 10_u128.pow(u32::try_from(fraction.len()).map_err(|_| wrong())?);
    let fraction: u128 = fraction.parse().map_err(|_| wrong())?;
    let nanos = whole * unit_nanos + fraction * unit_nanos / scale;
    u64::try_from(nanos).map(Duration::from_nanos).map_err(|_| wrong())
}

/// A length of time as an operator would write it.
pub(super) fn show_duration(length: Duration) -> String {
    let millis = length.as_millis();
    match millis {
        0 => "0 s".to_string(),
        _ if millis.is_multiple_of(3_600_000) => format!("{} h", millis / 3_600_000),
        _ if millis.is_multiple_of(60_000) => format!("{} min", millis / 60_000),
        _ if millis.is_multiple_of(1_000) => format!("{} s", millis / 1_000),
        _ => format!("{millis} ms"),
    }
}

/// An address to listen on.
pub(super) fn socket(value: &DeValue<'_>) -> Read<SocketAddr> {
    let text = text(value)?;
    text.parse().map_err(|_| Wrong::new("not an address with a port", "like \"127.0.0.1:5060\" or \"[::1]:5060\""))
}

/// A name server: an address, with a port where it is not the DNS's own.
pub(super) fn name_server(value: &DeValue<'_>) -> Read<SocketAddr> {
    let text = text(value)?;
    let alone = text.parse().map(|address: IpAddr| SocketAddr::from((address, DNS_PORT)));
    alone.or_else(|_| text.parse()).map_err(|_| Wrong::new("not an address", "like \"192.0.2.53\" or \"[::1]:5353\""))
}

/// A civil time zone, by its name in the IANA database.
pub(super) fn time_zone(value: &DeValue<'_>) -> Read<TimeZone> {
    let name = text(value)?;
    TimeZone::get(&name).map_err(|_| Wrong::new("no time zone is called so", "like \"Europe/Rome\" or \"UTC\""))
}

/// An address to listen on, or "off".
pub(super) fn socket_or_off(value: &DeValue<'_>) -> Read<Option<SocketAddr>> {
    match value {
        DeValue::String(text) if text == "off" => Ok(None),
        _ => socket(value).map(Some),
    }
}

/// An IP address that packets can be sent to.
pub(super) fn address(value: &DeValue<'_>) -> Read<IpAddr> {
    let address: IpAddr =
        text(value)?.parse().map_err(|_| Wrong::new("not an IP address", "like \"192.0.2.10\" or \"2001:db8::10\""))?;
    match address.is_unspecified() || address.is_multicast() {
        true => Err(Wrong::new("others cannot send to this address", "write the address of one interface")),
        false => Ok(address),
    }
}

/// A range of addresses.
pub(super) fn network(value: &DeValue<'_>) -> Read<IpNet> {
    parse_network(&text(value)?)
}

fn parse_network(text: &str) -> Read<IpNet> {
    let network: IpNet = match text.parse::<IpAddr>() {
        Ok(address) => IpNet::from(address),
        Err(_) => text.parse().map_err(|_| {
            Wrong::new("not a range of addresses", "like \"10.0.0.0/8\", \"192.0.2.7\" or \"2001:db8::/32\"")
        })?,
    };
    match network.addr() == network.network() {
        true => Ok(network),
        false => {
            Err(Wrong::new("the address has bits beyond its prefix", format!("did you mean `{}`?", network.trunc())))
        }
    }
}

/// Where a call may be sent to: an address or a range, before it the numbers there if only these may be called.
pub(super) fn redirect(value: &DeValue<'_>) -> Read<sip::Redirect> {
    const EXAMPLE: &str = "like \"192.0.2.0/24\", or with numbers \"+3906*@192.0.2.7\"";
    let written = text(value)?;
    let wrong = || Wrong::new(format!("`{written}` is no place to send calls to"), EXAMPLE);
    let (numbers, hosts) = written.rsplit_once('@').map_or((None, &*written), |(numbers, at)| (Some(numbers), at));
    let numbers = numbers.map(|numbers| sip::Numbers::parse(numbers).ok_or_else(wrong)).transpose()?;
    let hosts = parse_network(hosts).map_err(|_| wrong())?;
    match hosts.prefix_len() {
        0 => Err(Wrong::new("whoever has a phone could send calls all over the world", EXAMPLE)),
        _ => Ok(sip::Redirect { numbers, hosts }),
    }
}

/// First and last port.
pub(super) fn ports(value: &DeValue<'_>) -> Read<(u16, u16)> {
    const EXAMPLE: &str = "like \"20000-29999\"";
    let text = text(value)?;
    let (first, last) = text.split_once('-').ok_or_else(|| Wrong::new("not a range of ports", EXAMPLE))?;
    let port = |text: &str| {
        let port: u32 = text.trim().parse().map_err(|_| Wrong::new("not a range of ports", EXAMPLE))?;
        let hint = "ports go from 1024 to 65535; those below belong to the system";
        u16::try_from(port).ok().filter(|port| *port >= 1024).ok_or_else(|| Wrong::new("port out of range", hint))
    };
    let (first, last) = (port(first)?, port(last)?);
    match first < last {
        true => Ok((first, last)),
        false => Err(Wrong::new("the range of ports is empty", "the last port must be above the first")),
    }
}

/// A name that ends up in metrics and reports.
pub(super) fn check_name(name: &str) -> Read<()> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    match name.is_empty() || name.len() > NAME_CHARS || !name.chars().all(fits) {
        true => Err(Wrong::new(
            format!("`{name}` cannot be a name"),
            format!("1 to {NAME_CHARS} letters, digits, `_`, `-` and `.`: names are labels in the metrics"),
        )),
        false => Ok(()),
    }
}

/// A name that ends up in metrics and reports.
pub(super) fn name(value: &DeValue<'_>) -> Read<String> {
    let name = text(value)?;
    check_name(&name)?;
    Ok(name)
}

/// What is dialled or registered with.
pub(super) fn check_number(number: &str) -> Read<()> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '*' | '_' | '-' | '.');
    match number.is_empty() || number.len() > NUMBER_CHARS || !number.chars().all(fits) {
        true => Err(Wrong::new(
            format!("`{number}` cannot be a number"),
            format!("1 to {NUMBER_CHARS} digits, letters, `+`, `*`, `_`, `-` and `.`"),
        )),
        false => Ok(()),
    }
}

/// What is dialled.
pub(super) fn number(value: &DeValue<'_>) -> Read<String> {
    let number = text(value)?;
    check_number(&number)?;
    Ok(number)
}

/// Text that goes between quotes into a header.
pub(super) fn realm(value: &DeValue<'_>) -> Read<String> {
    let realm = text(value)?;
    let fits = |c: char| (c.is_ascii_graphic() || c == ' ') && c != '"' && c != '\\';
    match realm.is_empty() || realm.len() > NAME_CHARS || !realm.chars().all(fits) {
        true => Err(Wrong::new("cannot be a realm", "1 to 64 plain letters, digits and signs, no quotes")),
        false => Ok(realm),
    }
}

/// A host as URIs name it: a name, or an address without brackets.
pub(super) fn host(value: &DeValue<'_>) -> Read<String> {
    let host = text(value)?;
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let is_name = !host.is_empty() && host.len() <= 253 && host.chars().all(fits);
    match is_name || host.parse::<IpAddr>().is_ok() {
        true => Ok(host),
        false => Err(Wrong::new("not a host", "a name or an address, like \"acd.example\" or \"192.0.2.1\"")),
    }
}

/// How a phone's User-Agent begins.
pub(super) fn user_agent(value: &DeValue<'_>) -> Read<String> {
    let start = text(value)?;
    match start.is_empty() || start.len() > NAME_CHARS || start.chars().any(char::is_control) {
        true => Err(Wrong::new("cannot be the start of a User-Agent", "1 to 64 letters, digits and signs")),
        false => Ok(start),
    }
}

/// A codec by its SDP name.
pub(super) fn codec(value: &DeValue<'_>) -> Read<Codec> {
    match text(value)?.as_str() {
        "PCMA" => Ok(Codec::Pcma),
        "PCMU" => Ok(Codec::Pcmu),
        "G722" => Ok(Codec::G722),
        "opus" => Ok(Codec::Opus),
        other => Err(Wrong::unknown("codec", other, &["PCMA", "PCMU", "G722", "opus"])),
    }
}

/// Whether SRTP is spoken.
pub(super) fn encryption(value: &DeValue<'_>) -> Read<Encryption> {
    match text(value)?.as_str() {
        "off" => Ok(Encryption::Off),
        "optional" => Ok(Encryption::Optional),
        "required" => Ok(Encryption::Required),
        other => Err(Wrong::unknown("kind of SRTP", other, &["off", "optional", "required"])),
    }
}

/// A key of the telephone.
pub(super) fn key(written: &str) -> Read<Key> {
    let mut signs = written.chars();
    let key = signs.next().filter(|_| signs.next().is_none()).and_then(Key::of_sign);
    key.ok_or_else(|| Wrong::new(format!("`{written}` is no key of a telephone"), "a key is 0 to 9, \"*\" or \"#\""))
}

/// One of the words that are known, as what it means.
pub(super) fn one_of<T: Copy>(value: &DeValue<'_>, what: &str, known: &[(&str, T)]) -> Read<T> {
    let written = text(value)?;
    let found = known.iter().find(|(name, _)| *name == written);
    found.map(|(_, meaning)| *meaning).ok_or_else(|| {
        let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
        Wrong::unknown(what, &written, &names)
    })
}

/// The kind of a value in words.
pub(super) fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_as_written() {
        let cases = [
            ("15 s", 15_000_000_000),
            ("15s", 15_000_000_000),
            (" 20 ms ", 20_000_000),
            ("10 min", 600_000_000_000),
            ("1 h", 3_600_000_000_000),
            ("2.5 s", 2_500_000_000),
            ("0.1 ms", 100_000),
            ("0", 0),
            ("0 s", 0),
        ];
        for (text, nanos) in cases {
            assert_eq!(parse_duration(text).ok(), Some(Duration::from_nanos(nanos)), "{text}");
        }
        for text in ["", "s", "15", "15 m", "1.s", ".5 s", "1.2.3 s", "-1 s", "15 seconds", "9999999999999 h", "1e3 s"]
        {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn durations_are_shown_as_written() {
        for text in ["0 s", "20 ms", "2500 ms", "15 s", "10 min", "125 min", "3 h"] {
            assert_eq!(parse_duration(text).ok().map(show_duration).as_deref(), Some(text));
        }
    }
}
