/*
 * Disk faults for a process under test: loaded with LD_PRELOAD, it stands between the program (its bundled SQLite too) and
 * the calls that write to and sync files. Everything is off until a variable switches it on.
 *
 *   FAULTS_MATCH            Only files whose path contains this text are touched and counted. Default: every regular file.
 *   FAULTS_SYNCS_ONLY       When set, writes are neither counted nor made to fail, and cost nothing more than without this library: for
 *                           measurements.
 *   FAULTS_STATE            A file of sixteen 64-bit words in the machine's byte order (see `enum word`), made when missing.
 *                           Another process reads the counters from it, and changes the faults by writing to it, while the
 *                           program runs. A word that is not zero when the program starts wins over its variable.
 *   FAULTS_FSYNC_DELAY_US   Each fsync and fdatasync takes this many microseconds and does not reach the disk: the same cost
 *                           on every machine.
 *   FAULTS_FSYNC_EIO_AT     The n-th fsync (from 1) fails with EIO and syncs nothing. Later ones work again.
 *   FAULTS_ENOSPC_AFTER     Once this many bytes were written, each further write fails with ENOSPC. Writing 0 to the word
 *                           makes room again.
 *   FAULTS_READ_ONLY        When 1, files cannot be opened for writing, made, or written to: EROFS, as on a file system that is
 *                           mounted read-only, or that the system made so after an error.
 *   FAULTS_CLOCK_OFFSET_S   The wall clock is this many seconds ahead, or behind when negative. Clocks that measure time are left
 *                           alone, as they are when somebody sets a machine's clock.
 *   FAULTS_POWER_LOSS_DIR   After each successful fsync the file is copied to this directory under its own name. What lies
 *                           there when the program is killed is what a machine without power would have kept. A file that
 *                           was deleted leaves there when its directory is synced.
 *
 * Build: cc -shared -fPIC -O2 -o libfaults.so faults.c -ldl -lpthread
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

/* Words of the state file; src/preload.rs has the same list. */
enum word {
    FSYNCS = 0,         /* counter: fsync and fdatasync calls */
    WRITES = 1,         /* counter: write calls that succeeded */
    BYTES_WRITTEN = 2,  /* counter: bytes they wrote */
    FAILURES = 3,       /* counter: calls that were made to fail */
    FSYNC_DELAY_US = 8, /* control: see the variables above */
    FSYNC_EIO_AT = 9,
    ENOSPC_AFTER = 10,
    CLOCK_OFFSET_S = 11, /* signed */
    READ_ONLY = 12,
    WORDS = 16
};

static uint64_t words_without_a_file[WORDS];
static uint64_t *words = words_without_a_file;
static const char *match;
static int syncs_only;
static const char *power_loss_dir;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_mutex_t copying = PTHREAD_MUTEX_INITIALIZER;
static char copied[64][4096]; /* files that were copied */
static int copied_count;

static int (*real_fsync)(int);
static int (*real_fdatasync)(int);
static ssize_t (*real_write)(int, const void *, size_t);
static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);
static ssize_t (*real_pwrite64)(int, const void *, size_t, off64_t);
static ssize_t (*real_writev)(int, const struct iovec *, int);
static int (*real_clock_gettime)(clockid_t, struct timespec *);
static int (*real_open)(const char *, int, ...);
static int (*real_open64)(const char *, int, ...);

static void control(enum word word, const char *name)
{
    const char *text = getenv(name);
    if (text && words[word] == 0)
        words[word] = (uint64_t)strtoll(text, NULL, 10);
}

static void start(void)
{
    real_fsync = dlsym(RTLD_NEXT, "fsync");
    real_fdatasync = dlsym(RTLD_NEXT, "fdatasync");
    real_write = dlsym(RTLD_NEXT, "write");
    real_pwrite = dlsym(RTLD_NEXT, "pwrite");
    real_pwrite64 = dlsym(RTLD_NEXT, "pwrite64");
    real_writev = dlsym(RTLD_NEXT, "writev");
    real_clock_gettime = dlsym(RTLD_NEXT, "clock_gettime");
    real_open = dlsym(RTLD_NEXT, "open");
    real_open64 = dlsym(RTLD_NEXT, "open64");
    match = getenv("FAULTS_MATCH");
    syncs_only = getenv("FAULTS_SYNCS_ONLY") != NULL;
    power_loss_dir = getenv("FAULTS_POWER_LOSS_DIR");
    const char *state = getenv("FAULTS_STATE");
    if (state) {
        int fd = real_open(state, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (fd >= 0 && ftruncate(fd, WORDS * sizeof(uint64_t)) == 0) {
            void *map = mmap(NULL, WORDS * sizeof(uint64_t), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
            if (map != MAP_FAILED)
                words = map;
        }
        if (words == words_without_a_file) {
            fprintf(stderr, "faults: cannot use FAULTS_STATE %s: %s\n", state, strerror(errno));
            abort();
        }
        close(fd);
    }
    control(FSYNC_DELAY_US, "FAULTS_FSYNC_DELAY_US");
    control(FSYNC_EIO_AT, "FAULTS_FSYNC_EIO_AT");
    control(ENOSPC_AFTER, "FAULTS_ENOSPC_AFTER");
    control(CLOCK_OFFSET_S, "FAULTS_CLOCK_OFFSET_S");
    control(READ_ONLY, "FAULTS_READ_ONLY");
}

__attribute__((constructor)) static void loaded(void)
{
    pthread_once(&once, start);
}

/* The path behind a descriptor when it is a regular file that the faults are for. */
static int concerned(int fd, char path[4096])
{
    struct stat st;
    pthread_once(&once, start);
    int before = errno;
    int yes = 0;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
        char link[64];
        snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        ssize_t n = readlink(link, path, 4095);
        if (n > 0) {
            path[n] = '\0';
            yes = match == NULL || strstr(path, match) != NULL;
        }
    }
    errno = before;
    return yes;
}

static uint64_t add(enum word word, uint64_t n)
{
    return __atomic_add_fetch(&words[word], n, __ATOMIC_SEQ_CST);
}

static uint64_t get(enum word word)
{
    return __atomic_load_n(&words[word], __ATOMIC_SEQ_CST);
}

static int fail(int error)
{
    add(FAILURES, 1);
    errno = error;
    return -1;
}

static void pause_for(uint64_t microseconds)
{
    static __thread int precise;
    if (!precise) {
        prctl(PR_SET_TIMERSLACK, 1UL, 0, 0, 0);
        precise = 1;
    }
    struct timespec left = {microseconds / 1000000, (microseconds % 1000000) * 1000};
    while (nanosleep(&left, &left) != 0 && errno == EINTR)
        ;
}

/*
 * Copies the file as it now is, and puts the copy in its place in one step, so that a kill leaves the old or the new one. Reads
 * through the program's own descriptor where that can be read: closing another one would take away the program's locks.
 */
static void keep_copy(const char *path, int fd)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    char kept[8192], making[8192];
    snprintf(kept, sizeof kept, "%s/%s", power_loss_dir, name);
    snprintf(making, sizeof making, "%s/.%s.making", power_loss_dir, name);
    pthread_mutex_lock(&copying);
    int own = (fcntl(fd, F_GETFL) & O_ACCMODE) == O_WRONLY ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    int from = own >= 0 ? own : fd;
    off_t at = 0;
    int to = open(making, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    int whole = to >= 0;
    char block[65536];
    while (whole) {
        ssize_t n = pread(from, block, sizeof block, at);
        if (n == 0)
            break;
        at += n;
        whole = n > 0 && real_write(to, block, (size_t)n) == n;
    }
    if (own >= 0)
        close(own);
    if (to >= 0)
        close(to);
    if (whole)
        rename(making, kept);
    int known = 0;
    while (known < copied_count && strcmp(copied[known], path) != 0)
        known++;
    if (known == copied_count && known < (int)(sizeof copied / sizeof copied[0]))
        snprintf(copied[copied_count++], sizeof copied[0], "%s", path);
    pthread_mutex_unlock(&copying);
}

/* Forgets the copies of files that are no longer in this directory: its sync made their deletion last. */
static void forget_deleted(int fd)
{
    char link[64], directory[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, directory, sizeof directory - 1);
    if (n <= 0)
        return;
    directory[n] = '\0';
    pthread_mutex_lock(&copying);
    for (int i = 0; i < copied_count; i++) {
        const char *slash = strrchr(copied[i], '/');
        if (!slash || (size_t)(slash - copied[i]) != (size_t)n || strncmp(copied[i], directory, (size_t)n) != 0)
            continue;
        if (access(copied[i], F_OK) != 0 && errno == ENOENT) {
            char kept[8192];
            snprintf(kept, sizeof kept, "%s/%s", power_loss_dir, slash + 1);
            unlink(kept);
        }
    }
    pthread_mutex_unlock(&copying);
}

static int sync_file(int fd, int (*real)(int))
{
    char path[4096];
    if (!concerned(fd, path)) {
        int result = real(fd);
        if (result == 0 && power_loss_dir)
            forget_deleted(fd);
        return result;
    }
    uint64_t nth = add(FSYNCS, 1);
    if (nth == get(FSYNC_EIO_AT))
        return fail(EIO);
    uint64_t delay = get(FSYNC_DELAY_US);
    int result = 0;
    if (delay)
        pause_for(delay);
    else
        result = real(fd);
    if (result == 0 && power_loss_dir) {
        int before = errno;
        keep_copy(path, fd);
        errno = before;
    }
    return result;
}

int fsync(int fd)
{
    pthread_once(&once, start);
    return sync_file(fd, real_fsync);
}

int fdatasync(int fd)
{
    pthread_once(&once, start);
    return sync_file(fd, real_fdatasync);
}

static int no_room(void)
{
    uint64_t after = get(ENOSPC_AFTER);
    return after != 0 && get(BYTES_WRITTEN) >= after;
}

/* Whether a write to this file is counted and may fail. */
static int counted(int fd)
{
    char path[4096];
    pthread_once(&once, start);
    return !syncs_only && concerned(fd, path);
}

/* Why a write to a file that is counted cannot be made; 0 when it can. */
static int refusal(void)
{
    if (get(READ_ONLY))
        return EROFS;
    return no_room() ? ENOSPC : 0;
}

static ssize_t wrote(ssize_t n)
{
    if (n > 0) {
        add(WRITES, 1);
        add(BYTES_WRITTEN, (uint64_t)n);
    }
    return n;
}

ssize_t write(int fd, const void *from, size_t n)
{
    if (!counted(fd))
        return real_write(fd, from, n);
    int error = refusal();
    return error ? fail(error) : wrote(real_write(fd, from, n));
}

ssize_t pwrite(int fd, const void *from, size_t n, off_t at)
{
    if (!counted(fd))
        return real_pwrite(fd, from, n, at);
    int error = refusal();
    return error ? fail(error) : wrote(real_pwrite(fd, from, n, at));
}

ssize_t pwrite64(int fd, const void *from, size_t n, off64_t at)
{
    if (!counted(fd))
        return real_pwrite64(fd, from, n, at);
    int error = refusal();
    return error ? fail(error) : wrote(real_pwrite64(fd, from, n, at));
}

ssize_t writev(int fd, const struct iovec *from, int count)
{
    if (!counted(fd))
        return real_writev(fd, from, count);
    int error = refusal();
    return error ? fail(error) : wrote(real_writev(fd, from, count));
}

/* Whether opening this path so is an attempt to write on a file system that is read-only. */
static int writes_to_read_only(const char *path, int flags)
{
    pthread_once(&once, start);
    return get(READ_ONLY) && ((flags & O_ACCMODE) != O_RDONLY || (flags & O_CREAT)) && (match == NULL || strstr(path, match) != NULL);
}

int open(const char *path, int flags, ...)
{
    va_list rest;
    va_start(rest, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    return writes_to_read_only(path, flags) ? fail(EROFS) : real_open(path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
    va_list rest;
    va_start(rest, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    return writes_to_read_only(path, flags) ? fail(EROFS) : real_open64(path, flags, mode);
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    pthread_once(&once, start);
    int result = real_clock_gettime(clock, now);
    if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        now->tv_sec += (time_t)(int64_t)get(CLOCK_OFFSET_S);
    return result;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    struct timespec wall;
    (void)zone; /* obsolete, and nobody asks for it */
    if (clock_gettime(CLOCK_REALTIME, &wall) != 0)
        return -1;
    now->tv_sec = wall.tv_sec;
    now->tv_usec = wall.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *also)
{
    struct timespec wall;
    if (clock_gettime(CLOCK_REALTIME, &wall) != 0)
        return (time_t)-1;
    if (also)
        *also = wall.tv_sec;
    return wall.tv_sec;
}
