/* What no producer can beat on this machine. Prints one line of JSON. Loopback only.
 *
 *   limit build SIZE BATCH N
 *     encodes N messages into v2 record batches on one core, without sockets or threads:
 *     nanoseconds a message for varints and copy, with CRC-32C, and with LZ4 as well
 *   limit blast PORT TOPIC PARTS SIZE BATCH SECONDS [INFLIGHT [PACK]]
 *     sends one prebuilt batch again and again as Produce v7 over one connection, with INFLIGHT (5)
 *     requests outstanding and PACK (1 to 12) partitions, one such batch each, in a request;
 *     SECONDS is at most 60
 *   limit pace RATE SECONDS
 *     wakes up a thousand times a second, as a program does that sends at a rate (peers/peer.h), and
 *     asks the time for each record: what such a program costs without a producer
 *
 * PAYLOAD names the file that payload.py wrote (payload.bin). */
#include <arpa/inet.h>
#include <endian.h>
#include <lz4.h>
#include <netinet/tcp.h>
#include <nmmintrin.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}
static double cpu(void) {
  struct rusage r;
  getrusage(RUSAGE_SELF, &r);
  return r.ru_utime.tv_sec + r.ru_stime.tv_sec + (r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6;
}
static uint32_t crc32c(const uint8_t *p, size_t n) {
  uint64_t c = 0xffffffff;
  for (; n >= 8; n -= 8, p += 8) c = _mm_crc32_u64(c, *(const uint64_t *)p);
  for (; n; n--) c = _mm_crc32_u8((uint32_t)c, *p++);
  return ~(uint32_t)c;
}
static uint8_t *varint(uint8_t *p, int64_t v) {
  uint64_t u = ((uint64_t)v << 1) ^ (v >> 63);
  for (; u >= 0x80; u >>= 7) *p++ = u | 0x80;
  *p++ = u;
  return p;
}
static int varlen(int64_t v) {
  uint64_t u = ((uint64_t)v << 1) ^ (v >> 63);
  int n = 1;
  while (u >>= 7) n++;
  return n;
}
static uint8_t *record(uint8_t *p, int od, const uint8_t *val, int size) {
  int body = 1 + 1 + varlen(od) + 1 + varlen(size) + size + 1;
  p = varint(p, body);
  *p++ = 0;            /* attributes */
  *p++ = 0;            /* timestamp delta */
  p = varint(p, od);   /* offset delta */
  *p++ = 1;            /* key length -1 */
  p = varint(p, size);
  memcpy(p, val, size);
  p += size;
  *p++ = 0; /* headers */
  return p;
}
static void put16(uint8_t *p, uint16_t v) { v = htobe16(v); memcpy(p, &v, 2); }
static void put32(uint8_t *p, uint32_t v) { v = htobe32(v); memcpy(p, &v, 4); }
static void put64(uint8_t *p, uint64_t v) { v = htobe64(v); memcpy(p, &v, 8); }
static void header(uint8_t *b, size_t len, int count) {
  struct timespec t;
  clock_gettime(CLOCK_REALTIME, &t);
  uint64_t ms = t.tv_sec * 1000ULL + t.tv_nsec / 1000000;
  put64(b, 0), put32(b + 8, len - 12), put32(b + 12, -1), b[16] = 2;
  put16(b + 21, 0), put32(b + 23, count - 1), put64(b + 27, ms), put64(b + 35, ms);
  put64(b + 43, -1), put16(b + 51, -1), put32(b + 53, -1), put32(b + 57, count);
}
static uint8_t *payload;
static size_t plen;
static void load(void) {
  FILE *f = fopen(getenv("PAYLOAD") ? getenv("PAYLOAD") : "payload.bin", "rb");
  if (!f) { perror("payload (set PAYLOAD)"); exit(2); }
  fseek(f, 0, SEEK_END), plen = ftell(f), rewind(f);
  payload = malloc(plen);
  if (fread(payload, 1, plen, f) != plen) exit(2);
}
static size_t build(uint8_t *b, size_t batch, int size, int64_t *i, int *count) {
  uint8_t *p = b + 61;
  int n = 0;
  while (p + size + 20 <= b + batch || !n) {
    p = record(p, n, payload + (size_t)(*i % 4096) * size % (plen - size), size);
    n++, ++*i;
  }
  *count = n;
  header(b, p - b, n);
  return p - b;
}
static void do_build(int size, size_t batch, int64_t n) {
  uint8_t *b = malloc(batch + size + 128), *z = malloc(LZ4_compressBound(batch + size + 128));
  double t[3];
  volatile uint32_t sink = 0;
  size_t zin = 0, zout = 0;
  for (int mode = 0; mode < 3; mode++) {
    double c0 = cpu();
    for (int64_t i = 0; i < n;) {
      int cnt;
      size_t len = build(b, batch, size, &i, &cnt);
      if (mode == 1) sink += crc32c(b + 21, len - 21);
      if (mode == 2) {
        int zl = LZ4_compress_default((char *)b + 61, (char *)z, len - 61, LZ4_compressBound(len));
        sink += crc32c(z, zl);
        zin += len - 61, zout += zl;
      }
    }
    t[mode] = (cpu() - c0) / n * 1e9;
  }
  printf("{\"limit\":\"build\",\"size\":%d,\"batch\":%zu,\"encode_ns\":%.1f,\"encode_crc_ns\":%.1f,"
         "\"encode_lz4_crc_ns\":%.1f,\"lz4_ratio\":%.2f}\n",
         size, batch, t[0], t[1], t[2], (double)zin / zout);
}
static void rd(int fd, void *p, size_t n) {
  for (size_t k = 0; k < n;) {
    ssize_t r = read(fd, (char *)p + k, n - k);
    if (r <= 0) { perror("read"); exit(1); }
    k += r;
  }
}
static void do_blast(int port, const char *topic, int parts, int size, size_t batch, double secs,
                     int inflight, int pack) {
  uint8_t *b = malloc(batch + size + 128), h[512], ph[12][12];
  int cnt;
  int64_t i = 0;
  size_t len = build(b, batch, size, &i, &cnt);
  put32(b + 17, crc32c(b + 21, len - 21));
  struct sockaddr_in a = {.sin_family = AF_INET,
                          .sin_port = htons(port),
                          .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (connect(fd, (void *)&a, sizeof a)) { perror("connect"); exit(1); }
  if (secs > 60) secs = 60;
  int64_t reqs = 0, done = 0, errs = 0;
  int out = 0;
  double t0 = now(), c0 = cpu(), end = t0 + secs;
  while (out || now() < end) {
    if (out < inflight && now() < end) {
      uint8_t *p = h + 4;
      int tl = strlen(topic);
      put16(p, 0), put16(p + 2, 7), put32(p + 4, reqs), put16(p + 8, 5);
      memcpy(p + 10, "limit", 5), p += 15;
      put16(p, -1), put16(p + 2, -1), put32(p + 4, 30000), put32(p + 8, 1), p += 12;
      put16(p, tl), memcpy(p + 2, topic, tl), p += 2 + tl;
      put32(p, pack), p += 4;
      struct iovec v[25] = {{h, p - h}};
      for (int j = 0; j < pack; j++) {
        put32(ph[j], (reqs * pack + j) % parts), put32(ph[j] + 4, len);
        v[1 + 2 * j] = (struct iovec){ph[j], 8}, v[2 + 2 * j] = (struct iovec){b, len};
      }
      size_t left = p - h + pack * (8 + len);
      put32(h, left - 4);
      int k = 0, nv = 1 + 2 * pack;
      while (left) {
        ssize_t w = writev(fd, v + k, nv - k);
        if (w < 0) { perror("write"); exit(1); }
        left -= w;
        while (k < nv && (size_t)w >= v[k].iov_len) w -= v[k].iov_len, k++;
        if (k < nv) v[k].iov_base = (char *)v[k].iov_base + w, v[k].iov_len -= w;
      }
      reqs++, out++;
      continue;
    }
    uint8_t r[512];
    rd(fd, r, 4);
    uint32_t rl = ntohl(*(uint32_t *)r);
    if (rl > sizeof r) exit(3);
    rd(fd, r, rl);
    int16_t tl = ntohs(*(uint16_t *)(r + 8));
    for (int j = 0; j < pack; j++)
      if (*(uint16_t *)(r + 8 + 2 + tl + 4 + 30 * j + 4)) errs++;
    done++, out--;
  }
  double wall = now() - t0, c = cpu() - c0, m = (double)done * pack * cnt;
  printf("{\"limit\":\"blast\",\"size\":%d,\"batch\":%zu,\"inflight\":%d,\"pack\":%d,\"wall_s\":%.3f,"
         "\"requests\":%lld,\"errors\":%lld,\"rps\":%.0f,\"mb_s\":%.1f,\"cpu_s_per_m\":%.4f}\n",
         size, batch, inflight, pack, wall, (long long)done, (long long)errs, m / wall,
         m * size / wall / 1e6, c / m * 1e6);
}
static void do_pace(double rate, double secs) {
  if (secs > 60) secs = 60;
  int64_t n = (int64_t)(rate * secs), i = 0;
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  int64_t due = t.tv_sec * 1000000000LL + t.tv_nsec;
  double c0 = cpu();
  volatile double sink = 0;
  for (int64_t tick = 0; i < n; tick++, due += 1000000) {
    t = (struct timespec){due / 1000000000, due % 1000000000};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
    for (; i < n && i < (int64_t)((tick + 1) * rate / 1000); i++) sink = now();
  }
  printf("{\"limit\":\"pace\",\"rate\":%.0f,\"cpu_s_per_m\":%.4f}\n", rate,
         (cpu() - c0) / n * 1e6);
  (void)sink;
}
int main(int c, char **v) {
  if (c == 4 && !strcmp(v[1], "pace")) return do_pace(atof(v[2]), atof(v[3])), 0;
  load();
  if (c == 5 && !strcmp(v[1], "build")) do_build(atoi(v[2]), atol(v[3]), atoll(v[4]));
  else if (c >= 8 && !strcmp(v[1], "blast"))
    do_blast(atoi(v[2]), v[3], atoi(v[4]), atoi(v[5]), atol(v[6]), atof(v[7]),
             c > 8 ? atoi(v[8]) : 5,
             c > 9 && atoi(v[9]) >= 1 && atoi(v[9]) <= 12 ? atoi(v[9]) : 1);
  else { fprintf(stderr, "usage: see the head of limit.c\n"); return 2; }
  return 0;
}
