// Records what a process does to the files below the folder RECORDED_FOLDER, in the order in which it
// does so: writes, truncations, changes of names, and syncs with their beginning and their end. Loaded
// with LD_PRELOAD; appends to the file RECORDING. recording.ts reads it.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

// In the order of EVENT_KINDS in recording.ts.
enum { MARK, WRITE, TRUNCATE, SYNC_BEGIN, SYNC_END, CREATE, LINK, RENAME, UNLINK, MKDIR };

struct head {
  uint32_t kind;
  uint32_t text_length;
  uint64_t file;    // the number of the inode
  uint64_t offset;  // of a write; the length of a truncation; the thread of a sync
  uint64_t data_length;
};

static const char *folder;
static size_t folder_length;
static int recording = -1;
// What happens and what is recorded are in one order.
static pthread_mutex_t order = PTHREAD_MUTEX_INITIALIZER;

__attribute__((constructor)) static void start(void) {
  const char *path = getenv("RECORDING");
  folder = getenv("RECORDED_FOLDER");
  if (path == NULL || folder == NULL) return;
  folder_length = strlen(folder);
  int file = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  recording = fcntl(file, F_DUPFD_CLOEXEC, 500);
  close(file);
  if (recording < 0) abort();
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static int is_recorded(const char *path) {
  return recording >= 0 && strncmp(path, folder, folder_length) == 0;
}

// Returns the number of an open file's inode, and its path; 0 if it is not recorded.
static uint64_t find_file(int fd, char path[PATH_MAX]) {
  char link[40];
  struct stat found;
  path[0] = 0;
  if (recording < 0) return 0;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, PATH_MAX - 1);
  if (length < 0) return 0;
  path[length] = 0;
  return is_recorded(path) && fstat(fd, &found) == 0 ? found.st_ino : 0;
}

static void record(struct head head, const char *text, const struct iovec *data, int count) {
  struct iovec parts[2 + count];
  size_t left = head.data_length;
  size_t all = sizeof head + head.text_length + left;
  int used = 2;
  parts[0] = (struct iovec){&head, sizeof head};
  parts[1] = (struct iovec){(void *)text, head.text_length};
  for (int n = 0; n < count && left > 0; n++) {
    size_t length = data[n].iov_len < left ? data[n].iov_len : left;
    parts[used++] = (struct iovec){data[n].iov_base, length};
    left -= length;
  }
  if (syscall(SYS_writev, recording, parts, used) != (ssize_t)all) abort();
}

static void record_write(int fd, off_t offset, const struct iovec *data, int count, ssize_t written) {
  char path[PATH_MAX];
  uint64_t file = written > 0 ? find_file(fd, path) : 0;
  if (file == 0) return;
  if (offset < 0) offset = lseek(fd, 0, SEEK_CUR) - written;
  record((struct head){WRITE, 0, file, offset, written}, "", data, count);
}

#define WRITES(name, parameters, arguments, offset, ...)                     \
  ssize_t name parameters {                                                 \
    pthread_mutex_lock(&order);                                             \
    ssize_t written = REAL(name) arguments;                                 \
    record_write(fd, offset, __VA_ARGS__, written);                         \
    pthread_mutex_unlock(&order);                                           \
    return written;                                                         \
  }
#define ONE (&(struct iovec){(void *)bytes, length}), 1

WRITES(write, (int fd, const void *bytes, size_t length),
       (fd, bytes, length), -1, ONE)
WRITES(pwrite, (int fd, const void *bytes, size_t length, off_t at),
       (fd, bytes, length, at), at, ONE)
WRITES(pwrite64, (int fd, const void *bytes, size_t length, off64_t at),
       (fd, bytes, length, at), at, ONE)
WRITES(writev, (int fd, const struct iovec *data, int count),
       (fd, data, count), -1, data, count)
WRITES(pwritev, (int fd, const struct iovec *data, int count, off_t at),
       (fd, data, count, at), at, data, count)
WRITES(pwritev64, (int fd, const struct iovec *data, int count, off64_t at),
       (fd, data, count, at), at, data, count)

static void record_truncation(int fd, off_t length) {
  char path[PATH_MAX];
  uint64_t file = find_file(fd, path);
  if (file != 0) record((struct head){TRUNCATE, 0, file, length, 0}, "", NULL, 0);
}

#define TRUNCATES(name, type)                                               \
  int name(int fd, type length) {                                           \
    pthread_mutex_lock(&order);                                             \
    int failed = REAL(name)(fd, length);                                    \
    if (!failed) record_truncation(fd, length);                             \
    pthread_mutex_unlock(&order);                                           \
    return failed;                                                          \
  }
TRUNCATES(ftruncate, off_t)
TRUNCATES(ftruncate64, off64_t)

#define SYNCS(name)                                                         \
  int name(int fd) {                                                        \
    char path[PATH_MAX];                                                    \
    uint64_t file = find_file(fd, path);                                    \
    struct head head = {SYNC_BEGIN, strlen(path), file, syscall(SYS_gettid), 0};       \
    if (file != 0) record(head, path, NULL, 0);                             \
    int failed = REAL(name)(fd);                                            \
    head.kind = SYNC_END;                                                   \
    if (file != 0 && !failed) record(head, path, NULL, 0);                  \
    return failed;                                                          \
  }
SYNCS(fsync)
SYNCS(fdatasync)

static void record_open(int fd, int flags, int existed) {
  char path[PATH_MAX];
  uint64_t file = find_file(fd, path);
  if (file == 0) return;
  if (!existed) record((struct head){CREATE, strlen(path), file, 0, 0}, path, NULL, 0);
  else if (flags & O_TRUNC) record((struct head){TRUNCATE, 0, file, 0, 0}, "", NULL, 0);
}

#define OPENS(name)                                                         \
  int name(const char *path, int flags, ...) {                              \
    va_list rest;                                                           \
    va_start(rest, flags);                                                  \
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0; \
    va_end(rest);                                                           \
    if (!(flags & (O_CREAT | O_TRUNC))) return REAL(name)(path, flags, mode); \
    pthread_mutex_lock(&order);                                             \
    int existed = access(path, F_OK) == 0;                                  \
    int fd = REAL(name)(path, flags, mode);                                 \
    if (fd >= 0) record_open(fd, flags, existed);                           \
    pthread_mutex_unlock(&order);                                           \
    return fd;                                                              \
  }
OPENS(open)
OPENS(open64)

// The text is the path, or two paths with a line break between them.
static void record_name(uint32_t kind, const char *path, const char *other) {
  char text[2 * PATH_MAX + 2];
  if (!is_recorded(path)) return;
  int length = snprintf(text, sizeof text, "%s%s%s", path, *other ? "\n" : "", other);
  record((struct head){kind, length, 0, 0, 0}, text, NULL, 0);
}

#define NAMES(name, kind, parameters, arguments, path, other)               \
  int name parameters {                                                     \
    pthread_mutex_lock(&order);                                             \
    int failed = REAL(name) arguments;                                      \
    if (!failed) record_name(kind, path, other);                            \
    pthread_mutex_unlock(&order);                                           \
    return failed;                                                          \
  }
NAMES(link, LINK, (const char *from, const char *to), (from, to), from, to)
NAMES(rename, RENAME, (const char *from, const char *to), (from, to), from, to)
NAMES(unlink, UNLINK, (const char *path), (path), path, "")
NAMES(remove, UNLINK, (const char *path), (path), path, "")
NAMES(mkdir, MKDIR, (const char *path, mode_t mode), (path, mode), path, "")
