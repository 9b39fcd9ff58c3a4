//! How a TWS behaves where nobody could say, or sources disagree: a choice of words for each such question.
//!
//! A simulator that settled these questions by itself would teach its users something that may be wrong. So each is a
//! switch: with the likeliest answer by default, set by name, or all drawn from a seed ([`Switches::drawn`]).

mod account;
mod families;
mod orders;
mod replace;
mod session;
mod table;
mod terms;

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use super::random::Random;

pub use account::*;
pub use families::*;
pub use orders::*;
pub use replace::*;
pub use session::*;
pub use table::Switches;
pub use terms::*;

/// What a switch can be set to. Implemented by the enums of this module.
pub trait Choice: Copy + PartialEq + Sized + 'static {
    /// Each value with its word.
    const WORDS: &'static [(&'static str, Self)];

    /// The word of this value.
    fn word(self) -> &'static str {
        Self::WORDS
            .iter()
            .find(|(_, value)| *value == self)
            .map_or("", |(word, _)| word)
    }
}

/// Whether something happens that TWS was seen to do now and then, or that it may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chance {
    /// Not at all.
    Never,
    /// One time in three, by the simulator's seed.
    Sometimes,
    /// Each time.
    Always,
}

impl Choice for Chance {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("never", Self::Never),
        ("sometimes", Self::Sometimes),
        ("always", Self::Always),
    ];
}

impl Choice for bool {
    const WORDS: &'static [(&'static str, Self)] = &[("on", true), ("off", false)];
}

/// A switch, what it is set to, and what it can be set to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SwitchState {
    /// Its name, as on the command line.
    pub name: &'static str,
    /// What it is set to.
    pub value: &'static str,
    /// Everything it can be set to.
    pub values: Vec<&'static str>,
}

/// A switch and a value for it, as `name=value` on a command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SwitchSetting {
    name: String,
    value: String,
}

/// A switch's text could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SwitchError {
    /// There is no `=` in it.
    #[error("write a switch as NAME=VALUE, not {0:?}")]
    Form(String),
    /// No switch has that name.
    #[error("there is no switch {0:?}; there are: {names}", names = Switches::names().join(", "))]
    Name(String),
    /// The switch has no such value.
    #[error("the switch {name} is one of {}, not {value:?}", .values.join(", "))]
    Value {
        /// The switch.
        name: &'static str,
        /// What was asked for.
        value: String,
        /// What there is.
        values: Vec<&'static str>,
    },
}

impl FromStr for SwitchSetting {
    type Err = SwitchError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, value) = text
            .split_once('=')
            .ok_or_else(|| SwitchError::Form(text.to_owned()))?;
        Switches::default().set(name, value)?;
        Ok(Self {
            name: name.to_owned(),
            value: value.to_owned(),
        })
    }
}

impl fmt::Display for SwitchSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.name, self.value)
    }
}

impl Switches {
    /// Sets what a command line asked for.
    ///
    /// # Errors
    /// Never for a setting that was read from text; the name and the value were checked then.
    pub fn apply(&mut self, setting: &SwitchSetting) -> Result<(), SwitchError> {
        self.set(&setting.name, &setting.value)
    }

    /// The name of each switch.
    pub fn names() -> Vec<&'static str> {
        Self::default()
            .states()
            .iter()
            .map(|state| state.name)
            .collect()
    }
}

/// The value of a switch that has this word.
fn read<T: Choice>(name: &'static str, word: &str) -> Result<T, SwitchError> {
    T::WORDS
        .iter()
        .find(|(known, _)| *known == word)
        .map(|(_, value)| *value)
        .ok_or_else(|| SwitchError::Value {
            name,
            value: word.to_owned(),
            values: words::<T>(),
        })
}

fn words<T: Choice>() -> Vec<&'static str> {
    T::WORDS.iter().map(|(word, _)| *word).collect()
}

/// A value by chance. Each switch has randomness of its own, so that a new switch changes no other's draw.
fn draw<T: Choice>(name: &str, seed: u64, otherwise: T) -> T {
    let pick = Random::new(seed, name).below(T::WORDS.len() as u64);
    usize::try_from(pick)
        .ok()
        .and_then(|pick| T::WORDS.get(pick))
        .map_or(otherwise, |(_, value)| *value)
}

/// Enums whose values have words.
macro_rules! choices {
    ($($(#[$doc:meta])* $name:ident { $($(#[$value_doc:meta])* $value:ident = $word:literal),+ $(,)? })+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name {
            $($(#[$value_doc])* $value,)+
        }

        impl super::Choice for $name {
            const WORDS: &'static [(&'static str, Self)] = &[$(($word, Self::$value)),+];
        }
    )+};
}
pub(crate) use choices;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_of_every_switch_is_read_and_written_back() {
        for state in Switches::default().states() {
            for value in &state.values {
                let mut switches = Switches::default();
                let setting: SwitchSetting = format!("{}={value}", state.name).parse().unwrap();
                switches.apply(&setting).unwrap();
                let now = switches.states();
                let now = now.iter().find(|now| now.name == state.name).unwrap();
                assert_eq!(now.value, *value, "{}", state.name);
            }
            assert!(state.values.len() > 1, "{} has no choice", state.name);
        }
    }

    #[test]
    fn a_seed_draws_the_same_switches_each_time_and_seeds_together_draw_every_value() {
        assert_eq!(Switches::drawn(3), Switches::drawn(3));
        let all: Vec<_> = (0..200)
            .map(|seed| Switches::drawn(seed).states())
            .collect();
        for (index, state) in Switches::default().states().iter().enumerate() {
            for value in &state.values {
                assert!(
                    all.iter().any(|drawn| drawn[index].value == *value),
                    "{} is never {value}",
                    state.name
                );
            }
        }
    }

    #[test]
    fn a_wrong_text_is_refused_with_what_there_is() {
        for (text, hint) in [
            ("time-requests", "NAME=VALUE"),
            ("moon=full", "time-requests"),
            ("time-requests=soon", "once-a-second"),
        ] {
            let error = text.parse::<SwitchSetting>().unwrap_err().to_string();
            assert!(error.contains(hint), "{error}");
        }
    }
}
