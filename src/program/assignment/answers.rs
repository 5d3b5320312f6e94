//! Which parts there are, and what is known of each.

use super::q1_local_derivatives::{self, LocalDerivatives};
use super::q2_composed_derivative::{self, ComposedDerivative};
use super::q3_drawn_network::{self, DrawnNetwork};
use super::q4_plane::{self, Plane};
use super::q5_q6_minibatches::{self, Minibatches};
use super::q7_curves::{self, Curves};
use super::q7_final::{self, Final};
use super::q7_initialisations::{self, Initialisations};
use super::q7_learning_rates::{self, LearningRates};
use super::work::Work;
use serde::Serialize;

/// What is known. No times, so that the same seed gives the same answers.
#[derive(Debug, Default, Serialize)]
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

/// What is computed at a time: a question, two, or a part of one.
pub struct Part {
    /// Its name in results, which begins with its questions.
    pub name: &'static str,
    /// Computes its answer. What a long one has found when it is stopped is kept.
    ///
    /// # Errors
    /// If data do not fit, or it was [stopped](super::Stopped) before anything was known.
    ///
    /// # Panics
    /// If it [needs images](Self::needs_images) and there is no data set.
    pub compute: fn(&mut Answers, &Work<'_>) -> anyhow::Result<()>,
}

/// All parts, in their order.
pub const PARTS: [Part; 9] = [
    part("q1_local_derivatives", |answers, work| {
        answers.q1_local_derivatives = Some(q1_local_derivatives::run(work));
        Ok(())
    }),
    part("q2_composed_derivative", |answers, work| {
        answers.q2_composed_derivative = Some(q2_composed_derivative::run(work));
        Ok(())
    }),
    part("q3_drawn_network", |answers, _| {
        answers.q3_drawn_network = Some(q3_drawn_network::run());
        Ok(())
    }),
    part("q4_plane", |answers, work| {
        answers.q4_plane = Some(q4_plane::run(work)?);
        Ok(())
    }),
    part("q5_q6_minibatches", |answers, work| {
        answers.q5_q6_minibatches = Some(q5_q6_minibatches::run(work)?);
        Ok(())
    }),
    part("q7_curves", |answers, work| {
        answers.q7_curves = Some(q7_curves::run(work)?);
        Ok(())
    }),
    part("q7_initialisations", |answers, work| {
        answers.q7_initialisations = Some(q7_initialisations::run(work)?);
        Ok(())
    }),
    part("q7_learning_rates", |answers, work| {
        answers.q7_learning_rates = Some(q7_learning_rates::run(work)?);
        Ok(())
    }),
    part("q7_final", |answers, work| {
        let rates = answers.q7_learning_rates.as_ref();
        // Without a rate that trained there is nothing to choose.
        if let Some(best) = rates.and_then(LearningRates::best_row) {
            answers.q7_final = Some(q7_final::run(work, best)?);
        }
        Ok(())
    }),
];

const fn part(
    name: &'static str,
    compute: fn(&mut Answers, &Work<'_>) -> anyhow::Result<()>,
) -> Part {
    Part { name, compute }
}

impl Part {
    /// Whether it answers a question, as `q1`, or a part of it.
    pub fn answers(&self, question: &str) -> bool {
        let is_question = |word: &str| word.starts_with('q');
        let mut questions = self.name.split('_').take_while(|word| is_question(word));
        questions.any(|name| name == question)
    }

    /// Whether it trains on images, as from question 5 on.
    pub fn needs_images(&self) -> bool {
        self.name >= "q5"
    }
}

impl Answers {
    /// The checks that did not hold, each as what was expected.
    pub fn failures(&self) -> Vec<&'static str> {
        let mut failures = Vec::new();
        let mut check = |holds: Option<bool>, expected| {
            if holds == Some(false) {
                failures.push(expected);
            }
        };
        check(
            self.q1_local_derivatives.as_ref().map(|it| it.holds),
            "Q1: local derivatives that are central differences",
        );
        check(
            self.q2_composed_derivative.as_ref().map(|it| it.holds),
            "Q2: a composed derivative that is a central difference and the chain rule's",
        );
        check(
            self.q3_drawn_network.as_ref().map(|it| it.holds),
            "Q3: the known values",
        );
        check(
            self.q5_q6_minibatches.as_ref().map(|it| it.agrees),
            "Q6: equal results of all implementations",
        );
        check(
            self.q7_final.as_ref().map(|it| !it.is_diverged),
            "Q7 (5): a training that does not diverge",
        );
        failures
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_question_has_a_part() {
        for question in ["q1", "q2", "q3", "q4", "q5", "q6", "q7"] {
            assert!(PARTS.iter().any(|part| part.answers(question)));
        }
        assert!(
            !PARTS
                .iter()
                .any(|part| part.answers("q8") || part.answers("local"))
        );
    }
}
