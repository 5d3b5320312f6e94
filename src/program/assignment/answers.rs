//! Which questions there are, and what is known of each.

use super::error::AssignmentError;
use super::progress::Progress;
use super::q1_local_derivatives::{self, LocalDerivatives};
use super::q2_composed_derivative::{self, ComposedDerivative};
use super::q3_drawn_network::{self, DrawnNetwork};
use super::q4_plane::{self, Plane};
use super::q5_q6_minibatches::{self, Minibatches, Speed};
use super::q7_curves::{self, Curves};
use super::q7_final::{self, Final};
use super::q7_initialisations::{self, Initialisations};
use super::q7_learning_rates::{self, LearningRates};
use super::settings::Settings;
use fused_mlp::mnist::Dataset;
use serde::Serialize;
use std::fmt;
use std::str::FromStr;
use std::time::Instant;

/// A question of the assignment, 1 to 7.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Question(u8);

impl Question {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self(1),
        Self(2),
        Self(3),
        Self(4),
        Self(5),
        Self(6),
        Self(7),
    ];
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "q{}", self.0)
    }
}

/// No question has this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no question is called {found:?}; expected q1 to q7")]
pub struct UnknownQuestion {
    /// What was given.
    pub found: String,
}

impl FromStr for Question {
    type Err = UnknownQuestion;

    fn from_str(text: &str) -> Result<Self, UnknownQuestion> {
        let mut all = Self::ALL.into_iter();
        all.find(|question| question.to_string().eq_ignore_ascii_case(text))
            .ok_or_else(|| UnknownQuestion {
                found: text.to_owned(),
            })
    }
}

/// What is computed at a time: a question, two, or a part of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Question 1.
    LocalDerivatives,
    /// Question 2.
    ComposedDerivative,
    /// Question 3.
    DrawnNetwork,
    /// Question 4.
    Plane,
    /// Questions 5 and 6.
    Minibatches,
    /// Question 7 (1) and (2).
    Curves,
    /// Question 7 (3).
    Initialisations,
    /// Question 7 (4).
    LearningRates,
    /// Question 7 (5).
    Final,
}

impl Part {
    /// All of them, in their order.
    pub const ALL: [Self; 9] = [
        Self::LocalDerivatives,
        Self::ComposedDerivative,
        Self::DrawnNetwork,
        Self::Plane,
        Self::Minibatches,
        Self::Curves,
        Self::Initialisations,
        Self::LearningRates,
        Self::Final,
    ];

    /// Its name in results.
    pub fn name(self) -> &'static str {
        match self {
            Self::LocalDerivatives => "q1_local_derivatives",
            Self::ComposedDerivative => "q2_composed_derivative",
            Self::DrawnNetwork => "q3_drawn_network",
            Self::Plane => "q4_plane",
            Self::Minibatches => "q5_q6_minibatches",
            Self::Curves => "q7_curves",
            Self::Initialisations => "q7_initialisations",
            Self::LearningRates => "q7_learning_rates",
            Self::Final => "q7_final",
        }
    }

    /// Whether it answers a question, or a part of it.
    pub fn answers(self, question: Question) -> bool {
        match self {
            Self::LocalDerivatives => question.0 == 1,
            Self::ComposedDerivative => question.0 == 2,
            Self::DrawnNetwork => question.0 == 3,
            Self::Plane => question.0 == 4,
            Self::Minibatches => question.0 == 5 || question.0 == 6,
            Self::Curves | Self::Initialisations | Self::LearningRates | Self::Final => {
                question.0 == 7
            }
        }
    }

    /// Whether it trains on images.
    pub fn needs_images(self) -> bool {
        (5..=7).any(|number| self.answers(Question(number)))
    }
}

/// What is known. No times, so that the same seed gives the same answers.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Answers {
    /// Question 1.
    pub q1_local_derivatives: Option<LocalDerivatives>,
    /// Question 2.
    pub q2_composed_derivative: Option<ComposedDerivative>,
    /// Question 3.
    pub q3_drawn_network: Option<DrawnNetwork>,
    /// Question 4.
    pub q4_plane: Option<Plane>,
    /// Questions 5 and 6.
    pub q5_q6_minibatches: Option<Minibatches>,
    /// Question 7 (1) and (2).
    pub q7_curves: Option<Curves>,
    /// Question 7 (3).
    pub q7_initialisations: Option<Initialisations>,
    /// Question 7 (4).
    pub q7_learning_rates: Option<LearningRates>,
    /// Question 7 (5).
    pub q7_final: Option<Final>,
}

/// Wall times, which differ from run to run.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Times {
    /// Seconds of each part.
    pub parts: Vec<PartTime>,
    /// Images trained on in a second by each implementation.
    pub speeds: Vec<Speed>,
}

/// Wall time of a part.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PartTime {
    /// Its name.
    pub part: &'static str,
    /// Seconds.
    pub seconds: f64,
}

impl Answers {
    /// Computes a part. What a long one has found when it is stopped is kept.
    ///
    /// # Errors
    /// If data do not fit, or it was stopped before anything was known.
    ///
    /// # Panics
    /// If a part [needs images](Part::needs_images) and there is no data set.
    pub fn compute(
        &mut self,
        part: Part,
        settings: &Settings,
        dataset: Option<&Dataset>,
        progress: &Progress<'_>,
        times: &mut Times,
    ) -> Result<(), AssignmentError> {
        let start = Instant::now();
        let images = || dataset.expect("who asks for a part that needs images has opened them");
        match part {
            Part::LocalDerivatives => {
                self.q1_local_derivatives = Some(q1_local_derivatives::run(settings));
            }
            Part::ComposedDerivative => {
                self.q2_composed_derivative = Some(q2_composed_derivative::run(settings)?);
            }
            Part::DrawnNetwork => self.q3_drawn_network = Some(q3_drawn_network::run(settings)?),
            Part::Plane => {
                let plane = q4_plane::run(settings, progress);
                self.q4_plane = Some(plane.ok_or(AssignmentError::Stopped)?);
            }
            Part::Minibatches => {
                let (answer, speeds) = q5_q6_minibatches::run(settings, images(), progress)?;
                self.q5_q6_minibatches = Some(answer);
                times.speeds = speeds;
            }
            Part::Curves => self.q7_curves = Some(q7_curves::run(settings, images(), progress)?),
            Part::Initialisations => {
                let answer = q7_initialisations::run(settings, images(), progress)?;
                self.q7_initialisations = Some(answer);
            }
            Part::LearningRates => {
                let answer = q7_learning_rates::run(settings, images(), progress)?;
                self.q7_learning_rates = Some(answer);
            }
            Part::Final => {
                let rates = self.q7_learning_rates.as_ref();
                // Without a rate that trained there is nothing to choose.
                if let Some(best) = rates.and_then(LearningRates::best_row) {
                    self.q7_final = Some(q7_final::run(settings, images(), best, progress)?);
                }
            }
        }
        times.parts.push(PartTime {
            part: part.name(),
            seconds: start.elapsed().as_secs_f64(),
        });
        Ok(())
    }

    /// The answer of a part, for people.
    pub fn text(&self, part: Part) -> Option<String> {
        fn text(answer: &Option<impl fmt::Display>) -> Option<String> {
            answer.as_ref().map(ToString::to_string)
        }
        match part {
            Part::LocalDerivatives => text(&self.q1_local_derivatives),
            Part::ComposedDerivative => text(&self.q2_composed_derivative),
            Part::DrawnNetwork => text(&self.q3_drawn_network),
            Part::Plane => text(&self.q4_plane),
            Part::Minibatches => text(&self.q5_q6_minibatches),
            Part::Curves => text(&self.q7_curves),
            Part::Initialisations => text(&self.q7_initialisations),
            Part::LearningRates => text(&self.q7_learning_rates),
            Part::Final => text(&self.q7_final),
        }
    }

    /// The checks that did not hold, each as what was expected.
    pub fn failures(&self) -> Vec<&'static str> {
        let q1 = self.q1_local_derivatives.as_ref();
        let q2 = self.q2_composed_derivative.as_ref();
        let q3 = self.q3_drawn_network.as_ref();
        let minibatches = self.q5_q6_minibatches.as_ref();
        let last = self.q7_final.as_ref();
        [
            (
                q1.is_none_or(|answer| answer.holds),
                "Q1: local derivatives that are central differences",
            ),
            (
                q2.is_none_or(|answer| answer.holds),
                "Q2: a composed derivative that is a central difference and the chain rule's",
            ),
            (
                q3.is_none_or(|answer| answer.holds),
                "Q3: the known values, by the textbook and by the kernels",
            ),
            (
                minibatches.is_none_or(|answer| answer.agrees),
                "Q6: equal results of all implementations",
            ),
            (
                last.is_none_or(|answer| !answer.is_diverged),
                "Q7 (5): a training that does not diverge",
            ),
        ]
        .into_iter()
        .filter_map(|(holds, expected)| (!holds).then_some(expected))
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_question_has_a_part_and_every_part_a_question() {
        for question in Question::ALL {
            assert!(Part::ALL.iter().any(|part| part.answers(question)));
            assert_eq!(question.to_string().parse(), Ok(question));
        }
        for part in Part::ALL {
            assert!(
                Question::ALL
                    .into_iter()
                    .any(|question| part.answers(question))
            );
        }
        assert_eq!("Q3".parse(), Ok(Question(3)));
        let error = "q8".parse::<Question>().unwrap_err();
        assert!(error.to_string().contains("\"q8\""), "{error}");
    }
}
