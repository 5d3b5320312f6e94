//! A power cut loses what the system has not been told to write through, and may write the rest in
//! any order. So the order of the calls decides whether a file is whole or not there: it is read
//! off the running program, which is traced.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use super::signals::program;
use super::support::Place;
use nix::libc::{
    SYS_fdatasync, SYS_fsync, SYS_rename, SYS_renameat, SYS_renameat2, SYS_unlink, SYS_unlinkat,
};
use nix::sys::ptrace::{self, Options};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::Pid;
use std::process::Stdio;

/// What a file system must be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Call {
    /// The bytes of a file, or the names in a folder, are to be on the disk.
    Sync,
    /// The bytes of a file that grows are to be on the disk.
    SyncData,
    Rename,
    Unlink,
}

#[expect(non_upper_case_globals, reason = "the names of the system's calls")]
fn call(number: i64) -> Option<Call> {
    Some(match number {
        SYS_fsync => Call::Sync,
        SYS_fdatasync => Call::SyncData,
        SYS_rename | SYS_renameat | SYS_renameat2 => Call::Rename,
        SYS_unlink | SYS_unlinkat => Call::Unlink,
        _ => return None,
    })
}

/// The calls of the first thread of a training from its first line on, to its end; `None`, with a
/// message, where it cannot be traced.
fn traced(place: &Place, arguments: &str) -> Option<Vec<Call>> {
    let mut command = program(place, arguments);
    let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let id = Pid::from_raw(i32::try_from(child.unwrap().id()).unwrap());
    if let Err(error) = ptrace::seize(id, Options::PTRACE_O_TRACESYSGOOD) {
        eprintln!("SKIPPED: a test of the order of calls needs the right to trace: {error}");
        waitpid(id, None).unwrap();
        return None;
    }
    ptrace::interrupt(id).unwrap();
    let mut calls = Vec::new();
    let mut is_entry = true;
    loop {
        let mut to_deliver = None;
        match waitpid(id, None).unwrap() {
            WaitStatus::PtraceSyscall(_) => {
                if is_entry {
                    let number = ptrace::getregs(id).unwrap().orig_rax;
                    calls.extend(call(number.cast_signed()));
                }
                is_entry = !is_entry;
            }
            WaitStatus::Exited(_, code) => {
                assert_eq!(code, 0);
                return Some(calls);
            }
            WaitStatus::PtraceEvent(..) => {}
            WaitStatus::Stopped(_, signal) => to_deliver = Some(signal),
            other => panic!("{other:?}"),
        }
        ptrace::syscall(id, to_deliver).unwrap();
    }
}

#[test]
fn a_checkpoint_is_on_the_disk_before_it_has_its_name() {
    use Call::{Rename, Sync, SyncData, Unlink};
    let place = Place::new();
    let arguments = "train --epochs 60 --hidden 20 --batch-size 4 --threads 1 --quiet --checkpoint-every 20 \
                     --out run";
    let Some(calls) = traced(&place, arguments) else {
        return;
    };
    let file = [Sync, Rename, Sync];
    // The lines that the checkpoint counts on, then the checkpoint; the oldest goes last.
    let checkpoint = [vec![SyncData; 3], file.to_vec()].concat();
    let model_and_record = [file, file].concat();
    let expected = [
        &checkpoint[..],
        &checkpoint,
        &checkpoint,
        &[Unlink],
        &model_and_record,
    ]
    .concat();
    // The first record of the run may have been written before the tracing began.
    let start = calls.len().saturating_sub(expected.len());
    assert_eq!(calls[start..], expected);
    assert!(
        [&[][..], &file].contains(&&calls[..start]) || start < 3,
        "{calls:?}"
    );
}
