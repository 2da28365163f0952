//! A mail server on a real socket: just enough of SMTP to take a mail, or not to.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use super::until;

/// A mail as it came.
#[derive(Debug, Clone, Default)]
pub(crate) struct Mail {
    /// The commands before it.
    pub(crate) commands: Vec<String>,
    /// Its lines, without the dots that the protocol adds.
    pub(crate) lines: Vec<String>,
}

impl Mail {
    /// The header lines of one name, with their continuations joined.
    pub(crate) fn header(&self, name: &str) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        let mut is_in = false;
        for line in self.lines.iter().take_while(|line| !line.is_empty()) {
            if line.starts_with(' ') {
                if let (true, Some(last)) = (is_in, found.last_mut()) {
                    last.push_str(line);
                }
                continue;
            }
            is_in = line.to_lowercase().starts_with(&format!("{}:", name.to_lowercase()));
            if is_in {
                found.push(line.split_once(':').expect("a header has a colon").1.trim().to_owned());
            }
        }
        found
    }

    pub(crate) fn header_names(&self) -> Vec<String> {
        let headers = self.lines.iter().take_while(|line| !line.is_empty()).filter(|line| !line.starts_with(' '));
        headers.map(|line| line.split_once(':').expect("a header has a colon").0.to_owned()).collect()
    }
}

#[derive(Debug, Default)]
struct Shared {
    mails: Vec<Mail>,
    /// What it answers to a verb, or to the content as `.`, instead of the usual; `hang` is no answer at all.
    answers: HashMap<&'static str, &'static str>,
    /// Every command, on all connections.
    heard: Vec<String>,
    connections: usize,
}

#[derive(Debug)]
pub(crate) struct MailServer {
    pub(crate) address: SocketAddr,
    shared: Arc<Mutex<Shared>>,
}

impl MailServer {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("some port is free");
        let address = listener.local_addr().expect("it is bound");
        let shared = Arc::new(Mutex::new(Shared::default()));
        let to_accept = shared.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                to_accept.lock().expect("nobody panicked with it").connections += 1;
                tokio::spawn(converse(stream, to_accept.clone()));
            }
        });
        Self { address, shared }
    }

    /// Answers `verb` in this way from now on; `None` in the usual one.
    pub(crate) fn answer(&self, verb: &'static str, answer: Option<&'static str>) {
        let mut shared = self.shared.lock().expect("nobody panicked with it");
        match answer {
            Some(answer) => shared.answers.insert(verb, answer),
            None => shared.answers.remove(verb),
        };
    }

    pub(crate) fn heard(&self) -> Vec<String> {
        self.shared.lock().expect("nobody panicked with it").heard.clone()
    }

    pub(crate) fn connections(&self) -> usize {
        self.shared.lock().expect("nobody panicked with it").connections
    }

    pub(crate) async fn wait_for(&self, count: usize) -> Vec<Mail> {
        until(|| async {
            let mails = self.shared.lock().expect("nobody panicked with it").mails.clone();
            if mails.len() >= count { Ok(mails) } else { Err(format!("{} of {count} mails", mails.len())) }
        })
        .await
    }
}

/// Ends where the other side does.
async fn converse(stream: TcpStream, shared: Arc<Mutex<Shared>>) -> Option<()> {
    let mut stream = BufReader::new(stream);
    let answer = |verb: &str, usual: &'static str| {
        shared.lock().expect("nobody panicked with it").answers.get(verb).copied().unwrap_or(usual)
    };
    say(&mut stream, answer("", "220 ready")).await?;
    let mut mail = Mail::default();
    loop {
        let line = hear(&mut stream).await?;
        let verb = line.split(' ').next().unwrap_or_default().to_uppercase();
        shared.lock().expect("nobody panicked with it").heard.push(line.clone());
        mail.commands.push(line);
        let usual = match verb.as_str() {
            "EHLO" => "250-here\r\n250-8BITMIME\r\n250-STARTTLS\r\n250 AUTH PLAIN LOGIN",
            "DATA" => "354 go on",
            "AUTH" => "235 welcome",
            "QUIT" => "221 bye",
            _ => "250 ok",
        };
        let said = answer(&verb, usual);
        say(&mut stream, said).await?;
        if verb == "DATA" && said.starts_with("354") {
            loop {
                let line = hear(&mut stream).await?;
                if line == "." {
                    break;
                }
                mail.lines.push(line.strip_prefix('.').map(str::to_owned).unwrap_or(line));
            }
            shared.lock().expect("nobody panicked with it").mails.push(std::mem::take(&mut mail));
            say(&mut stream, answer(".", "250 taken")).await?;
        }
    }
}

async fn hear(stream: &mut BufReader<TcpStream>) -> Option<String> {
    let mut line = String::new();
    (stream.read_line(&mut line).await.ok()? > 0).then(|| line.trim_end_matches(['\r', '\n']).to_owned())
}

async fn say(stream: &mut BufReader<TcpStream>, text: &str) -> Option<()> {
    match text {
        "hang" => std::future::pending().await,
        _ => stream.get_mut().write_all(format!("{text}\r\n").as_bytes()).await.ok(),
    }
}
