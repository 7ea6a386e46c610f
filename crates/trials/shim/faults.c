/*
 * Makes the n-th system call of a program fail, or kills the program there, and shifts its clock.
 *
 * The trials preload this (LD_PRELOAD) into the server as it is, and drive it through a small file that
 * both have in memory: `struct control`, whose other half is `shim.rs`. Two variables say where:
 *
 *   FAULTS_CONTROL  the file
 *   FAULTS_BELOW    the directory; calls that touch a file below it count, but not those for
 *                   standard input, output and error
 *
 * Calls on sockets count when the other end has the port that the control file names. All else goes
 * through untouched. Linux and glibc only; see docs/adr/0020-a-preloaded-shim.md.
 */
#define _GNU_SOURCE
#define _LARGEFILE64_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

/* What shim.rs writes and reads, as numbers of 64 bits in the machine's own order. */
struct control {
    int64_t kinds;   /* which calls count: the kinds below, added up */
    int64_t nth;     /* at which of them it happens, from 1; 0 only counts */
    int64_t how;     /* what happens: one of those below */
    int64_t error;   /* the errno of a call that fails */
    int64_t lasting; /* whether all later ones fail too */
    int64_t count;   /* how many there were so far */
    int64_t fired;   /* how many of them it happened to */
    int64_t shift;   /* how many seconds the clock is ahead */
    int64_t port;    /* of the database */
};

enum kind { WRITE = 1, SYNC = 2, SIZE = 4, NAME = 8, READ = 16, SEND = 32, RECEIVE = 64, CONNECT = 128 };

enum how {
    PASS = 0,
    FAIL = 1,        /* nothing is done, and an error reported */
    FAIL_HALF = 2,   /* half of what is to be written is written; the rest, tried again, fails */
    FAIL_AFTER = 3,  /* all is done, and an error reported */
    KILL_BEFORE = 4, /* SIGKILL, before anything is done */
    KILL_HALF = 5,   /* when half of what is to be written is written */
    KILL_AFTER = 6,  /* when all is done */
};

static struct control *control;
static char below[4096];
static size_t below_length;

/* The function of the C library that one of ours stands before. */
#define REAL(name)                                                                                           \
    static __typeof__(name) *real;                                                                           \
    if (!real) real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

__attribute__((constructor)) static void begin(void)
{
    const char *file = getenv("FAULTS_CONTROL");
    const char *directory = getenv("FAULTS_BELOW");
    if (!file || !directory) return;
    int fd = open(file, O_RDWR | O_CLOEXEC);
    void *memory = fd < 0 ? MAP_FAILED
                          : mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED || strlen(directory) >= sizeof below) {
        /* A trial without its faults would find nothing, and say that all is well. */
        fprintf(stderr, "faults: %s can't be used: %s\n", file, strerror(errno));
        abort();
    }
    close(fd);
    strcpy(below, directory);
    below_length = strlen(below);
    __atomic_store_n(&control, memory, __ATOMIC_RELEASE);
}

static int counts(enum kind kind)
{
    return control && (__atomic_load_n(&control->kinds, __ATOMIC_ACQUIRE) & kind) != 0;
}

static int is_below(const char *path)
{
    return strncmp(path, below, below_length) == 0 && path[below_length] == '/';
}

static int is_file_below(int fd)
{
    char link[64], path[4096];
    if (fd <= STDERR_FILENO) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return is_below(path);
}

static int has_port(const struct sockaddr *address)
{
    uint16_t port = 0;
    if (address->sa_family == AF_INET) port = ((const struct sockaddr_in *)address)->sin_port;
    if (address->sa_family == AF_INET6) port = ((const struct sockaddr_in6 *)address)->sin6_port;
    return control->port != 0 && ntohs(port) == control->port;
}

static int is_to_database(int fd)
{
    struct sockaddr_storage address;
    socklen_t length = sizeof address;
    memset(&address, 0, sizeof address);
    if (getpeername(fd, (struct sockaddr *)&address, &length) != 0) return 0;
    return has_port((struct sockaddr *)&address);
}

/* Counts a call, and gives what is to happen to it. */
static enum how next(void)
{
    int64_t count = __atomic_add_fetch(&control->count, 1, __ATOMIC_ACQ_REL);
    int64_t nth = control->nth;
    if (nth == 0 || count < nth || (count > nth && !control->lasting)) return PASS;
    __atomic_add_fetch(&control->fired, 1, __ATOMIC_ACQ_REL);
    /* What is left of a disk that fills up takes half of one write, and nothing more. */
    if (control->how == FAIL_HALF && count > nth) return FAIL;
    return (enum how)control->how;
}

static void die(void)
{
    kill(getpid(), SIGKILL);
    for (;;) pause();
}

static int fail(void)
{
    errno = (int)control->error;
    return -1;
}

static enum how at_file(int fd, enum kind kind)
{
    return counts(kind) && is_file_below(fd) ? next() : PASS;
}

static enum how at_name(const char *path)
{
    return counts(NAME) && is_below(path) ? next() : PASS;
}

/*
 * A call that moves `size` bytes: `part` does it for the first `amount` of them. Where the half is to be
 * written, the caller is told so and tries the rest, which fails.
 */
#define MOVE(fate, size, part, on_failure)                                                                    \
    do {                                                                                                     \
        enum how todo = (fate);                                                                              \
        size_t amount = (size);                                                                              \
        ssize_t done;                                                                                        \
        if (todo == KILL_BEFORE) die();                                                                      \
        if (todo == FAIL) { on_failure; return fail(); }                                                     \
        if (todo == FAIL_HALF || todo == KILL_HALF) amount /= 2;                                             \
        if (todo == FAIL_HALF && amount == 0) { on_failure; return fail(); }                                 \
        done = (part);                                                                                       \
        if (todo == KILL_HALF || todo == KILL_AFTER) die();                                                  \
        if (todo == FAIL_AFTER) { on_failure; return fail(); }                                               \
        return done;                                                                                         \
    } while (0)

/* A call that is done or not. */
#define DO(fate, call)                                                                                        \
    do {                                                                                                     \
        enum how todo = (fate);                                                                              \
        if (todo == KILL_BEFORE || todo == KILL_HALF) die();                                                 \
        if (todo == FAIL || todo == FAIL_HALF) return fail();                                                \
        int done = (call);                                                                                   \
        if (todo == KILL_AFTER) die();                                                                       \
        if (todo == FAIL_AFTER) return fail();                                                               \
        return done;                                                                                         \
    } while (0)

ssize_t write(int fd, const void *bytes, size_t size)
{
    REAL(write);
    MOVE(at_file(fd, WRITE), size, real(fd, bytes, amount), (void)0);
}

ssize_t pwrite64(int fd, const void *bytes, size_t size, off64_t at)
{
    REAL(pwrite64);
    MOVE(at_file(fd, WRITE), size, real(fd, bytes, amount, at), (void)0);
}

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t at)
{
    return pwrite64(fd, bytes, size, at);
}

/* Of several pieces the first alone counts as the half. */
ssize_t writev(int fd, const struct iovec *pieces, int number)
{
    REAL(writev);
    enum how how = at_file(fd, WRITE);
    int half = (how == FAIL_HALF || how == KILL_HALF) && number > 1;
    MOVE(how, 2, real(fd, pieces, half || amount == 1 ? 1 : number), (void)0);
}

ssize_t pread64(int fd, void *bytes, size_t size, off64_t at)
{
    REAL(pread64);
    enum how how = at_file(fd, READ);
    if (how == FAIL_HALF) how = FAIL;
    MOVE(how, size, real(fd, bytes, amount, at), (void)0);
}

ssize_t pread(int fd, void *bytes, size_t size, off_t at)
{
    return pread64(fd, bytes, size, at);
}

int fsync(int fd)
{
    REAL(fsync);
    DO(at_file(fd, SYNC), real(fd));
}

int fdatasync(int fd)
{
    REAL(fdatasync);
    DO(at_file(fd, SYNC), real(fd));
}

int ftruncate64(int fd, off64_t size)
{
    REAL(ftruncate64);
    DO(at_file(fd, SIZE), real(fd, size));
}

int ftruncate(int fd, off_t size)
{
    return ftruncate64(fd, size);
}

#define OPEN(name)                                                                                           \
    REAL(name);                                                                                              \
    mode_t mode = 0;                                                                                         \
    if (flags & (O_CREAT | __O_TMPFILE)) {                                                                   \
        va_list rest;                                                                                        \
        va_start(rest, flags);                                                                               \
        mode = va_arg(rest, mode_t);                                                                         \
        va_end(rest);                                                                                        \
    }                                                                                                        \
    DO(flags &O_CREAT ? at_name(path) : PASS, real(path, flags, mode))

int open(const char *path, int flags, ...)
{
    OPEN(open);
}

int open64(const char *path, int flags, ...)
{
    OPEN(open64);
}

int unlink(const char *path)
{
    REAL(unlink);
    DO(at_name(path), real(path));
}

int rename(const char *from, const char *to)
{
    REAL(rename);
    DO(at_name(to), real(from, to));
}

int linkat(int from_directory, const char *from, int to_directory, const char *to, int flags)
{
    REAL(linkat);
    DO(at_name(to), real(from_directory, from, to_directory, to, flags));
}

int mkdir(const char *path, mode_t mode)
{
    REAL(mkdir);
    DO(at_name(path), real(path, mode));
}

/* A connection that fails is gone at both ends. */
static enum how at_socket(int fd, enum kind kind)
{
    return counts(kind) && is_to_database(fd) ? next() : PASS;
}

ssize_t send(int fd, const void *bytes, size_t size, int flags)
{
    REAL(send);
    MOVE(at_socket(fd, SEND), size, real(fd, bytes, amount, flags), shutdown(fd, SHUT_RDWR));
}

ssize_t recv(int fd, void *bytes, size_t size, int flags)
{
    REAL(recv);
    enum how how = at_socket(fd, RECEIVE);
    if (how == FAIL_HALF) how = FAIL;
    MOVE(how, size, real(fd, bytes, amount, flags), shutdown(fd, SHUT_RDWR));
}

int connect(int fd, const struct sockaddr *address, socklen_t length)
{
    REAL(connect);
    DO(counts(CONNECT) && has_port(address) ? next() : PASS, real(fd, address, length));
}

static time_t shift(void)
{
    return control ? (time_t)__atomic_load_n(&control->shift, __ATOMIC_ACQUIRE) : 0;
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    REAL(clock_gettime);
    int done = real(clock, now);
    if (done == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) now->tv_sec += shift();
    return done;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    REAL(gettimeofday);
    int done = real(now, zone);
    if (done == 0) now->tv_sec += shift();
    return done;
}

time_t time(time_t *to)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (to) *to = now.tv_sec;
    return now.tv_sec;
}
