/* What it costs to send at a rate, apart from the producer: threads that must wake up for it. */
#define _GNU_SOURCE
#include "limit.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/eventfd.h>

/* Calls `record` RATE times a second, in bursts of a millisecond as peers/peer.h does. Gives the
 * number of calls. */
static int64_t paced(double rate, double secs, void (*record)(void)) {
  if (secs > 60) secs = 60;
  int64_t n = (int64_t)(rate * secs), i = 0;
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  int64_t due = t.tv_sec * 1000000000LL + t.tv_nsec;
  for (int64_t tick = 0; i < n; tick++, due += 1000000) {
    t = (struct timespec){due / 1000000000, due % 1000000000};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
    for (; i < n && i < (int64_t)((tick + 1) * rate / 1000); i++) record();
  }
  return n;
}

static volatile double sink;
static void ask_the_time(void) { sink = now(); }

void do_pace(double rate, double secs) {
  double c0 = cpu();
  int64_t n = paced(rate, secs, ask_the_time);
  printf("{\"limit\":\"pace\",\"rate\":%.0f,\"cpu_s_per_m\":%.4f}\n", rate,
         (cpu() - c0) / n * 1e6);
}

/* The batch that takes records, and the threads around it. */
enum { ROOM = 1 << 20 };
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t answered = PTHREAD_COND_INITIALIZER;
static uint8_t batches[2][ROOM], value[65536], *open_batch = batches[0], *end;
static int count, size, event_fd;
static int64_t settled, heard;
static double linger;
static atomic_int over;

static void append(void) {
  sink = now();
  pthread_mutex_lock(&lock);
  int first = count == 0;
  if (end + size + 20 <= open_batch + ROOM) end = record(end, count++, value, size);
  pthread_mutex_unlock(&lock);
  /* The other thread sleeps; it is to know when the linger ends. */
  if (first) eventfd_write(event_fd, 1);
}

/* Takes the open batch, ready to be sent. */
static uint8_t *take(size_t *len, int *records) {
  pthread_mutex_lock(&lock);
  uint8_t *b = open_batch;
  *len = end - b, *records = count;
  open_batch = b == batches[0] ? batches[1] : batches[0];
  end = open_batch + 61, count = 0;
  pthread_mutex_unlock(&lock);
  header(b, *len, *records);
  put32(b + 17, crc32c(b + 21, *len - 21));
  return b;
}

static void *hear(void *unused) {
  pthread_mutex_lock(&lock);
  while (!atomic_load(&over)) {
    while (heard == settled && !atomic_load(&over)) pthread_cond_wait(&answered, &lock);
    heard = settled;
  }
  pthread_mutex_unlock(&lock);
  return unused;
}

struct io {
  int fd, parts;
  const char *topic;
  int64_t requests;
};

static void *send_on(void *argument) {
  struct io *io = argument;
  struct pollfd fds[2] = {{event_fd, POLLIN, 0}, {io->fd, POLLIN, 0}};
  double due = 0;
  int in_flight = 0;
  while (!atomic_load(&over)) {
    double wait = due && !in_flight ? due - now() : 1;
    struct timespec t = {(time_t)wait, (long)((wait - (time_t)wait) * 1e9)};
    if (wait > 0) ppoll(fds, 2, &t, NULL);
    else fds[0].revents = fds[1].revents = 0;
    if (fds[1].revents) {
      if (answer(io->fd, 1)) { fprintf(stderr, "an error was answered\n"); exit(1); }
      pthread_mutex_lock(&lock);
      settled += in_flight, in_flight = 0;
      pthread_cond_signal(&answered);
      pthread_mutex_unlock(&lock);
    }
    eventfd_t news;
    if (fds[0].revents && !eventfd_read(event_fd, &news) && !due) due = now() + linger;
    if (due && now() >= due && !in_flight) {
      size_t len;
      uint8_t *b = take(&len, &in_flight);
      due = 0;
      ask(io->fd, io->requests++, io->topic, io->parts, 1, &b, len);
    }
  }
  return NULL;
}

void do_wakeups(int port, const char *topic, int parts, int of_bytes, double rate, double linger_ms,
                double secs) {
  if (of_bytes < 0 || of_bytes > (int)sizeof value) { fprintf(stderr, "bad SIZE\n"); exit(2); }
  size = of_bytes, linger = linger_ms / 1000, end = open_batch + 61;
  event_fd = eventfd(0, EFD_NONBLOCK);
  struct io io = {dial(port), parts, topic, 0};
  pthread_t sender, hearer;
  pthread_create(&sender, NULL, send_on, &io);
  pthread_create(&hearer, NULL, hear, NULL);
  double c0 = cpu();
  int64_t n = paced(rate, secs, append);
  double used = cpu() - c0;
  usleep(100000 + (useconds_t)(linger_ms * 1000));
  pthread_mutex_lock(&lock);
  int64_t lost = n - settled;
  atomic_store(&over, 1);
  pthread_cond_signal(&answered);
  pthread_mutex_unlock(&lock);
  eventfd_write(event_fd, 1);
  pthread_join(sender, NULL), pthread_join(hearer, NULL);
  printf("{\"limit\":\"wakeups\",\"rate\":%.0f,\"linger_ms\":%.1f,\"requests\":%lld,"
         "\"settled\":%lld,\"lost\":%lld,\"cpu_s_per_m\":%.4f}\n",
         rate, linger_ms, (long long)io.requests, (long long)(n - lost), (long long)lost,
         used / n * 1e6);
}
