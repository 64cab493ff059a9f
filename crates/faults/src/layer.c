/*
 * A layer between a program and its files, put there by LD_PRELOAD.
 *
 * For every regular file and every folder below COMITY_FAULT_ROOT it writes down, before a change
 * is made, how to undo that change; and, after a sync returned, up to where the changes of that
 * file or folder are durable. The log lies in COMITY_FAULT_LOG. When the program has been killed,
 * whoever started it reads the log and undoes what a power loss could have lost (replay.rs).
 * The layer also plays a full disk, a failing disk, and a kill at a chosen call: `struct control`,
 * which the test writes at any time.
 *
 * Always holds: a record is in the log before its change is made, and both are done under one
 * lock that all processes on this log share.
 * Deliberately absent: writes through mmap, io_uring and raw system calls; files named "*-shm"
 * (SQLite's shared memory holds nothing that must last); O_SYNC, which is treated as not syncing.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define SEEN __attribute__((visibility("default")))
#define PAGE 4096
#define MAGIC 0x59544d43u

/* Read and written by the test too: see control.rs. */
struct control {
    int64_t room;    /* bytes by which files may still grow; negative: as many as they like */
    int64_t kill_in; /* the program is killed at the n-th call from now; negative: never */
    int64_t fail_in; /* the n-th write or sync from now fails with EIO; negative: never */
    int64_t calls;   /* changing or syncing calls so far */
};

/* Read by the test: see log.rs. */
enum kind {
    WRITTEN = 1, /* a = inode, b = offset, c = length; text1 = bytes before, zeros beyond it */
    SIZED = 2,   /* a = inode, b = size before */
    CUT = 3,     /* as WRITTEN, of bytes that the SIZED before it cuts off */
    SYNCED = 4,  /* a = inode of file or folder, 0 for all; b = position up to which */
    CREATED = 5, /* a = inode of folder, b = 1 for a folder; text1 = name */
    LINKED = 6,  /* a = inode of folder, b = inode; text1 = name */
    UNLINKED = 7, /* a = inode of folder, b = inode; text1 = name; kept under its position */
    RENAMED = 8, /* a = inode of folder of the new name, b = inode, c = 1 when the new name was
                    taken: kept under its position; text1 = old name, text2 = new name */
    REMOVED = 9, /* a = inode of folder; text1 = name of the folder that was removed */
    UNDONE = 10, /* a = position of the record whose change failed */
};

struct record {
    uint32_t magic, kind;
    uint64_t a, b, c;
    uint32_t text1, text2;
};

static int ready;
static int lies; /* a disk that says that it synced and did not */
static char root[PATH_MAX];
static size_t root_length;
static char kept[PATH_MAX];
static dev_t device;
static int log_fd = -1;
static struct control *control;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static void stop(const char *why) {
    /* A test must not go on with a log that is not true. */
    dprintf(2, "comity-faults: %s: %s\n", why, strerror(errno));
    abort();
}

/* ---- the log ---------------------------------------------------------------------------- */

static uint64_t log_end(void) {
    struct stat st;
    if (fstat(log_fd, &st)) stop("the log's size");
    return (uint64_t)st.st_size;
}

static void raw_write(int fd, const void *bytes, size_t length) {
    const char *at = bytes;
    while (length > 0) {
        ssize_t n = syscall(SYS_write, fd, at, length);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) stop("writing the log");
        at += n;
        length -= (size_t)n;
    }
}

/* A killed process may leave half a record, of a change that was not made. */
static void trim_log(void) {
    uint64_t at = 0, end = log_end();
    struct record r;
    while (at + sizeof r <= end && pread(log_fd, &r, sizeof r, (off_t)at) == sizeof r) {
        uint64_t next = at + sizeof r + r.text1 + r.text2;
        if (r.magic != MAGIC || next > end) break;
        at = next;
    }
    if (at < end && syscall(SYS_ftruncate, log_fd, at)) stop("trimming the log");
}

static void lock(void) {
    pthread_mutex_lock(&mutex);
    while (flock(log_fd, LOCK_EX))
        if (errno != EINTR) stop("locking the log");
}

static void unlock(void) {
    int error = errno;
    flock(log_fd, LOCK_UN);
    pthread_mutex_unlock(&mutex);
    errno = error;
}

static uint64_t note(enum kind kind, uint64_t a, uint64_t b, uint64_t c, const char *text1,
                     const char *text2) {
    uint64_t position = log_end();
    size_t n1 = text1 ? strlen(text1) : 0, n2 = text2 ? strlen(text2) : 0;
    struct record r = {MAGIC, kind, a, b, c, (uint32_t)n1, (uint32_t)n2};
    char bytes[sizeof r + 2 * PATH_MAX];
    memcpy(bytes, &r, sizeof r);
    memcpy(bytes + sizeof r, text1 ? text1 : "", n1);
    memcpy(bytes + sizeof r + n1, text2 ? text2 : "", n2);
    raw_write(log_fd, bytes, sizeof r + n1 + n2);
    return position;
}

static void note_undone(uint64_t position) {
    int error = errno;
    note(UNDONE, position, 0, 0, NULL, NULL);
    errno = error;
}

/* Notes what is in [from, until) of a file of this size, page by page. */
static void note_bytes(enum kind kind, int fd, uint64_t inode, uint64_t from, uint64_t until,
                       uint64_t size) {
    while (from < until) {
        uint64_t next = (from / PAGE + 1) * PAGE;
        if (next > until) next = until;
        struct {
            struct record r;
            char bytes[PAGE];
        } entry = {.r = {MAGIC, kind, inode, from, next - from, 0, 0}};
        uint64_t there = size <= from ? 0 : (size < next ? size : next) - from;
        while (entry.r.text1 < there) {
            ssize_t n = syscall(SYS_pread64, fd, entry.bytes + entry.r.text1,
                                there - entry.r.text1, from + entry.r.text1);
            if (n < 0 && errno == EINTR) continue;
            if (n < 0) stop("reading what a write replaces");
            if (n == 0) break;
            entry.r.text1 += (uint32_t)n;
        }
        raw_write(log_fd, &entry, sizeof entry.r + entry.r.text1);
        from = next;
    }
}

static void keep(const char *path, uint64_t position) {
    char to[PATH_MAX + 32];
    snprintf(to, sizeof to, "%s/%llu", kept, (unsigned long long)position);
    if (syscall(SYS_linkat, AT_FDCWD, path, AT_FDCWD, to, 0))
        stop("keeping a removed file (are root and log on one file system?)");
}

static void unkeep(uint64_t position) {
    int error = errno;
    char path[PATH_MAX + 32];
    snprintf(path, sizeof path, "%s/%llu", kept, (unsigned long long)position);
    syscall(SYS_unlinkat, AT_FDCWD, path, 0);
    errno = error;
}

/* ---- what is below the root ------------------------------------------------------------- */

static int below_root(const char *path) {
    if (strncmp(path, root, root_length)) return 0;
    if (path[root_length] != '/' && path[root_length] != 0 && path[root_length] != ' ') return 0;
    const char *name = strrchr(path, '/');
    size_t length = strlen(name);
    size_t deleted = strlen(" (deleted)");
    if (length > deleted && !strcmp(name + length - deleted, " (deleted)")) length -= deleted;
    return length < 4 || strncmp(name + length - 4, "-shm", 4) != 0;
}

/* Whether this is a file or folder of ours; by its inode and path, so that dup changes nothing. */
static int ours(int fd, struct stat *st) {
    if (!ready || fd == log_fd || fstat(fd, st) || st->st_dev != device) return 0;
    if (!S_ISREG(st->st_mode) && !S_ISDIR(st->st_mode)) return 0;
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    if (n <= 0) return 0;
    path[n] = 0;
    return below_root(path);
}

struct name {
    char path[PATH_MAX]; /* absolute, its folder without links */
    uint64_t folder;     /* inode */
};

/* Resolves a name below the root; false for all others and for what can not exist. */
static int resolve(int at, const char *path, struct name *name) {
    char whole[PATH_MAX], folder[PATH_MAX];
    int n;
    if (!ready || !path || !*path) return 0;
    if (*path == '/') {
        n = snprintf(whole, sizeof whole, "%s", path);
    } else {
        char link[64], base[PATH_MAX];
        if (at == AT_FDCWD)
            snprintf(link, sizeof link, "/proc/self/cwd");
        else
            snprintf(link, sizeof link, "/proc/self/fd/%d", at);
        ssize_t length = readlink(link, base, sizeof base - 1);
        if (length <= 0) return 0;
        base[length] = 0;
        n = snprintf(whole, sizeof whole, "%.*s/%s", (int)length, base, path);
    }
    if (n < 0 || (size_t)n >= sizeof whole) return 0;
    while (n > 1 && whole[n - 1] == '/') whole[--n] = 0;
    char *slash = strrchr(whole, '/');
    if (!slash || !slash[1] || !strcmp(slash + 1, ".") || !strcmp(slash + 1, "..")) return 0;
    *slash = 0;
    struct stat st;
    if (!realpath(*whole ? whole : "/", folder) || stat(folder, &st)) return 0;
    n = snprintf(name->path, sizeof name->path, "%s/%s", folder, slash + 1);
    if (n < 0 || (size_t)n >= sizeof name->path || st.st_dev != device) return 0;
    name->folder = st.st_ino;
    return below_root(name->path);
}

/* ---- faults ----------------------------------------------------------------------------- */

static void called(void) {
    __atomic_add_fetch(&control->calls, 1, __ATOMIC_SEQ_CST);
    int64_t left = __atomic_load_n(&control->kill_in, __ATOMIC_SEQ_CST);
    if (left > 0 && __atomic_sub_fetch(&control->kill_in, 1, __ATOMIC_SEQ_CST) == 0)
        kill(getpid(), SIGKILL);
}

static int fails(void) {
    int64_t left = __atomic_load_n(&control->fail_in, __ATOMIC_SEQ_CST);
    if (left <= 0 || __atomic_sub_fetch(&control->fail_in, 1, __ATOMIC_SEQ_CST) != 0) return 0;
    errno = EIO;
    return 1;
}

/* Takes room for `wanted` bytes; gives how many there are. */
static uint64_t take_room(uint64_t wanted) {
    int64_t room = __atomic_load_n(&control->room, __ATOMIC_SEQ_CST);
    if (room < 0) return wanted;
    uint64_t got = wanted < (uint64_t)room ? wanted : (uint64_t)room;
    /* The test may have given room meanwhile: then that stands. */
    __atomic_compare_exchange_n(&control->room, &room, room - (int64_t)got, 0, __ATOMIC_SEQ_CST,
                                __ATOMIC_SEQ_CST);
    return got;
}

/* ---- start ------------------------------------------------------------------------------ */

__attribute__((constructor)) static void start(void) {
    const char *of = getenv("COMITY_FAULT_ROOT"), *to = getenv("COMITY_FAULT_LOG");
    char path[PATH_MAX + 16];
    struct stat st;
    if (!of || !to) return;
    lies = getenv("COMITY_FAULT_LIES") != NULL;
    if (!realpath(of, root) || stat(root, &st)) stop("COMITY_FAULT_ROOT");
    root_length = strlen(root);
    device = st.st_dev;
    snprintf(kept, sizeof kept, "%s/kept", to);
    snprintf(path, sizeof path, "%s/log", to);
    int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    /* Out of the way of programs that count on low numbers. */
    log_fd = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 700);
    if (log_fd < 0) stop("opening the log");
    close(fd);
    snprintf(path, sizeof path, "%s/control", to);
    fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0);
    if (fd < 0) stop("opening the control file");
    control = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (control == MAP_FAILED) stop("mapping the control file");
    close(fd);
    lock();
    trim_log();
    unlock();
    ready = 1;
}

/* ---- contents --------------------------------------------------------------------------- */

/*
 * Before a write of `length` bytes at `offset` (negative: at the file's position): notes what is
 * replaced. Gives how many bytes may be written, or -1. Locks when it gives more than 0.
 */
static ssize_t before_write(int fd, const struct stat *seen, off_t offset, size_t length) {
    int flags = fcntl(fd, F_GETFL);
    struct stat st = *seen;
    called();
    if (fails()) return -1;
    lock();
    if (fstat(fd, &st)) stop("a file's size");
    uint64_t size = (uint64_t)st.st_size;
    uint64_t from = (uint64_t)(offset >= 0 ? offset : lseek(fd, 0, SEEK_CUR));
    if (flags & O_APPEND) from = size;
    uint64_t until = from + length;
    if (until > size) {
        uint64_t start = from > size ? from : size;
        until = start + take_room(until - start);
        if (until <= from) {
            unlock();
            errno = ENOSPC;
            return -1;
        }
    }
    int reading = fd;
    /* Only for files opened write-only: closing a second descriptor would drop the process's
       POSIX locks on a file, and SQLite, which has such locks, opens for reading and writing. */
    if ((flags & O_ACCMODE) == O_WRONLY && from < size) {
        char link[64];
        snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        reading = (int)syscall(SYS_openat, AT_FDCWD, link, O_RDONLY | O_CLOEXEC, 0);
        if (reading < 0) stop("reading what a write replaces");
    }
    if (until > size) note(SIZED, st.st_ino, size, 0, NULL, NULL);
    note_bytes(WRITTEN, reading, st.st_ino, from, until, size);
    if (reading != fd) syscall(SYS_close, reading);
    return (ssize_t)(until - from);
}

static ssize_t write_one(int fd, const void *bytes, size_t length, off_t offset) {
    struct stat st;
    ssize_t may = (ssize_t)length;
    int mine = length > 0 && ours(fd, &st) && S_ISREG(st.st_mode);
    if (mine && (may = before_write(fd, &st, offset, length)) < 0) return -1;
    ssize_t n = offset >= 0 ? syscall(SYS_pwrite64, fd, bytes, may, offset)
                            : syscall(SYS_write, fd, bytes, may);
    if (mine) unlock();
    return n;
}

static ssize_t write_many(int fd, const struct iovec *parts, int count, off_t offset) {
    struct stat st;
    if (!ours(fd, &st) || !S_ISREG(st.st_mode))
        return offset >= 0 ? syscall(SYS_pwritev, fd, parts, count, offset, 0)
                           : syscall(SYS_writev, fd, parts, count);
    size_t length = 0;
    for (int i = 0; i < count; i++) length += parts[i].iov_len;
    if (length == 0) return 0;
    ssize_t may = before_write(fd, &st, offset, length);
    if (may < 0) return -1;
    ssize_t n;
    if ((size_t)may == length) {
        n = offset >= 0 ? syscall(SYS_pwritev, fd, parts, count, offset, 0)
                        : syscall(SYS_writev, fd, parts, count);
    } else {
        /* Not all: the first part that has bytes, as far as there is room. */
        while (parts->iov_len == 0) parts++;
        size_t first = parts->iov_len < (size_t)may ? parts->iov_len : (size_t)may;
        n = offset >= 0 ? syscall(SYS_pwrite64, fd, parts->iov_base, first, offset)
                        : syscall(SYS_write, fd, parts->iov_base, first);
    }
    unlock();
    return n;
}

SEEN ssize_t write(int fd, const void *bytes, size_t length) {
    return write_one(fd, bytes, length, -1);
}
SEEN ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset) {
    if (offset < 0) return errno = EINVAL, -1;
    return write_one(fd, bytes, length, offset);
}
SEEN ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t offset) {
    return pwrite(fd, bytes, length, offset);
}
SEEN ssize_t writev(int fd, const struct iovec *parts, int count) {
    return write_many(fd, parts, count, -1);
}
SEEN ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset) {
    if (offset < 0) return errno = EINVAL, -1;
    return write_many(fd, parts, count, offset);
}
SEEN ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t offset) {
    return pwritev(fd, parts, count, offset);
}

/* Notes a change of size; with bytes that are cut off. The caller has locked. */
static void note_size(int fd, const struct stat *st, uint64_t size) {
    uint64_t old = (uint64_t)st->st_size;
    if (size == old) return;
    note(SIZED, st->st_ino, old, 0, NULL, NULL);
    if (size < old) note_bytes(CUT, fd, st->st_ino, size, old, old);
}

SEEN int ftruncate(int fd, off_t size) {
    struct stat st;
    if (size < 0 || !ours(fd, &st) || !S_ISREG(st.st_mode))
        return (int)syscall(SYS_ftruncate, fd, size);
    called();
    if (fails()) return -1;
    lock();
    int reading = fd;
    if (fstat(fd, &st)) stop("a file's size");
    if ((fcntl(fd, F_GETFL) & O_ACCMODE) == O_WRONLY && size < st.st_size) {
        char link[64];
        snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        reading = (int)syscall(SYS_openat, AT_FDCWD, link, O_RDONLY | O_CLOEXEC, 0);
        if (reading < 0) stop("reading what is cut off");
    }
    note_size(reading, &st, (uint64_t)size);
    if (reading != fd) syscall(SYS_close, reading);
    int result = (int)syscall(SYS_ftruncate, fd, size);
    unlock();
    return result;
}
SEEN int ftruncate64(int fd, off64_t size) { return ftruncate(fd, size); }

SEEN int truncate(const char *path, off_t size) {
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0) return -1;
    int result = ftruncate(fd, size), error = errno;
    close(fd);
    errno = error;
    return result;
}
SEEN int truncate64(const char *path, off64_t size) { return truncate(path, size); }

SEEN int fallocate(int fd, int mode, off_t offset, off_t length) {
    struct stat st;
    if (!ours(fd, &st) || !S_ISREG(st.st_mode))
        return (int)syscall(SYS_fallocate, fd, mode, offset, length);
    if (mode != 0) return errno = EOPNOTSUPP, -1;
    called();
    lock();
    int result = 0;
    if (fstat(fd, &st)) stop("a file's size");
    if (offset + length > st.st_size) {
        uint64_t grow = (uint64_t)(offset + length - st.st_size);
        if (take_room(grow) < grow) {
            errno = ENOSPC;
            result = -1;
        } else {
            note_size(fd, &st, (uint64_t)(offset + length));
            result = (int)syscall(SYS_ftruncate, fd, offset + length);
        }
    }
    unlock();
    return result;
}
SEEN int fallocate64(int fd, int mode, off64_t offset, off64_t length) {
    return fallocate(fd, mode, offset, length);
}
SEEN int posix_fallocate(int fd, off_t offset, off_t length) {
    return fallocate(fd, 0, offset, length) ? errno : 0;
}
SEEN int posix_fallocate64(int fd, off64_t offset, off64_t length) {
    return posix_fallocate(fd, offset, length);
}

/* Copies inside the kernel are refused for our files: programs then read and write. */
SEEN ssize_t copy_file_range(int in, off64_t *in_at, int out, off64_t *out_at, size_t length,
                             unsigned flags) {
    struct stat st;
    if (ours(out, &st)) return errno = ENOSYS, -1;
    return syscall(SYS_copy_file_range, in, in_at, out, out_at, length, flags);
}
SEEN ssize_t sendfile(int out, int in, off_t *at, size_t count) {
    struct stat st;
    if (ours(out, &st)) return errno = EINVAL, -1;
    return syscall(SYS_sendfile, out, in, at, count);
}
SEEN ssize_t sendfile64(int out, int in, off64_t *at, size_t count) {
    return sendfile(out, in, at, count);
}
SEEN ssize_t splice(int in, off64_t *in_at, int out, off64_t *out_at, size_t length,
                    unsigned flags) {
    struct stat st;
    if (ours(out, &st)) return errno = EINVAL, -1;
    return syscall(SYS_splice, in, in_at, out, out_at, length, flags);
}

/* ---- syncing ---------------------------------------------------------------------------- */

static int sync_with(long call, int fd) {
    struct stat st;
    if (!ours(fd, &st)) return (int)syscall(call, fd);
    called();
    if (fails()) return -1;
    lock();
    uint64_t until = log_end();
    unlock();
    int result = (int)syscall(call, fd);
    if (result == 0 && !lies) {
        lock();
        note(SYNCED, call == SYS_syncfs ? 0 : st.st_ino, until, 0, NULL, NULL);
        unlock();
    }
    return result;
}
SEEN int fsync(int fd) { return sync_with(SYS_fsync, fd); }
SEEN int fdatasync(int fd) { return sync_with(SYS_fdatasync, fd); }
SEEN int syncfs(int fd) { return sync_with(SYS_syncfs, fd); }

/* ---- names ------------------------------------------------------------------------------ */

static int open_with(int at, const char *path, int flags, mode_t mode) {
    struct name name;
    if (!(flags & (O_CREAT | O_TRUNC)) || (flags & O_TMPFILE) == O_TMPFILE ||
        !resolve(at, path, &name))
        return (int)syscall(SYS_openat, at, path, flags, mode);
    struct stat st;
    uint64_t position = 0;
    int created = 0;
    called();
    lock();
    int exists = stat(name.path, &st) == 0;
    if (!exists && (flags & O_CREAT)) {
        position = note(CREATED, name.folder, 0, 0, name.path, NULL);
        created = 1;
    } else if (exists && S_ISREG(st.st_mode) && (flags & O_TRUNC) && st.st_size > 0 &&
               (flags & O_ACCMODE) != O_RDONLY && (flags & (O_CREAT | O_EXCL)) != (O_CREAT | O_EXCL)) {
        int fd = (int)syscall(SYS_openat, AT_FDCWD, name.path, O_RDONLY | O_CLOEXEC, 0);
        if (fd < 0) stop("reading what is cut off");
        note_size(fd, &st, 0);
        syscall(SYS_close, fd);
    }
    int fd = (int)syscall(SYS_openat, at, path, flags, mode);
    if (fd < 0 && created) note_undone(position);
    unlock();
    return fd;
}

#define MODE(flags)                                         \
    mode_t mode = 0;                                        \
    if ((flags) & (O_CREAT | (O_TMPFILE & ~O_DIRECTORY))) { \
        va_list rest;                                       \
        va_start(rest, flags);                              \
        mode = va_arg(rest, mode_t);                        \
        va_end(rest);                                       \
    }
SEEN int open(const char *path, int flags, ...) {
    MODE(flags)
    return open_with(AT_FDCWD, path, flags, mode);
}
SEEN int open64(const char *path, int flags, ...) {
    MODE(flags)
    return open_with(AT_FDCWD, path, flags, mode);
}
SEEN int openat(int at, const char *path, int flags, ...) {
    MODE(flags)
    return open_with(at, path, flags, mode);
}
SEEN int openat64(int at, const char *path, int flags, ...) {
    MODE(flags)
    return open_with(at, path, flags, mode);
}
SEEN int creat(const char *path, mode_t mode) {
    return open_with(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}
SEEN int creat64(const char *path, mode_t mode) { return creat(path, mode); }

SEEN int mkdirat(int at, const char *path, mode_t mode) {
    struct name name;
    struct stat st;
    if (!resolve(at, path, &name) || lstat(name.path, &st) == 0)
        return (int)syscall(SYS_mkdirat, at, path, mode);
    called();
    if (__atomic_load_n(&control->room, __ATOMIC_SEQ_CST) == 0) return errno = ENOSPC, -1;
    lock();
    uint64_t position = note(CREATED, name.folder, 1, 0, name.path, NULL);
    int result = (int)syscall(SYS_mkdirat, at, path, mode);
    if (result) note_undone(position);
    unlock();
    return result;
}
SEEN int mkdir(const char *path, mode_t mode) { return mkdirat(AT_FDCWD, path, mode); }

SEEN int unlinkat(int at, const char *path, int flags) {
    struct name name;
    struct stat st;
    if (!resolve(at, path, &name) || lstat(name.path, &st) || S_ISLNK(st.st_mode))
        return (int)syscall(SYS_unlinkat, at, path, flags);
    called();
    lock();
    uint64_t position;
    int folder = flags & AT_REMOVEDIR, file = !folder && S_ISREG(st.st_mode);
    if (file) {
        position = note(UNLINKED, name.folder, st.st_ino, 0, name.path, NULL);
        keep(name.path, position);
    } else {
        position = note(REMOVED, name.folder, 0, 0, name.path, NULL);
    }
    int result = (int)syscall(SYS_unlinkat, at, path, flags);
    if (result) {
        note_undone(position);
        if (file) unkeep(position);
    }
    unlock();
    return result;
}
SEEN int unlink(const char *path) { return unlinkat(AT_FDCWD, path, 0); }
SEEN int rmdir(const char *path) { return unlinkat(AT_FDCWD, path, AT_REMOVEDIR); }
SEEN int remove(const char *path) {
    if (unlink(path) == 0) return 0;
    return errno == EISDIR ? rmdir(path) : -1;
}

SEEN int renameat2(int from_at, const char *from, int to_at, const char *to, unsigned flags) {
    struct name old, new;
    struct stat moved, taken;
    int known = resolve(from_at, from, &old);
    if (!resolve(to_at, to, &new) || !known || lstat(old.path, &moved))
        return (int)syscall(SYS_renameat2, from_at, from, to_at, to, flags);
    /* Only what programs of ours use. */
    if (flags & ~(unsigned)RENAME_NOREPLACE) return errno = EINVAL, -1;
    called();
    lock();
    int over = !(flags & RENAME_NOREPLACE) && lstat(new.path, &taken) == 0 &&
               S_ISREG(taken.st_mode) && taken.st_ino != moved.st_ino;
    uint64_t position =
        note(RENAMED, new.folder, moved.st_ino, (uint64_t)over, old.path, new.path);
    if (over) keep(new.path, position);
    int result = (int)syscall(SYS_renameat2, from_at, from, to_at, to, flags);
    if (result) {
        note_undone(position);
        if (over) unkeep(position);
    }
    unlock();
    return result;
}
SEEN int renameat(int from_at, const char *from, int to_at, const char *to) {
    return renameat2(from_at, from, to_at, to, 0);
}
SEEN int rename(const char *from, const char *to) {
    return renameat2(AT_FDCWD, from, AT_FDCWD, to, 0);
}

SEEN int linkat(int from_at, const char *from, int to_at, const char *to, int flags) {
    struct name new;
    struct stat st;
    if (!resolve(to_at, to, &new) || fstatat(from_at, from, &st, flags & AT_EMPTY_PATH))
        return (int)syscall(SYS_linkat, from_at, from, to_at, to, flags);
    called();
    lock();
    uint64_t position = note(LINKED, new.folder, st.st_ino, 0, new.path, NULL);
    int result = (int)syscall(SYS_linkat, from_at, from, to_at, to, flags);
    if (result) note_undone(position);
    unlock();
    return result;
}
SEEN int link(const char *from, const char *to) {
    return linkat(AT_FDCWD, from, AT_FDCWD, to, 0);
}
