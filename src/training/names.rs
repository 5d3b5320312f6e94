//! Choices that have names: recipes and schedules.

/// Nothing has this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no {kind} is called {found:?}; expected one of {expected}")]
pub struct UnknownName {
    /// What was to be named.
    pub kind: &'static str,
    /// The name.
    pub found: String,
    /// All names that there are.
    pub expected: String,
}

/// Shows a type that has `ALL` values with a `name` each, and reads it from such a name.
macro_rules! named {
    ($type:ty, $kind:literal) => {
        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.name())
            }
        }

        impl std::str::FromStr for $type {
            type Err = super::UnknownName;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let found = Self::ALL.into_iter().find(|it| it.name() == text);
                found.ok_or_else(|| super::UnknownName {
                    kind: $kind,
                    found: text.to_owned(),
                    expected: Self::ALL.map(Self::name).join(", "),
                })
            }
        }
    };
}

pub(super) use named;
