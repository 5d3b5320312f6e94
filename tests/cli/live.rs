//! The live view of a training, on a pseudo terminal that is read as a terminal would.

use crate::support::Place;
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use std::io::{Read, Write};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// A program on a terminal, and what the terminal shows.
pub struct Terminal {
    master: Box<dyn MasterPty + Send>,
    keyboard: Box<dyn Write + Send>,
    child: Box<dyn Child + Send + Sync>,
    bytes: Receiver<Vec<u8>>,
    parser: vt100::Parser,
    raw: Vec<u8>,
}

/// Rows that have scrolled away and are kept.
const SCROLLBACK: usize = 1000;

fn size(columns: u16, rows: u16) -> PtySize {
    PtySize {
        rows,
        cols: columns,
        pixel_width: 0,
        pixel_height: 0,
    }
}

impl Terminal {
    fn start(
        place: &Place,
        (columns, rows): (u16, u16),
        arguments: &str,
        set: &[(&str, &str)],
    ) -> Self {
        let mut command = CommandBuilder::new(assert_cmd::cargo::cargo_bin!("fused-mlp"));
        command.args(arguments.split_whitespace());
        command.cwd(place.folder());
        for name in ["LC_ALL", "LC_CTYPE"] {
            command.env_remove(name);
        }
        command.env("FUSED_MLP_DATA", place.data());
        command.env("TERM", "xterm-256color");
        command.env("LANG", "en_GB.UTF-8");
        set.iter()
            .for_each(|(name, value)| command.env(name, value));
        Self::spawn(command, (columns, rows))
    }

    /// Starts any program.
    pub fn spawn(command: CommandBuilder, (columns, rows): (u16, u16)) -> Self {
        let pair = native_pty_system().openpty(size(columns, rows)).unwrap();
        let child = pair.slave.spawn_command(command).unwrap();
        let mut reader = pair.master.try_clone_reader().unwrap();
        let (sender, bytes) = channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = reader.read(&mut buffer) {
                if sender.send(buffer[..count].to_vec()).is_err() {
                    break;
                }
            }
        });
        Self {
            keyboard: pair.master.take_writer().unwrap(),
            master: pair.master,
            child,
            bytes,
            parser: vt100::Parser::new(rows, columns, SCROLLBACK),
            raw: Vec::new(),
        }
    }

    /// Reads until the screen shows it; fails if the program ends before.
    pub fn wait_for(&mut self, what: impl Fn(&str) -> bool) -> String {
        loop {
            let screen = self.parser.screen().contents();
            if what(&screen) {
                return screen;
            }
            let bytes = self.bytes.recv_timeout(Duration::from_secs(300));
            let Ok(bytes) = bytes else {
                panic!("never seen; at the end:\n{screen}");
            };
            self.take(&bytes);
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        self.parser.process(bytes);
        self.raw.extend_from_slice(bytes);
    }

    pub fn press(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
    }

    /// Reads to the end of the program; returns its exit code and the last screen.
    fn end(mut self) -> (u32, String, String) {
        let status = self.child.wait().unwrap();
        // The last reader of the terminal ends when this side is closed.
        while let Ok(bytes) = self.bytes.recv_timeout(Duration::from_millis(500)) {
            self.take(&bytes);
        }
        let screen = self.parser.screen();
        assert_eq!(
            screen.cursor_position().1,
            0,
            "the cursor is at the start of a row"
        );
        assert!(!screen.hide_cursor());
        assert_eq!(screen.fgcolor(), vt100::Color::Default);
        // The end may be in the middle of a character.
        let raw = String::from_utf8_lossy(&self.raw).into_owned();
        (status.exit_code(), screen.contents(), raw)
    }
}

fn count(text: &str, of: &str) -> usize {
    text.matches(of).count()
}

#[test]
fn a_training_shows_a_bar_and_leaves_its_lines() {
    let place = Place::new();
    let arguments = "train --epochs 400 --hidden 20 --validation 100 --out run";
    let mut terminal = Terminal::start(&place, (100, 30), arguments, &[]);
    let screen = terminal.wait_for(|screen| {
        let view = [" left", " samples/s  ", "▁", "[="];
        view.iter().all(|part| screen.contains(part))
    });
    // One bar: nothing of an earlier drawing is left.
    assert_eq!(count(&screen, " left"), 1, "{screen}");
    let (code, screen, raw) = terminal.end();
    assert_eq!(code, 0);
    assert!(!screen.contains(" left"), "the bar is gone:\n{screen}");
    for part in ["epoch 400/400  loss", "test accuracy", "model: run"] {
        assert_eq!(count(&screen, part), 1, "{part}:\n{screen}");
    }
    // Every epoch has a line of its own in what has scrolled away.
    for epoch in 1..=400 {
        let line = format!("epoch {epoch:>3}/400  loss");
        assert_eq!(count(&raw, &line), 1, "{line}");
    }
}

#[test]
fn letters_are_those_that_can_be_shown() {
    let place = Place::new();
    let train = |out: &str, epochs: u32, set: &[(&str, &str)]| {
        let arguments = format!("train --epochs {epochs} --hidden 10 --out {out}");
        let (code, _, raw) = Terminal::start(&place, (80, 24), &arguments, set).end();
        assert_eq!(code, 0);
        raw
    };
    // Long enough to be drawn while it is half done.
    for (out, variable) in [("lang", "LANG"), ("all", "LC_ALL")] {
        let raw = train(out, 1500, &[(variable, "C")]);
        assert!(
            raw.is_ascii() && raw.contains("[=") && raw.contains("#*"),
            "{raw}"
        );
    }
    // A terminal that cannot move its cursor gets the lines alone.
    let raw = train("dumb", 20, &[("TERM", "dumb")]);
    assert!(
        !raw.contains('\x1b') && raw.contains("epoch 20/20  loss"),
        "{raw}"
    );
}

#[test]
fn quiet_is_quiet_on_a_terminal_too() {
    let place = Place::new();
    let arguments = "train --epochs 3 --hidden 10 --quiet --out run";
    let (code, screen, raw) = Terminal::start(&place, (80, 24), arguments, &[]).end();
    assert_eq!(code, 0);
    assert!(screen.starts_with("test accuracy"), "{screen}");
    assert!(!raw.contains('\x1b'), "{raw}");
}

#[test]
fn everything_fits_a_narrow_terminal() {
    let place = Place::new();
    // What is read as a file is as it is elsewhere.
    let config = "train --print-config";
    let (_, _, raw) = Terminal::start(&place, (60, 60), config, &[]).end();
    assert_eq!(raw.replace("\r\n", "\n"), place.stdout(config));
    let train = "train --epochs 10 --hidden 4 --validation 100 --momentum 0 --recipe best --out a";
    let sweep = "sweep --epochs 1 --hidden 4 --validation 100 --learning-rate 0.1,0.2 --out b";
    for columns in [60, 80] {
        for arguments in [train, sweep] {
            let arguments = format!("{arguments}{columns}");
            let size = (columns, 60);
            let dumb = [("TERM", "dumb")];
            let (code, _, raw) = Terminal::start(&place, size, &arguments, &dumb).end();
            assert_eq!(code, 0, "{raw}");
            for line in raw.lines().map(|line| line.trim_end_matches('\r')) {
                // A progress bar is drawn over itself.
                let shown = line.rsplit('\r').next().unwrap_or_default();
                let is_one_word = !shown.trim().contains(' ');
                let width = shown.chars().count();
                assert!(is_one_word || width <= columns.into(), "{width}: {shown}");
            }
            let first = "recipe best, with --epochs 10 --momentum 0";
            assert!(
                arguments.starts_with("sweep") || raw.starts_with(first),
                "{raw}"
            );
        }
    }
}

#[test]
fn results_and_the_view_share_a_terminal() {
    let place = Place::new();
    let arguments = "train --epochs 30 --hidden 10 --json --out run";
    let (code, screen, raw) = Terminal::start(&place, (400, 24), arguments, &[]).end();
    assert_eq!(code, 0);
    assert_eq!(count(&raw, "{\"event\":\"epoch\""), 30);
    let lines = screen.lines().filter(|line| line.contains("\"event\""));
    assert!(lines.clone().count() > 3);
    for line in lines.filter(|line| line.contains("\"epoch\",")) {
        assert!(line.starts_with("{\"event\""), "{line}");
    }
}

#[test]
fn an_interrupt_leaves_a_clean_terminal() {
    let place = Place::new();
    let arguments = "train --epochs 1000000 --hidden 20 --out run";
    let mut terminal = Terminal::start(&place, (80, 24), arguments, &[]);
    terminal.wait_for(|screen| screen.contains(" left"));
    terminal.press("\x03");
    let (code, screen, _) = terminal.end();
    assert_eq!(code, 130);
    assert!(
        screen.contains("(stopped)") || screen.contains("epoch"),
        "{screen}"
    );
    assert!(screen.contains("interrupted: "), "{screen}");
    for gone in [" left", "^C"] {
        assert!(!screen.contains(gone), "{gone}:\n{screen}");
    }
}

/// The system then sends SIGHUP, and nothing can be written to the terminal any more.
#[cfg(target_os = "linux")]
#[test]
fn a_terminal_that_is_closed_costs_no_results() {
    let place = Place::new();
    let arguments = "train --epochs 1000000 --hidden 20 --json --out run";
    let mut terminal = Terminal::start(&place, (80, 24), arguments, &[]);
    terminal.wait_for(|screen| screen.contains("\"epoch\""));
    let Terminal {
        master,
        keyboard,
        mut child,
        bytes,
        ..
    } = terminal;
    // The reader has a copy of the terminal, and ends when nobody takes what it reads.
    drop((master, keyboard, bytes));
    assert_eq!(child.wait().unwrap().exit_code(), 129);
    let run = std::fs::read_to_string(place.path("run/run.json")).unwrap();
    assert!(run.contains("\"outcome\": \"interrupted\""), "{run}");
    for name in ["model.safetensors", "loss.svg", "checkpoints"] {
        assert!(place.path("run").join(name).exists(), "{name}");
    }
}
