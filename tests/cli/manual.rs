//! The manual: help texts, completions, the manual page. They are pinned, since people and scripts rely on option names.

use crate::run::Shell;

const COMMANDS: &[&str] = &[
    "health",
    "validate",
    "place",
    "bracket",
    "watch",
    "transmit",
    "cancel",
    "replace",
    "preview",
    "get",
    "list",
    "positions",
    "account",
    "limits",
    "halt",
    "resume",
    "cancel-all",
    "export",
    "backup",
    "serve",
    "simulate",
    "completions",
    "man",
];

#[test]
fn the_help_of_the_program_and_of_every_command_reads_like_this() {
    let shell = Shell::new();
    let program = shell.run(&["--help"]);
    insta::assert_snapshot!("help", program.all());
    for command in COMMANDS {
        let help = shell.run(&[command, "--help"]);
        insta::assert_snapshot!(format!("help-{command}"), help.all());
    }
}

#[test]
fn no_line_of_the_help_is_wider_than_a_terminal() {
    let shell = Shell::new();
    for command in COMMANDS {
        for line in shell.run(&[command, "--help"]).stdout.lines() {
            assert!(line.chars().count() <= 100, "{command}: {line}");
        }
    }
}

#[test]
fn every_shell_gets_a_completion_script_that_knows_the_commands() {
    let shell = Shell::new();
    for name in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let ran = shell.run(&["completions", name]);
        assert_eq!(ran.code, 0, "{name}");
        for command in COMMANDS {
            assert!(ran.stdout.contains(command), "{name} knows {command}");
        }
    }
}

#[test]
fn the_manual_page_has_every_command_with_its_options() {
    let ran = Shell::new().run(&["man"]);
    assert_eq!(ran.code, 0);
    assert!(
        ran.stdout.starts_with(".ie \\n(.g"),
        "roff: {}",
        &ran.stdout[..40]
    );
    for command in COMMANDS {
        let heading = format!(".SH \"{}\"", command.to_uppercase());
        assert!(ran.stdout.contains(&heading), "{heading}");
    }
    for option in ["order\\-id", "after\\-sequence", "max\\-order\\-notional"] {
        assert!(ran.stdout.contains(option), "{option}");
    }
}
