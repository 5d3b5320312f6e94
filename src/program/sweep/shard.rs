//! The part of a sweep that one process of many trains, and how a launcher tells which.

use super::MOST_RUNS;
use anyhow::{Context, bail};
use std::fmt;
use std::str::FromStr;

/// One of `count` parts of a sweep: of its runs each `count`-th, from that at `index` on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Shard {
    /// From 0 on.
    pub index: usize,
    /// Parts of the sweep.
    pub count: usize,
}

impl Shard {
    /// All of a sweep.
    pub const WHOLE: Self = Self { index: 0, count: 1 };

    fn new(index: usize, count: usize) -> Option<Self> {
        (index < count && count <= MOST_RUNS).then_some(Self { index, count })
    }

    /// Places of its runs among so many.
    pub fn places(self, runs: usize) -> impl Iterator<Item = usize> {
        (self.index..runs).step_by(self.count)
    }

    /// Name of its folder in that of the sweep.
    pub fn folder(self) -> String {
        format!("part-{}-of-{}", self.index, self.count)
    }

    /// The part whose folder has this name.
    pub fn of_folder(name: &str) -> Option<Self> {
        let (index, count) = name.strip_prefix("part-")?.split_once("-of-")?;
        let found = Self::new(index.parse().ok()?, count.parse().ok()?)?;
        (found.folder() == name).then_some(found)
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.index, self.count)
    }
}

/// Variables of launchers for the number of a process and that of all. Open MPI's and MPICH's come first: below
/// Slurm, their processes see those of a step, too, that of their daemons.
const STEPS: [(&str, &str); 3] = [
    ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"),
    ("PMI_RANK", "PMI_SIZE"),
    ("SLURM_PROCID", "SLURM_NTASKS"),
];
const ARRAY: &str = "SLURM_ARRAY_TASK_ID";

/// Which part is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShardRequest {
    /// That which the launcher says.
    Auto,
    /// This one.
    Part(Shard),
}

impl FromStr for ShardRequest {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let part = || {
            let (index, count) = text.split_once('/')?;
            Shard::new(index.parse().ok()?, count.parse().ok()?)
        };
        match text {
            "auto" => Ok(Self::Auto),
            _ => part().map(Self::Part).ok_or(
                "expected I/N with I from 0 to N - 1, as 0/8 for the first of eight, or auto",
            ),
        }
    }
}

impl ShardRequest {
    /// The part, and the variables that told it. A job of an array may start several processes: each then has
    /// a part of the job's part.
    ///
    /// # Errors
    /// If no launcher has set its variables, or not to what is expected.
    pub fn part(
        self,
        variable: impl Fn(&str) -> Option<String>,
    ) -> anyhow::Result<(Shard, String)> {
        if let Self::Part(part) = self {
            return Ok((part, String::new()));
        }
        let number = |name: &str| number(&variable, name);
        let task = number(ARRAY)?.map(|id| anyhow::Ok((ARRAY, array_task(id, number)?)));
        let task = task.transpose()?;
        // The script of a job is no step, but has a number as if it were.
        let is_script = task.is_some() && variable("SLURM_STEP_ID").is_none();
        let step = step(&STEPS[..STEPS.len() - usize::from(is_script)], number)?;
        let all: Vec<_> = task.into_iter().chain(step).collect();
        let (names, parts): (Vec<&str>, Vec<Shard>) = all.into_iter().unzip();
        let [rank, pmi_rank, task] = STEPS.map(|(name, _)| name);
        if names.is_empty() {
            bail!(
                "--shard auto: no launcher has set {ARRAY}, {rank}, {pmi_rank} or {task}; give --shard I/N"
            );
        }
        let inner = |all: Shard, it: &Shard| {
            Shard::new(all.index * it.count + it.index, all.count * it.count)
        };
        let part = parts.iter().try_fold(Shard::WHOLE, inner);
        let part =
            part.with_context(|| format!("more than {MOST_RUNS} parts; give --shard I/N"))?;
        Ok((part, names.join(" and ")))
    }
}

/// The part by the first launcher of processes that has set its variables.
fn step(
    launchers: &[(&'static str, &str)],
    number: impl Fn(&str) -> anyhow::Result<Option<usize>>,
) -> anyhow::Result<Option<(&'static str, Shard)>> {
    for &(name, size) in launchers {
        if let Some(index) = number(name)? {
            let count = number(size)?.unwrap_or(0);
            let problem = || format!("{name} is {index} and {size} {count}; give --shard I/N");
            let part = Shard::new(index, count).with_context(problem)?;
            return Ok(Some((name, part)));
        }
    }
    Ok(None)
}

/// The part of a job of an array, whose numbers may begin anywhere and be some apart.
fn array_task(
    id: usize,
    number: impl Fn(&str) -> anyhow::Result<Option<usize>>,
) -> anyhow::Result<Shard> {
    let get = |name, default| anyhow::Ok(number(name)?.unwrap_or(default));
    let first = get("SLURM_ARRAY_TASK_MIN", 0)?;
    let last = get("SLURM_ARRAY_TASK_MAX", id)?;
    let step = get("SLURM_ARRAY_TASK_STEP", 1)?.max(1);
    let count = get("SLURM_ARRAY_TASK_COUNT", 0)?;
    let place = |id: usize| Some(id.checked_sub(first)? / step);
    let part = place(id).and_then(|index| Shard::new(index, count));
    part.filter(|_| place(last) < Some(count)).with_context(|| {
        format!("{ARRAY} is {id} of {count} jobs from {first} on, with gaps; give --shard I/N")
    })
}

/// The number that a variable holds; empty is absent.
fn number(variable: &impl Fn(&str) -> Option<String>, name: &str) -> anyhow::Result<Option<usize>> {
    let text = variable(name).filter(|text| !text.is_empty());
    let parsed = text.map(|text| text.parse().map_err(|_| text));
    parsed
        .transpose()
        .map_err(|text| anyhow::anyhow!("{name} is {text:?}; expected a number; give --shard I/N"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The part by these variables, written as `NAME=value`.
    fn part(variables: &str) -> Result<String, String> {
        let of = |name: &str| {
            let mut all = variables.split_whitespace();
            let found = all.find_map(|it| it.strip_prefix(name)?.strip_prefix('='));
            found.map(str::to_owned)
        };
        let told = ShardRequest::Auto.part(of);
        told.map(|(part, names)| format!("{part} {names}"))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn each_launcher_tells_the_part_in_its_own_way() {
        let array = "SLURM_ARRAY_TASK_ID=7 SLURM_ARRAY_TASK_MIN=3 SLURM_ARRAY_TASK_COUNT=8";
        let without_count = format!("{array} SLURM_PROCID=0");
        // What the script of a job with four tasks sees is no step.
        let script = format!("{array} SLURM_PROCID=0 SLURM_NTASKS=4");
        for (variables, expected) in [
            (
                "OMPI_COMM_WORLD_RANK=1 OMPI_COMM_WORLD_SIZE=4",
                "1/4 OMPI_COMM_WORLD_RANK",
            ),
            (
                "PMI_RANK=2 PMI_SIZE=3 SLURM_PROCID=0 SLURM_NTASKS=1",
                "2/3 PMI_RANK",
            ),
            ("SLURM_PROCID=0 SLURM_NTASKS=2", "0/2 SLURM_PROCID"),
            (array, "4/8 SLURM_ARRAY_TASK_ID"),
            (&script, "4/8 SLURM_ARRAY_TASK_ID"),
            (&without_count, "4/8 SLURM_ARRAY_TASK_ID"),
            (
                &format!("{script} SLURM_STEP_ID=0"),
                "16/32 SLURM_ARRAY_TASK_ID and SLURM_PROCID",
            ),
            (
                &format!("{script} OMPI_COMM_WORLD_RANK=1 OMPI_COMM_WORLD_SIZE=2"),
                "9/16 SLURM_ARRAY_TASK_ID and OMPI_COMM_WORLD_RANK",
            ),
            (
                "SLURM_ARRAY_TASK_ID=4 SLURM_ARRAY_TASK_MIN=0 SLURM_ARRAY_TASK_MAX=6 \
                 SLURM_ARRAY_TASK_STEP=2 SLURM_ARRAY_TASK_COUNT=4",
                "2/4 SLURM_ARRAY_TASK_ID",
            ),
        ] {
            assert_eq!(part(variables).as_deref(), Ok(expected), "{variables}");
        }
    }

    #[test]
    fn what_tells_no_part_is_told() {
        let gaps = "SLURM_ARRAY_TASK_ID=1 SLURM_ARRAY_TASK_MIN=1 SLURM_ARRAY_TASK_MAX=5 \
                    SLURM_ARRAY_TASK_COUNT=3";
        for (variables, expected) in [
            (
                "",
                "no launcher has set SLURM_ARRAY_TASK_ID, OMPI_COMM_WORLD_RANK, PMI_RANK or SLURM_PROCID",
            ),
            ("PMI_RANK=x", "PMI_RANK is \"x\"; expected a number"),
            ("PMI_RANK=3 PMI_SIZE=3", "PMI_RANK is 3 and PMI_SIZE 3"),
            ("SLURM_PROCID=0", "SLURM_PROCID is 0 and SLURM_NTASKS 0"),
            (gaps, "with gaps; give --shard I/N"),
        ] {
            let error = part(variables).unwrap_err();
            assert!(
                error.contains(expected) && error.ends_with("give --shard I/N"),
                "{error}"
            );
        }
    }

    #[test]
    fn the_name_of_a_folder_tells_its_part() {
        let part = Shard {
            index: 2,
            count: 12,
        };
        assert_eq!(Shard::of_folder(&part.folder()), Some(part));
        assert_eq!(part.places(27).collect::<Vec<_>>(), [2, 14, 26]);
        for name in [
            "part-2-of-2",
            "part-02-of-12",
            "part-1",
            "best",
            "part-0-of-0",
        ] {
            assert_eq!(Shard::of_folder(name), None, "{name}");
        }
    }
}
