//! From one address to a link: scheme, host, path.

use super::error::quoted;
use super::path::{self, Address};
use super::{Link, LinkError, Platform, ShortHost};
use url::{Host, Url};

/// TikTok's domains. Links of archives and apps are on the second; TikTok redirects it to the first.
const SITES: [&str; 2] = ["tiktok.com", "tiktokv.com"];

#[rustfmt::skip]
const OTHERS: [(&str, Platform); 8] = [
    ("youtube.com", Platform::YouTube), ("youtu.be", Platform::YouTube), ("youtube-nocookie.com", Platform::YouTube),
    ("facebook.com", Platform::Facebook), ("fb.com", Platform::Facebook), ("fb.watch", Platform::Facebook),
    ("instagram.com", Platform::Instagram), ("douyin.com", Platform::Douyin),
];

/// Reads one address, with or without scheme, and nothing around it. Parameters that are not known say nothing.
///
/// # Errors
/// [`LinkError`] says what was seen and what is supported. Hosts that only look like TikTok's are refused.
pub fn parse_url(text: &str) -> Result<Link, LinkError> {
    let text = text.trim();
    let unescaped = path::decoded(text);
    // An address that was escaped as a whole, as it stands in other addresses' parameters.
    let escaped = ["http%3a", "https%3a"].iter().any(|start| starts_with(text, start));
    let url = read(text, if escaped { &unescaped } else { text })?;
    let host = host(text, &url)?;
    let segments: Vec<String> =
        url.path_segments().into_iter().flatten().map(path::decoded).filter(|s| !s.is_empty()).collect();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let parameter = |name: &str| url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
    path::read(&Address { seen: text, short: short_host(&host), segments: &segments, parameter: &parameter })
}

fn starts_with(text: &str, start: &str) -> bool {
    text.get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start))
}

fn read(seen: &str, text: &str) -> Result<Url, LinkError> {
    let seen = || quoted(seen);
    if text.contains(|c: char| c.is_whitespace() || c.is_control()) || text.is_empty() {
        return Err(LinkError::NotALink { seen: seen() });
    }
    // Browsers read `\` as `/`, other programs as a part of the user name: two hosts from one address.
    if text.contains('\\') {
        return Err(LinkError::Malformed { seen: seen(), why: "it holds a backslash".into() });
    }
    let url = match scheme(text) {
        Some("http" | "https") => Url::parse(text),
        Some(other) => return Err(LinkError::Scheme { seen: seen(), scheme: other.into() }),
        None if is_host_first(text) => Url::parse(&format!("https://{}", text.trim_start_matches('/'))),
        None => return Err(LinkError::NotALink { seen: seen() }),
    };
    url.map_err(|why| LinkError::Malformed { seen: seen(), why: why.to_string() })
}

/// The scheme in lower case where it is one of ours, else as written. `host:443/…` has none.
fn scheme(text: &str) -> Option<&str> {
    let (scheme, rest) = text.split_once(':')?;
    let known = ["http", "https"].into_iter().find(|known| scheme.eq_ignore_ascii_case(known));
    let is_name = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
    let is_port = scheme.contains('.') && rest.starts_with(|c: char| c.is_ascii_digit());
    known.or_else(|| (is_name && !is_port).then_some(scheme))
}

/// `www.tiktok.com/…`, `//www.tiktok.com/…`
fn is_host_first(text: &str) -> bool {
    let authority = text.trim_start_matches('/').split(['/', '?', '#']).next().unwrap_or_default();
    authority.contains('.') && !authority.starts_with('.')
}

/// The host in lower case, if it is one of TikTok's.
fn host(seen: &str, url: &Url) -> Result<String, LinkError> {
    let seen = || quoted(seen);
    let host = match url.host() {
        Some(Host::Domain(domain)) => domain.strip_suffix('.').unwrap_or(domain).to_ascii_lowercase(),
        Some(address) => address.to_string(),
        None => return Err(LinkError::NotALink { seen: seen() }),
    };
    if !url.username().is_empty() || url.password().is_some() {
        return Err(LinkError::Credentials { seen: seen(), host });
    }
    if SITES.iter().any(|site| is_within(&host, site)) {
        return match url.port() {
            Some(port) => Err(LinkError::Port { seen: seen(), port }),
            None => Ok(host),
        };
    }
    if let Some((_, platform)) = OTHERS.iter().find(|(site, _)| is_within(&host, site)) {
        return Err(LinkError::OtherPlatform { seen: seen(), platform: *platform });
    }
    let punycode = host.split('.').any(|label| label.starts_with("xn--"));
    let resembles = host.replace(['-', '.'], "").contains("tiktok");
    let seen = seen();
    Err(if punycode || resembles { LinkError::LookAlike { seen, host } } else { LinkError::OtherHost { seen, host } })
}

fn is_within(host: &str, site: &str) -> bool {
    host.strip_suffix(site).is_some_and(|before| before.is_empty() || before.ends_with('.'))
}

fn short_host(host: &str) -> Option<ShortHost> {
    match host {
        "vm.tiktok.com" => Some(ShortHost::Vm),
        "vt.tiktok.com" => Some(ShortHost::Vt),
        _ => None,
    }
}
