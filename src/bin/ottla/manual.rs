//! The manual pages, ottla(1) and one for each command, are what clap knows of the command line.

use clap::CommandFactory;
use clap_mangen::Man;

/// Each page's name, with what is in it.
fn pages() -> Vec<(String, Vec<u8>)> {
    let mut program = crate::Cli::command().disable_help_subcommand(true);
    program.build();
    std::iter::once(&program)
        .chain(program.get_subcommands())
        .map(|command| {
            let source = format!("ottla {}", env!("CARGO_PKG_VERSION"));
            let man = Man::new(command.clone()).source(source);
            let mut page = b".\\\" Made by `make header`; do not edit it.\n".to_vec();
            man.render(&mut page).expect("a vector takes all");
            page.extend_from_slice(b".SH \"SEE ALSO\"\n.BR ottla (1),\n.BR ottla (3)\n");
            (man.get_filename(), page)
        })
        .collect()
}

#[test]
fn the_manual_pages_are_what_clap_knows() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging");
    for (name, page) in pages() {
        let path = folder.join(&name);
        if std::env::var_os("OTTLA_UPDATE").is_some() {
            std::fs::write(&path, &page).expect("the page can be written");
        }
        let is_current = std::fs::read(&path).is_ok_and(|text| text == page);
        assert!(is_current, "packaging/{name} is out of date: run `make header`");
    }
}
