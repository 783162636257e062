//! The manual page ottla(3), made of the header: what its comments say, as man(1) shows it.

/// A comment of the header and what it is about.
struct Item {
    comment: Vec<String>,
    declaration: Vec<String>,
}

impl Item {
    fn starts(&self, word: &str) -> bool {
        self.declaration.first().is_some_and(|line| line.starts_with(word))
    }

    fn is_function(&self) -> bool {
        let first = self.declaration.first().map_or("", String::as_str);
        !first.starts_with("typedef") && !first.starts_with('#') && first.contains("ottla_")
    }

    /// What a function or a type is called: the last word that can be its name.
    fn name(&self) -> &str {
        let text = match self.declaration.last().expect("a declaration") {
            _ if self.is_function() || self.declaration[0].contains("(*") => &self.declaration[0],
            last => last,
        };
        // Parameters come behind the name, which a pointer to a function has in parentheses.
        let text = text.split_once("(*").map_or(text.as_str(), |(_, name)| name);
        let text = text.split(['(', ')', ';']).next().unwrap_or(text);
        text.rsplit([' ', '*']).next().unwrap_or(text)
    }
}

/// The comments of the header in their order; the first is about the header itself.
fn items(header: &str) -> Vec<Item> {
    let mut items = Vec::new();
    let mut lines = header.lines().peekable();
    while let Some(line) = lines.next() {
        let Some(rest) = line.strip_prefix("/**") else { continue };
        let mut comment = vec![rest.trim_end_matches("*/").trim().to_owned()];
        if !rest.ends_with("*/") {
            for line in lines.by_ref().take_while(|line| line.trim() != "*/") {
                comment.push(line.trim_start_matches(" *").trim().to_owned());
            }
        }
        let declaration =
            lines.by_ref().take_while(|line| !line.is_empty()).map(str::to_owned).collect();
        items.push(Item { comment, declaration });
    }
    items
}

fn escape(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-");
    if text.starts_with(['.', '\'']) { format!("\\&{text}") } else { text }
}

/// Paragraphs of a comment. A paragraph that begins with `LABEL.` or `Label:` has that in bold.
fn prose(out: &mut String, comment: &[String]) {
    let mut new = false;
    for line in comment.iter().skip_while(|line| line.is_empty()) {
        let label = ["Ownership:", "Thread safety:", "Blocking:", "Returns:", "Since:"]
            .into_iter()
            .find(|label| line.starts_with(label));
        match label {
            _ if line.is_empty() => new = true,
            Some(label) => {
                out.push_str(&format!(".br\n\\fI{label}\\fR{}\n", escape(&line[label.len()..])));
                new = false;
            }
            None => {
                out.push_str(if std::mem::take(&mut new) { ".PP\n" } else { "" });
                out.push_str(&format!("{}\n", escape(line)));
            }
        }
    }
}

/// What the top of the header says: each of its paragraphs begins with a name in capitals.
fn description(out: &mut String, comment: &[String]) {
    for line in comment.iter().skip(2) {
        let capitals = |word: &&str| word.len() > 1 && !word.contains(|c: char| c.is_lowercase());
        let label: Vec<&str> = line.split(' ').take_while(capitals).collect();
        let label = label.join(" ");
        if line.is_empty() {
            out.push_str(".PP\n");
        } else if out.ends_with(".PP\n") && !label.is_empty() {
            out.push_str(&format!("\\fB{label}\\fR{}\n", escape(&line[label.len()..])));
        } else {
            out.push_str(&format!("{}\n", escape(line)));
        }
    }
}

fn declaration(out: &mut String, item: &Item) {
    out.push_str(".PP\n.EX\n");
    for line in &item.declaration {
        out.push_str(&format!("{}\n", escape(line)));
    }
    out.push_str(".EE\n.PP\n");
}

/// The whole page.
pub fn page(header: &str, version: &str) -> String {
    let items = items(header);
    let mut out = format!(
        ".\\\" Made by `make header` of include/ottla.h; do not edit it.\n\
         .TH OTTLA 3 \"\" \"ottla {version}\" \"Library Functions Manual\"\n.nh\n.ad l\n\
         .SH NAME\nottla \\- a Kafka producer\n\
         .SH SYNOPSIS\n.EX\n#include <ottla.h>\n\n\
         cc program.c $(pkg\\-config \\-\\-cflags \\-\\-libs ottla)\n\
         cc program.c $(pkg\\-config \\-\\-cflags \\-\\-libs ottla\\-static)\n.EE\n\
         .SH DESCRIPTION\n"
    );
    description(&mut out, &items[0].comment);
    out.push_str(".SH TYPES\n");
    for item in items.iter().filter(|item| item.starts("typedef")) {
        out.push_str(&format!(".SS {}\n", item.name()));
        prose(&mut out, &item.comment);
        declaration(&mut out, item);
    }
    out.push_str(".SH FUNCTIONS\n");
    for item in items.iter().filter(|item| item.is_function()) {
        out.push_str(&format!(".SS {}\n", item.name()));
        declaration(&mut out, item);
        prose(&mut out, &item.comment);
    }
    out.push_str(".SH CONSTANTS\n");
    for item in items.iter().filter(|item| item.starts("#define")) {
        let mut words = item.declaration[0].split(' ').skip(1);
        let (name, value) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
        let value = value.trim_end_matches('\\');
        out.push_str(&format!(".TP\n\\fB{name}\\fR {}\n", escape(value)).replace(" \n", "\n"));
        prose(&mut out, &item.comment);
    }
    out
}
