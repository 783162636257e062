//! The manual page ottla(1), made of what `--help` prints, as man(1) shows it.

/// What `ottla COMMAND --help` prints; the name of the program itself is empty.
pub struct Help {
    pub command: &'static str,
    pub text: String,
}

impl Help {
    fn part(&self, from: &str, to: Option<&str>) -> &str {
        let (_, rest) = self.text.split_once(from).unwrap_or_default();
        to.and_then(|to| rest.split_once(to)).map_or(rest, |(part, _)| part)
    }

    /// What stands before the usage.
    fn about(&self) -> &str {
        self.part("", Some("\nUsage: "))
    }

    fn usage(&self) -> &str {
        self.part("\nUsage: ", Some("\n"))
    }
}

fn escape(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-");
    if text.starts_with(['.', '\'']) { format!("\\&{text}") } else { text }
}

fn paragraphs(out: &mut String, text: &str) {
    for line in text.trim_end().lines() {
        let line = line.trim();
        out.push_str(&if line.is_empty() { ".PP\n".to_owned() } else { escape(line) + "\n" });
    }
}

/// Options stand two signs from the margin or, where they have no short name, six; their texts ten.
fn options(out: &mut String, text: &str) {
    for line in text.trim_end().lines() {
        let words = line.trim();
        if words.starts_with('-') && line.len() - line.trim_start().len() < 10 {
            // The program itself has its texts in the same line.
            let (option, text) = words.split_once("  ").unwrap_or((words, ""));
            let (name, value) = option.split_once(" <").unwrap_or((option, ""));
            let value = value.trim_end_matches('>');
            let value = if value.is_empty() { String::new() } else { format!(" \\fI{value}\\fR") };
            out.push_str(&format!(".TP\n\\fB{}\\fR{}\n", escape(name), value.replace('-', "\\-")));
            out.push_str(&if text.is_empty() { String::new() } else { escape(text.trim()) + "\n" });
        } else if !words.is_empty() {
            out.push_str(&escape(words));
            out.push('\n');
        }
    }
}

/// The whole page, of the program's own help and that of its commands.
pub fn page(program: &Help, commands: &[Help], version: &str) -> String {
    let mut out = format!(
        ".\\\" Made by `make header` of what `ottla --help` prints; do not edit it.\n\
         .TH OTTLA 1 \"\" \"ottla {version}\" \"User Commands\"\n.nh\n.ad l\n\
         .SH NAME\nottla \\- {}\n.SH SYNOPSIS\n.nf\n",
        escape(program.about().trim()),
    );
    for command in commands {
        out.push_str(&format!("{}\n", escape(command.usage())));
    }
    out.push_str(".fi\n.SH COMMANDS\n");
    for command in commands {
        out.push_str(&format!(".SS ottla {}\n", command.command));
        paragraphs(&mut out, command.about());
        options(&mut out, command.part("\nOptions:\n", None));
    }
    out.push_str(".SH OPTIONS\n");
    options(&mut out, program.part("\nOptions:\n", None));
    out.push_str(".SH SEE ALSO\n.BR ottla (3)\n");
    out
}
