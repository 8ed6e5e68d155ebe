//! Rust source as words and signs: no comments, no strings, no numbers.

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum TokenKind {
    Ident(String),
    /// `::`
    PathSep,
    Punct(char),
    /// A literal or a lifetime: something stands here, and what it says is not code.
    Other,
}

#[derive(Debug)]
pub(crate) struct Token {
    pub(crate) kind: TokenKind,
    pub(crate) line: usize,
}

pub(crate) fn lex(text: &str) -> Vec<Token> {
    let mut lexer = Lexer { chars: text.chars().collect(), at: 0, line: 1, tokens: Vec::new() };
    while lexer.at < lexer.chars.len() {
        lexer.token();
    }
    lexer.tokens
}

struct Lexer {
    chars: Vec<char>,
    at: usize,
    line: usize,
    tokens: Vec<Token>,
}

impl Lexer {
    fn peek(&self, ahead: usize) -> char {
        self.chars.get(self.at + ahead).copied().unwrap_or('\0')
    }

    /// Steps over one character, counting lines; every move forward goes through here.
    fn bump(&mut self) {
        if self.peek(0) == '\n' {
            self.line += 1;
        }
        self.at += 1;
    }

    fn push(&mut self, kind: TokenKind, line: usize) {
        self.tokens.push(Token { kind, line });
    }

    fn token(&mut self) {
        let line = self.line;
        match (self.peek(0), self.peek(1)) {
            ('/', '/') => {
                while self.at < self.chars.len() && self.peek(0) != '\n' {
                    self.bump();
                }
            }
            ('/', '*') => self.block_comment(),
            ('"', _) => {
                self.string(0, true);
                self.push(TokenKind::Other, line);
            }
            ('\'', _) => {
                self.quote();
                self.push(TokenKind::Other, line);
            }
            (':', ':') => {
                self.at += 2;
                self.push(TokenKind::PathSep, line);
            }
            (first, _) if first.is_ascii_digit() => {
                while self.peek(0).is_alphanumeric()
                    || self.peek(0) == '_'
                    || (self.peek(0) == '.' && self.peek(1).is_ascii_digit())
                {
                    self.bump();
                }
                self.push(TokenKind::Other, line);
            }
            (first, _) if first.is_alphabetic() || first == '_' => self.word(line),
            (other, _) => {
                self.bump();
                if !other.is_whitespace() {
                    self.push(TokenKind::Punct(other), line);
                }
            }
        }
    }

    fn block_comment(&mut self) {
        let mut depth = 0usize;
        while self.at < self.chars.len() {
            match (self.peek(0), self.peek(1)) {
                ('/', '*') => depth += 1,
                ('*', '/') => depth -= 1,
                _ => {
                    self.bump();
                    continue;
                }
            }
            self.at += 2;
            if depth == 0 {
                return;
            }
        }
    }

    /// A string from its opening quote on, closed by a quote and this many `#`.
    fn string(&mut self, hashes: usize, escapes: bool) {
        self.bump();
        while self.at < self.chars.len() {
            if escapes && self.peek(0) == '\\' {
                self.bump();
            } else if self.peek(0) == '"' && (1..=hashes).all(|ahead| self.peek(ahead) == '#') {
                self.at += 1 + hashes;
                return;
            }
            self.bump();
        }
    }

    /// A character or a lifetime.
    fn quote(&mut self) {
        self.bump();
        if self.peek(0) == '\\' {
            self.bump();
            self.bump();
            while self.at < self.chars.len() && self.peek(0) != '\'' {
                self.bump();
            }
            self.bump();
        } else if self.peek(1) == '\'' {
            self.bump();
            self.bump();
        } else {
            while self.peek(0).is_alphanumeric() || self.peek(0) == '_' {
                self.bump();
            }
        }
    }

    /// A name, or the prefix of a string: `b"…"`, `r#"…"#`, `br"…"`, `c"…"`; `r#name` is a name.
    fn word(&mut self, line: usize) {
        let start = self.at;
        while self.peek(0).is_alphanumeric() || self.peek(0) == '_' {
            self.bump();
        }
        let mut name: String = self.chars[start..self.at].iter().collect();
        let prefix = matches!(name.as_str(), "b" | "c" | "r" | "br" | "cr");
        let raw = prefix && name.ends_with('r');
        let mut hashes = 0;
        while raw && self.peek(hashes) == '#' {
            hashes += 1;
        }
        if prefix && self.peek(hashes) == '"' {
            self.at += hashes;
            self.string(hashes, !raw);
            self.push(TokenKind::Other, line);
            return;
        }
        if name == "b" && self.peek(0) == '\'' {
            self.quote();
            self.push(TokenKind::Other, line);
            return;
        }
        if name == "r" && hashes == 1 {
            self.bump();
            let start = self.at;
            while self.peek(0).is_alphanumeric() || self.peek(0) == '_' {
                self.bump();
            }
            name = self.chars[start..self.at].iter().collect();
        }
        self.push(TokenKind::Ident(name), line);
    }
}
