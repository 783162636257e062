//! Lines of bytes from stdin or a file, one at a time, in bounded memory.

use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal, Read};
use std::path::Path;

/// Bytes read at a time.
const READ_SIZE: usize = 256 * 1024;

/// See the file's comment.
pub struct Lines {
    from: Box<dyn BufRead + Send>,
    /// The longest line that is kept, without its newline.
    len_max: usize,
    line: Vec<u8>,
    /// A person types the lines.
    pub is_terminal: bool,
}

/// One line, without its newline.
#[derive(Debug, PartialEq, Eq)]
pub enum Line<'a> {
    Bytes(&'a [u8]),
    /// Longer than the limit; it was read and dropped.
    TooLong,
}

impl Lines {
    /// Lines of a file, or of stdin without a file or with `-`.
    pub fn open(file: Option<&Path>, len_max: usize) -> Result<Lines, String> {
        match file.filter(|path| *path != Path::new("-")) {
            None => {
                let stdin = io::stdin();
                let is_terminal = stdin.is_terminal();
                let from = Box::new(BufReader::with_capacity(READ_SIZE, stdin));
                Ok(Lines { is_terminal, ..Lines::new(from, len_max) })
            }
            Some(path) => {
                let named = |error| format!("cannot read {}: {error}", path.display());
                let file = File::open(path).map_err(named)?;
                if file.metadata().map_err(named)?.is_dir() {
                    return Err(named(io::ErrorKind::IsADirectory.into()));
                }
                Ok(Lines::new(Box::new(BufReader::with_capacity(READ_SIZE, file)), len_max))
            }
        }
    }

    fn new(from: Box<dyn BufRead + Send>, len_max: usize) -> Lines {
        Lines { from, len_max, line: Vec::new(), is_terminal: false }
    }

    /// The next line; `None` at the end. A last line counts although it has no newline.
    pub fn next(&mut self) -> io::Result<Option<Line<'_>>> {
        self.line.clear();
        let len_max = self.len_max as u64 + 1;
        let read = (&mut self.from).take(len_max).read_until(b'\n', &mut self.line)?;
        if read == 0 {
            return Ok(None);
        }
        if self.line.last() == Some(&b'\n') {
            self.line.pop();
        } else if self.line.len() > self.len_max {
            self.from.skip_until(b'\n')?;
            return Ok(Some(Line::TooLong));
        }
        Ok(Some(Line::Bytes(&self.line)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &'static [u8], len_max: usize) -> Vec<Option<Vec<u8>>> {
        let mut lines = Lines::new(Box::new(text), len_max);
        let mut seen = Vec::new();
        while let Some(line) = lines.next().unwrap() {
            seen.push(match line {
                Line::Bytes(bytes) => Some(bytes.to_vec()),
                Line::TooLong => None,
            });
        }
        seen
    }

    #[test]
    fn the_last_line_counts_without_a_newline_and_empty_lines_count() {
        let some = |text: &[u8]| Some(text.to_vec());
        assert_eq!(
            lines(b"a\n\n\xff\0b\r\nlast", 9),
            [some(b"a"), some(b""), some(b"\xff\0b\r"), some(b"last")]
        );
        assert_eq!(lines(b"a\n", 9), [some(b"a")]);
        assert_eq!(lines(b"", 9), []);
    }

    #[test]
    fn a_line_that_is_too_long_is_dropped_and_the_next_one_is_whole() {
        let some = |text: &[u8]| Some(text.to_vec());
        assert_eq!(
            lines(b"1234\n12345\n123456789\nend", 4),
            [some(b"1234"), None, None, some(b"end")]
        );
        assert_eq!(lines(b"12345", 4), [None]);
        assert_eq!(lines(b"1234", 4), [some(b"1234")]);
    }
}
