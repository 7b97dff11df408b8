//! Records what a program does to the files of one folder, in order: a library that is loaded before libc (`LD_PRELOAD`)
//! and wraps the calls that change files. No module of the tests: `recording.rs` builds it with `rustc` alone, because the
//! tests themselves have no unsafe code.
//!
//! `POWER_LOSS_FOLDER` is the folder, absolute and without symbolic links; `POWER_LOSS_TRACE` is the file for the records,
//! which `trace.rs` describes. A change and its record are made under one lock, a mutex for threads and `flock` for
//! processes, so the order of the records is the order of the changes; whoever holds the `flock` can kill the program
//! between two of them. A sync has two records, one before it begins and one after it has succeeded, and is not made under
//! the lock.
//!
//! The wrappers use no I/O of the standard library, which would call them. Only calls that the server makes are wrapped: at
//! the end, a test compares what the trace comes to with what is in the folder. A wrapper of `open` takes its mode always, as
//! the calling conventions of x86-64 and AArch64 allow.

use std::ffi::{CStr, c_char, c_int, c_uint, c_void};
use std::os::unix::ffi::OsStringExt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

const NEXT: *mut c_void = -1_isize as *mut c_void;
const SEEK_CUR: c_int = 1;
const LOCK_EX: c_int = 2;
const LOCK_UN: c_int = 8;
/// `O_WRONLY | O_APPEND | O_CLOEXEC`
const APPEND: c_int = 0o1 | 0o2000 | 0o2_000_000;
/// Files that are opened when more than this are open are not recorded. The log is opened early.
const MAX_FILES: usize = 65_536;

/// The kinds of records, as in `trace.rs`.
const OPEN: u8 = 1;
const CLOSE: u8 = 2;
const WRITE: u8 = 3;
const TRUNCATE: u8 = 4;
const SYNC_BEGIN: u8 = 5;
const SYNC_END: u8 = 6;
const RENAME: u8 = 7;
const LINK: u8 = 8;
const UNLINK: u8 = 9;
const MAKE_FOLDER: u8 = 10;

unsafe extern "C" {
    fn dlsym(handle: *mut c_void, symbol: *const c_char) -> *mut c_void;
    fn flock(fd: c_int, operation: c_int) -> c_int;
    fn getpid() -> c_int;
    fn lseek64(fd: c_int, offset: i64, whence: c_int) -> i64;
}

/// The function of libc behind a wrapper of the same name.
macro_rules! libc_function {
    ($name:ident: $signature:ty) => {{
        static ADDRESS: OnceLock<usize> = OnceLock::new();
        let name = concat!(stringify!($name), "\0");
        let address = *ADDRESS.get_or_init(|| unsafe { dlsym(NEXT, name.as_ptr().cast()) } as usize);
        assert!(address != 0, "libc has no such function");
        unsafe { std::mem::transmute::<usize, $signature>(address) }
    }};
}

type Open = unsafe extern "C" fn(*const c_char, c_int, c_uint) -> c_int;
type OnFile = unsafe extern "C" fn(c_int) -> c_int;
type OnPath = unsafe extern "C" fn(*const c_char) -> c_int;
type OnPaths = unsafe extern "C" fn(*const c_char, *const c_char) -> c_int;
type MakeFolder = unsafe extern "C" fn(*const c_char, c_uint) -> c_int;
type Truncate = unsafe extern "C" fn(c_int, i64) -> c_int;
type Write = unsafe extern "C" fn(c_int, *const c_void, usize) -> isize;
type WriteAt = unsafe extern "C" fn(c_int, *const c_void, usize, i64) -> isize;
type LinkAt = unsafe extern "C" fn(c_int, *const c_char, c_int, *const c_char, c_int) -> c_int;

struct Trace {
    folder: Vec<u8>,
    file: c_int,
    order: Mutex<()>,
}

/// Whether a file descriptor is of a file in the folder.
static RECORDED: [AtomicBool; MAX_FILES] = [const { AtomicBool::new(false) }; MAX_FILES];
static SYNCS: AtomicU64 = AtomicU64::new(0);

/// `None` when nothing is to be recorded.
fn trace() -> Option<&'static Trace> {
    static TRACE: OnceLock<Option<Trace>> = OnceLock::new();
    let open = || {
        let folder = std::env::var_os("POWER_LOSS_FOLDER")?.into_vec();
        let mut path = std::env::var_os("POWER_LOSS_TRACE")?.into_vec();
        path.push(0);
        let real = libc_function!(open64: Open);
        let file = unsafe { real(path.as_ptr().cast(), APPEND, 0) };
        assert!(file >= 0, "the trace cannot be opened");
        Some(Trace { folder, file, order: Mutex::new(()) })
    };
    TRACE.get_or_init(open).as_ref()
}

/// The trace, when a file descriptor is of a file in the folder.
fn trace_of(fd: c_int) -> Option<&'static Trace> {
    let recorded = RECORDED.get(usize::try_from(fd).ok()?)?;
    if recorded.load(Ordering::Relaxed) { trace() } else { None }
}

/// The trace, and the rest of a path, when it leads into the folder.
unsafe fn trace_under<'a>(path: *const c_char) -> Option<(&'static Trace, &'a [u8])> {
    let trace = trace()?;
    let name = unsafe { CStr::from_ptr(path) }.to_bytes().strip_prefix(trace.folder.as_slice())?;
    (name.is_empty() || name[0] == b'/').then_some((trace, name))
}

fn set_recorded(fd: c_int, recorded: bool) {
    if let Some(entry) = usize::try_from(fd).ok().and_then(|fd| RECORDED.get(fd)) {
        entry.store(recorded, Ordering::Relaxed);
    }
}

/// Nobody else changes or records anything for as long as this value lives.
struct TraceGuard(&'static Trace, #[allow(dead_code)] MutexGuard<'static, ()>);

impl Drop for TraceGuard {
    fn drop(&mut self) {
        unsafe { flock(self.0.file, LOCK_UN) };
    }
}

impl Trace {
    fn turn(&'static self) -> TraceGuard {
        let guard = self.order.lock().unwrap_or_else(PoisonError::into_inner);
        while unsafe { flock(self.file, LOCK_EX) } != 0 {}
        TraceGuard(self, guard)
    }
}

impl TraceGuard {
    fn record(&self, kind: u8, fd: c_int, number: u64, data: &[u8]) {
        let mut record = vec![kind];
        record.extend(unsafe { getpid() }.to_le_bytes());
        record.extend(fd.to_le_bytes());
        record.extend(number.to_le_bytes());
        record.extend((data.len() as u32).to_le_bytes());
        record.extend(data);
        let real = libc_function!(write: Write);
        let written = unsafe { real(self.0.file, record.as_ptr().cast(), record.len()) };
        if written != record.len() as isize {
            std::process::abort();
        }
    }
}

unsafe fn open_with(real: Open, path: *const c_char, flags: c_int, mode: c_uint) -> c_int {
    let Some((trace, name)) = (unsafe { trace_under(path) }) else { return unsafe { real(path, flags, mode) } };
    let turn = trace.turn();
    let fd = unsafe { real(path, flags, mode) };
    if fd >= 0 {
        set_recorded(fd, true);
        turn.record(OPEN, fd, flags as u64, name);
    }
    fd
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn open(path: *const c_char, flags: c_int, mode: c_uint) -> c_int {
    let real = libc_function!(open: Open);
    unsafe { open_with(real, path, flags, mode) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn open64(path: *const c_char, flags: c_int, mode: c_uint) -> c_int {
    let real = libc_function!(open64: Open);
    unsafe { open_with(real, path, flags, mode) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn close(fd: c_int) -> c_int {
    let real = libc_function!(close: OnFile);
    let Some(trace) = trace_of(fd) else { return unsafe { real(fd) } };
    let turn = trace.turn();
    set_recorded(fd, false);
    turn.record(CLOSE, fd, 0, &[]);
    unsafe { real(fd) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn write(fd: c_int, data: *const c_void, len: usize) -> isize {
    let real = libc_function!(write: Write);
    let Some(trace) = trace_of(fd) else { return unsafe { real(fd, data, len) } };
    let turn = trace.turn();
    let written = unsafe { real(fd, data, len) };
    if written > 0 {
        let end = unsafe { lseek64(fd, 0, SEEK_CUR) };
        let data = unsafe { std::slice::from_raw_parts(data.cast(), written as usize) };
        turn.record(WRITE, fd, (end - written as i64) as u64, data);
    }
    written
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn pwrite64(fd: c_int, data: *const c_void, len: usize, offset: i64) -> isize {
    let real = libc_function!(pwrite64: WriteAt);
    let Some(trace) = trace_of(fd) else { return unsafe { real(fd, data, len, offset) } };
    let turn = trace.turn();
    let written = unsafe { real(fd, data, len, offset) };
    if written > 0 {
        let data = unsafe { std::slice::from_raw_parts(data.cast(), written as usize) };
        turn.record(WRITE, fd, offset as u64, data);
    }
    written
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn ftruncate64(fd: c_int, len: i64) -> c_int {
    let real = libc_function!(ftruncate64: Truncate);
    let Some(trace) = trace_of(fd) else { return unsafe { real(fd, len) } };
    let turn = trace.turn();
    let result = unsafe { real(fd, len) };
    if result == 0 {
        turn.record(TRUNCATE, fd, len as u64, &[]);
    }
    result
}

unsafe fn sync_with(real: OnFile, fd: c_int) -> c_int {
    let Some(trace) = trace_of(fd) else { return unsafe { real(fd) } };
    let number = SYNCS.fetch_add(1, Ordering::Relaxed);
    trace.turn().record(SYNC_BEGIN, fd, number, &[]);
    let result = unsafe { real(fd) };
    if result == 0 {
        trace.turn().record(SYNC_END, fd, number, &[]);
    }
    result
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn fsync(fd: c_int) -> c_int {
    let real = libc_function!(fsync: OnFile);
    unsafe { sync_with(real, fd) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdatasync(fd: c_int) -> c_int {
    let real = libc_function!(fdatasync: OnFile);
    unsafe { sync_with(real, fd) }
}

/// Both paths in one record, with a zero byte between them.
unsafe fn two_paths_with(real: OnPaths, kind: u8, from: *const c_char, to: *const c_char) -> c_int {
    let (Some((trace, name)), Some((_, new_name))) = (unsafe { (trace_under(from), trace_under(to)) }) else {
        return unsafe { real(from, to) };
    };
    let turn = trace.turn();
    let result = unsafe { real(from, to) };
    if result == 0 {
        turn.record(kind, 0, 0, &[name, new_name].join(&0));
    }
    result
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn rename(from: *const c_char, to: *const c_char) -> c_int {
    let real = libc_function!(rename: OnPaths);
    unsafe { two_paths_with(real, RENAME, from, to) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn link(from: *const c_char, to: *const c_char) -> c_int {
    let real = libc_function!(link: OnPaths);
    unsafe { two_paths_with(real, LINK, from, to) }
}

/// The programs give paths from the root, so the folders do not matter.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn linkat(
    folder: c_int,
    from: *const c_char,
    new_folder: c_int,
    to: *const c_char,
    flags: c_int,
) -> c_int {
    let real = libc_function!(linkat: LinkAt);
    let (Some((trace, name)), Some((_, new_name))) = (unsafe { (trace_under(from), trace_under(to)) }) else {
        return unsafe { real(folder, from, new_folder, to, flags) };
    };
    let turn = trace.turn();
    let result = unsafe { real(folder, from, new_folder, to, flags) };
    if result == 0 {
        turn.record(LINK, 0, 0, &[name, new_name].join(&0));
    }
    result
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn unlink(path: *const c_char) -> c_int {
    let real = libc_function!(unlink: OnPath);
    let Some((trace, name)) = (unsafe { trace_under(path) }) else { return unsafe { real(path) } };
    let turn = trace.turn();
    let result = unsafe { real(path) };
    if result == 0 {
        turn.record(UNLINK, 0, 0, name);
    }
    result
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn mkdir(path: *const c_char, mode: c_uint) -> c_int {
    let real = libc_function!(mkdir: MakeFolder);
    let Some((trace, name)) = (unsafe { trace_under(path) }) else { return unsafe { real(path, mode) } };
    let turn = trace.turn();
    let result = unsafe { real(path, mode) };
    if result == 0 {
        turn.record(MAKE_FOLDER, 0, 0, name);
    }
    result
}
