//! Markdown files, pages of a site, and the map that lists them.

use roxmltree::{Document, ParsingOptions};
use serde::Deserialize;

use super::{Draft, Import, fault, html, utf8};
use crate::entry::{Class, EntryError};
use crate::parse::yaml;

/// So many places of a map are read.
const MAX_PLACES: usize = 5_000;

/// A front matter of whoever wrote it: what we know is taken, the rest is left.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Front {
    id: Option<String>,
    title: Option<String>,
    class: Option<Class>,
    variants: Vec<String>,
    not_variants: Vec<String>,
    #[serde(alias = "url")]
    canonical_url: Option<String>,
    lang: Option<String>,
}

/// Reads a Markdown file. Its title is that of its front matter, else its first heading, else its name; the rest is the
/// answer. `file` is the name for messages.
pub fn markdown(file: &str, bytes: &[u8]) -> Import {
    let mut import = Import::default();
    import.take(read_markdown(file, bytes));
    import
}

fn read_markdown(file: &str, bytes: &[u8]) -> Result<Draft, EntryError> {
    let text = utf8(file, bytes)?.replace("\r\n", "\n");
    let (front, body) = match text.strip_prefix("---\n").and_then(|rest| rest.split_once("\n---\n")) {
        Some((front, body)) => {
            let read: Front = yaml(front).map_err(|f| fault(file, f.line, f.reason, f.remedy))?;
            (read, body)
        }
        None => (Front::default(), text.as_str()),
    };
    let (heading, rest) = first_heading(body);
    let name = file.rsplit(['/', '\\']).next().unwrap_or(file).trim_end_matches(".md").replace(['-', '_'], " ");
    let title = front.title.or(heading.map(str::to_owned)).unwrap_or(name);
    Ok(Draft {
        id: front.id,
        class: front.class.unwrap_or(Class::Routine),
        variants: front.variants,
        not_variants: front.not_variants,
        url: front.canonical_url,
        lang: front.lang,
        ..Draft::new(file, 1, &title, if heading.is_some() { rest } else { body })?
    })
}

/// The heading that a text begins with, and what follows it.
fn first_heading(text: &str) -> (Option<&str>, &str) {
    let text = text.trim_start();
    let line = text.lines().next().unwrap_or_default();
    let heading = line.strip_prefix("# ").map(|heading| heading.trim_end_matches('#').trim());
    (heading.filter(|heading| !heading.is_empty()), text.get(line.len()..).unwrap_or_default())
}

/// Reads a page of a site: its first heading, else its title, is the question, its words are the answer.
pub fn page(url: &str, bytes: &[u8]) -> Import {
    let mut import = Import::default();
    import.take(utf8(url, bytes).and_then(|text| {
        let page = html::read(text);
        let (heading, rest) = first_heading(&page.words);
        let title = heading.unwrap_or(&page.title);
        let answer = if heading.is_some() { rest } else { &page.words };
        Ok(Draft { url: Some(url.to_owned()), lang: page.lang, ..Draft::new(url, 1, title, answer)? })
    }));
    import
}

/// The places that a site's map lists.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sitemap {
    pub pages: Vec<String>,
    /// Further maps.
    pub maps: Vec<String>,
}

/// Reads `sitemap.xml`. `file` is the name for messages.
///
/// # Errors
/// It is none.
pub fn sitemap(file: &str, bytes: &[u8]) -> Result<Sitemap, EntryError> {
    let text = utf8(file, bytes)?;
    let options = ParsingOptions { allow_dtd: false, nodes_limit: 200_000, ..ParsingOptions::default() };
    let map = Document::parse_with_options(text, options).map_err(|error| {
        let line = usize::try_from(error.pos().row).unwrap_or(1);
        fault(file, line, format!("no map of a site ({error})"), "give the address of its sitemap.xml")
    })?;
    let root = map.root_element().tag_name().name();
    let places = map.descendants().filter(|node| node.has_tag_name((namespace(&map), "loc")));
    let places: Vec<String> = places.filter_map(|node| Some(node.text()?.trim().to_owned())).take(MAX_PLACES).collect();
    match root {
        "urlset" => Ok(Sitemap { pages: places, maps: Vec::new() }),
        "sitemapindex" => Ok(Sitemap { pages: Vec::new(), maps: places }),
        other => Err(fault(file, 1, format!("`{other}` is no map of a site"), "give the address of its sitemap.xml")),
    }
}

fn namespace<'d>(map: &'d Document<'_>) -> &'d str {
    map.root_element().tag_name().namespace().unwrap_or_default()
}
