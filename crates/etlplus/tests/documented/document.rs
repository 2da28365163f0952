//! A document: its fenced blocks, and what the comments before them say.

use std::mem;

/// A Markdown file.
#[derive(Debug)]
pub(crate) struct Document {
    pub(crate) name: String,
    pub(crate) blocks: Vec<Block>,
}

/// A fenced block.
#[derive(Debug, Default)]
pub(crate) struct Block {
    /// The line of its first line of content.
    pub(crate) line: usize,
    pub(crate) language: String,
    pub(crate) lines: Vec<String>,
    /// The file that it is.
    pub(crate) file: Option<String>,
    /// Commands that have to be run before it, each with its line.
    pub(crate) first: Vec<(usize, String)>,
    /// The exit code of its last command.
    pub(crate) exits: i32,
    pub(crate) figures_vary: bool,
    /// Why it is not run.
    pub(crate) not_run: Option<String>,
}

/// A command and what is printed after it.
#[derive(Debug, Clone)]
pub(crate) struct Command {
    pub(crate) line: usize,
    pub(crate) text: String,
    pub(crate) output: Vec<String>,
}

impl Document {
    /// Takes a document apart.
    ///
    /// # Errors
    /// A comment to the tests that cannot be followed, a fence that is not closed, an output without a command.
    pub(crate) fn parse(name: &str, text: &str) -> Result<Self, String> {
        let mut document = Self { name: name.to_owned(), blocks: Vec::new() };
        let mut next = Block::default();
        let mut lines = text.lines().enumerate();
        while let Some((number, line)) = lines.next() {
            let place = |what: &str| format!("{name}:{}: {what}", number + 1);
            if let Some(language) = line.trim_start().strip_prefix("```") {
                let mut block = Block { line: number + 2, language: language.to_owned(), ..mem::take(&mut next) };
                loop {
                    let (_, line) = lines.next().ok_or_else(|| place("this fence is not closed"))?;
                    if line.trim_start() == "```" {
                        break;
                    }
                    block.lines.push(line.to_owned());
                }
                block.ensure_commands().map_err(|what| place(&what))?;
                document.blocks.push(block);
            } else if let Some(begin) = line.strip_prefix("<!--") {
                let mut comment = begin.to_owned();
                while !comment.contains("-->") {
                    let (_, line) = lines.next().ok_or_else(|| place("this comment is not closed"))?;
                    comment = format!("{comment}\n{line}");
                }
                let comment = comment.replacen("-->", "", 1);
                next.note(number + 1, comment.trim()).map_err(|what| place(&what))?;
            } else if !line.trim().is_empty() && next.has_notes() {
                return Err(place("a comment to the tests has to stand right before its block"));
            }
        }
        Ok(document)
    }

    pub(crate) fn has_commands(&self) -> bool {
        self.blocks.iter().any(|block| block.language == "console")
    }

    /// Why blocks are not run, each with its place.
    pub(crate) fn not_run(&self) -> Vec<String> {
        let blocks = self.blocks.iter().filter_map(|block| Some((block.line, block.not_run.as_ref()?)));
        blocks.map(|(line, reason)| format!("{}:{line}: {reason}", self.name)).collect()
    }
}

impl Block {
    /// Takes a comment in. One that begins with no word of ours is somebody else's.
    fn note(&mut self, line: usize, comment: &str) -> Result<(), String> {
        let (word, rest) = comment.split_once([':', ' ']).unwrap_or((comment, ""));
        match (word, rest.trim()) {
            ("file", name) if comment.starts_with("file:") => self.file = Some(name.to_owned()),
            ("first", commands) if comment.starts_with("first:") => self.first.push((line, commands.to_owned())),
            ("exits", code) => self.exits = code.parse().map_err(|_| format!("{code:?} is no exit code"))?,
            ("figures", "vary") => self.figures_vary = true,
            ("not", rest) if rest.starts_with("run") => {
                let reason = rest.trim_start_matches("run").trim_start_matches(':').trim();
                if reason.is_empty() {
                    return Err("say why it is not run".to_owned());
                }
                self.not_run = Some(reason.to_owned());
            }
            _ => {}
        }
        Ok(())
    }

    fn has_notes(&self) -> bool {
        self.file.is_some() || !self.first.is_empty() || self.exits != 0 || self.figures_vary || self.not_run.is_some()
    }

    /// The text between the fences.
    pub(crate) fn text(&self) -> String {
        self.lines.iter().map(|line| format!("{line}\n")).collect()
    }

    fn ensure_commands(&self) -> Result<(), String> {
        match self.lines.first() {
            Some(line) if self.language == "console" && !line.starts_with("$ ") => {
                Err(format!("{line:?} is the output of no command"))
            }
            _ => Ok(()),
        }
    }

    /// The commands of a `console` block: what begins with `$ `, goes on after a `\` and through a here-document.
    pub(crate) fn commands(&self) -> Vec<Command> {
        let mut commands: Vec<Command> = Vec::new();
        let mut lines = self.lines.iter().enumerate();
        while let Some((number, line)) = lines.next() {
            let Some(text) = line.strip_prefix("$ ") else {
                commands.last_mut().expect("the first line is a command").output.push(line.clone());
                continue;
            };
            let mut text = text.to_owned();
            let end = here_document(&text);
            while text.ends_with('\\') || end.as_ref().is_some_and(|end| text.lines().last() != Some(end)) {
                let Some((_, line)) = lines.next() else { break };
                text = format!("{text}\n{line}");
            }
            commands.push(Command { line: self.line + number, text, output: Vec::new() });
        }
        commands
    }
}

/// The word that ends the here-document which `command` begins.
fn here_document(command: &str) -> Option<String> {
    let (_, word) = command.split_once("<<")?;
    let word = word.split_whitespace().next()?.trim_matches(['\'', '"']);
    (!word.starts_with('<')).then(|| word.to_owned())
}
