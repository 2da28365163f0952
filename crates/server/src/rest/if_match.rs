//! The header `If-Match` (RFC 9110, section 13.1.1).

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use etlplus_core::ports::SettingsVersion;

use crate::problem::Refusal;

/// The versions of the settings that a change may be made for; `None` where any will do. An ETag that is none of a
/// version, such as a weak one, matches nothing and is left out.
///
/// # Errors
/// 400 where it is no list of ETags.
pub(super) fn versions(headers: &HeaderMap) -> Result<Option<Vec<SettingsVersion>>, Refusal> {
    let lines: Vec<&[u8]> = headers.get_all(header::IF_MATCH).into_iter().map(HeaderValue::as_bytes).collect();
    if lines.is_empty() {
        return Ok(None);
    }
    // Several headers are one list.
    let list = lines.join(&b","[..]);
    if list.trim_ascii() == b"*" {
        return Ok(None);
    }
    let tags = strong_tags(&list).ok_or_else(|| {
        let remedy = "give the ETag of /api/monitor/config, such as \"3\" with its quotes, or leave it out";
        Refusal::new(StatusCode::BAD_REQUEST, "bad_if_match", "If-Match is no list of ETags", remedy)
    })?;
    Ok(Some(tags.into_iter().filter_map(version).collect()))
}

/// What is between the quotes of each tag of a list that is not weak; `None` where it is no list. An empty list, which the
/// grammar has, matches nothing.
fn strong_tags(list: &[u8]) -> Option<Vec<&[u8]>> {
    let is_of_tag = |byte: &u8| matches!(byte, 0x21 | 0x23..=0x7e | 0x80..);
    let (mut tags, mut rest) = (Vec::new(), list);
    loop {
        // Elements may be empty (section 5.6.1.2).
        while let [b' ' | b'\t' | b',', after @ ..] = rest {
            rest = after;
        }
        if rest.is_empty() {
            return Some(tags);
        }
        let strong = rest.strip_prefix(b"W/");
        let opened = strong.unwrap_or(rest).strip_prefix(b"\"")?;
        let length = opened.iter().position(|byte| *byte == b'"')?;
        let (tag, after) = (&opened[..length], opened[length + 1..].trim_ascii_start());
        if !tag.iter().all(is_of_tag) || !(after.is_empty() || after.starts_with(b",")) {
            return None;
        }
        if strong.is_none() {
            tags.push(tag);
        }
        rest = after;
    }
}

/// The version whose ETag has this text.
fn version(tag: &[u8]) -> Option<SettingsVersion> {
    let text = std::str::from_utf8(tag).ok()?;
    let version = SettingsVersion::from_number(text.parse().ok()?);
    // Two texts of one number are two tags.
    (version.to_string() == text).then_some(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The numbers that the header asks for, where these are its lines.
    fn asked(lines: &[&str]) -> Result<Option<Vec<u64>>, ()> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header::IF_MATCH, HeaderValue::from_bytes(line.as_bytes()).unwrap());
        }
        let versions = versions(&headers).map_err(drop)?;
        Ok(versions.map(|versions| versions.iter().map(|version| version.get()).collect()))
    }

    #[test]
    fn a_list_is_read_as_the_rfc_says() {
        for (lines, expected) in [
            (&[][..], None),
            (&["*"], None),
            (&[""], Some(vec![])),
            (&[" , "], Some(vec![])),
            (&["\"3\""], Some(vec![3])),
            (&["\"0\", \"7\""], Some(vec![0, 7])),
            (&["\"0\",\"7\" \t,\"9\""], Some(vec![0, 7, 9])),
            (&[" ,\"0\",, \"7\","], Some(vec![0, 7])),
            (&["\"0\"", "\"7\""], Some(vec![0, 7])),
            (&["W/\"3\", \"three\", \"\", \"03\", \"+3\", \"a,b\", \"é\""], Some(vec![])),
            (&["\"99999999999999999999999\", \"1\""], Some(vec![1])),
        ] {
            assert_eq!(asked(lines), Ok(expected), "{lines:?}");
        }
    }

    #[test]
    fn what_is_no_list_of_tags_is_refused() {
        let wrong: [&str; 9] =
            ["3", "\"3", "3\"", "\"3\" \"4\"", "\"3\"4", "\"a b\"", "w/\"3\"", "*, \"3\"", "\"3\", *"];
        for line in wrong {
            assert_eq!(asked(&[line]), Err(()), "{line}");
        }
        assert_eq!(asked(&["*", "*"]), Err(()));
    }
}
