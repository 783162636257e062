/* What every producer written in C has in common here: options, payload, paced threads, latencies
 * and the line of JSON at the end. A peer includes this file and defines the functions declared
 * under "The peer". Options and output are those of README.md. */
#ifndef PEER_H
#define PEER_H
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define SLICES 4096
#define KEYS 10000
#define KEY_SIZE_MIN 8
#define KEY_SIZE_MAX 64

/* The peer. `open` exits with a message when it fails; `send` blocks while the buffer is full and
 * returns an error's text or NULL; `flush` waits for everything sent. */
static const char *peer_name(void);
static const char *peer_version(void);
static void peer_open(const char *brokers, const char *topic);
static const char *peer_send(const char *value, size_t size, const char *key, uint64_t opaque);
static void peer_flush(void);
static void peer_close(void);

/* Called by the peer, from any thread, for each record that is settled: opaque as it was given to
 * `send`, and an error's text or NULL. */
static void peer_settled(uint64_t opaque, const char *error);

static int option_count;
static char **option_list;
static const char *option(const char *name, const char *otherwise) {
  for (int i = 1; i + 1 < option_count; i += 2)
    if (!strncmp(option_list[i], "--", 2) && !strcmp(option_list[i] + 2, name))
      return option_list[i + 1];
  return otherwise;
}
static int64_t number(const char *name, const char *otherwise) {
  return atoll(option(name, otherwise));
}

static int64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000LL + t.tv_nsec;
}
static double cpu_s(void) {
  struct rusage r;
  getrusage(RUSAGE_SELF, &r);
  return r.ru_utime.tv_sec + r.ru_stime.tv_sec + (r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6;
}

static atomic_llong delivered, errors;
static char first_error[256];
static int64_t *latency;
static atomic_size_t latencies; /* reports may come on several threads */
static size_t latency_room;
static int measuring;

static const char *slices[SLICES];
static char keys[KEYS][KEY_SIZE_MAX + 1];
static size_t size, key_size;
static int keyed, threads, sample, rate;

static void failed(const char *error) {
  if (atomic_fetch_add(&errors, 1) == 0) snprintf(first_error, sizeof first_error, "%s", error);
}
static void peer_settled(uint64_t opaque, const char *error) {
  if (error)
    failed(error);
  else
    atomic_fetch_add_explicit(&delivered, 1, memory_order_relaxed);
  if (opaque && measuring) {
    size_t k = atomic_fetch_add_explicit(&latencies, 1, memory_order_relaxed);
    if (k < latency_room) latency[k] = now_ns() - (int64_t)opaque;
  }
}

struct job {
  int64_t n;
  int id;
};
static void *produce(void *argument) {
  struct job *job = argument;
  double per_tick = rate / 1000.0 / threads;
  int64_t t0 = now_ns(), tick = 0, i = 0;
  while (i < job->n) {
    int64_t until = job->n;
    if (rate) { /* one burst a millisecond, paced on absolute time */
      until = (int64_t)((tick + 1) * per_tick);
      if (until > job->n) until = job->n;
      int64_t due = t0 + tick * 1000000;
      struct timespec ts = {due / 1000000000, due % 1000000000};
      clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL);
      tick++;
    }
    for (; i < until; i++) {
      const char *error = peer_send(slices[(i + job->id * 977) % SLICES], size,
                                    keyed ? keys[i % KEYS] : NULL, i % sample ? 0 : now_ns());
      if (error) failed(error);
    }
  }
  return NULL;
}
static void burst(int64_t n) {
  pthread_t t[64];
  struct job jobs[64];
  for (int i = 0; i < threads; i++) {
    jobs[i] = (struct job){n / threads + (i < n % threads), i};
    if (i) pthread_create(&t[i], NULL, produce, &jobs[i]);
  }
  produce(&jobs[0]);
  for (int i = 1; i < threads; i++) pthread_join(t[i], NULL);
  peer_flush();
  int64_t end = now_ns() + 60000000000LL;
  while (atomic_load(&delivered) + atomic_load(&errors) < n && now_ns() < end) usleep(200);
}

static void load_payload(void) {
  FILE *f = fopen(option("payload", "payload.bin"), "rb");
  if (!f) { perror("payload"); exit(2); }
  fseek(f, 0, SEEK_END);
  size_t length = ftell(f);
  rewind(f);
  char *bytes = malloc(length);
  if (fread(bytes, 1, length, f) != length) { perror("payload"); exit(2); }
  fclose(f);
  for (size_t i = 0; i < SLICES; i++) slices[i] = bytes + i * size % (length - size);
  for (int i = 0; i < KEYS; i++) snprintf(keys[i], sizeof keys[i], "k%0*d", (int)key_size - 1, i);
}
static int by_value(const void *a, const void *b) {
  int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return (x > y) - (x < y);
}
static double percentile_ms(double p) {
  return latencies ? latency[(size_t)(p * (latencies - 1) + 0.5)] / 1e6 : -1;
}
static void report(double wall, double cpu, long long warm_errors) {
  long long d = atomic_load(&delivered);
  struct rusage r;
  getrusage(RUSAGE_SELF, &r);
  if (latencies > latency_room) latencies = latency_room;
  qsort(latency, latencies, sizeof *latency, by_value);
  printf("{\"peer\":\"%s\",\"version\":\"%s\",\"wall_s\":%.4f,\"cpu_s\":%.4f,\"cpu_total_s\":%.4f,",
         peer_name(), peer_version(), wall, cpu, cpu_s());
  printf("\"rps\":%.0f,\"mb_s\":%.2f,\"delivered\":%lld,\"errors\":%lld,\"first_error\":\"%s\",",
         d / wall, d * (double)size / wall / 1e6, d, atomic_load(&errors) + warm_errors,
         first_error);
  printf("\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"p999_ms\":%.3f,\"max_ms\":%.3f,\"rss_mb\":%.1f}\n",
         percentile_ms(.5), percentile_ms(.99), percentile_ms(.999), percentile_ms(1),
         r.ru_maxrss / 1024.0);
  fflush(stdout);
}

int main(int argc, char **argv) {
  option_count = argc;
  option_list = argv;
  int64_t n = number("messages", "1000000"), warmup = number("warmup", "0");
  size = number("size", "100");
  keyed = number("keyed", "0");
  key_size = number("key-size", "8");
  threads = number("threads", "1");
  sample = number("sample", "100");
  if (threads < 1 || threads > 64 || sample < 1) { fprintf(stderr, "bad option\n"); return 2; }
  if (key_size < KEY_SIZE_MIN || key_size > KEY_SIZE_MAX) {
    fprintf(stderr, "--key-size is %d to %d\n", KEY_SIZE_MIN, KEY_SIZE_MAX);
    return 2;
  }
  load_payload();
  latency_room = n / sample + 64 + threads;
  latency = malloc(latency_room * sizeof *latency);
  peer_open(option("brokers", "127.0.0.1:9500"), option("topic", "bench"));

  burst(warmup ? warmup : 1);
  long long warm_errors = atomic_exchange(&errors, 0);
  atomic_store(&delivered, 0);
  measuring = 1;
  rate = number("rate", "0");
  double c0 = cpu_s();
  int64_t t0 = now_ns();
  burst(n);
  double wall = (now_ns() - t0) / 1e9, cpu = cpu_s() - c0;
  peer_close();
  report(wall, cpu, warm_errors);
  return atomic_load(&delivered) == n ? 0 : 1;
}
#endif
