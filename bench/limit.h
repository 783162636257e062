/* What the parts of the limit program share: clocks, record batches, and requests as Produce v7. */
#ifndef LIMIT_H
#define LIMIT_H
#include <arpa/inet.h>
#include <endian.h>
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

static inline double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}
static inline double cpu(void) {
  struct rusage r;
  getrusage(RUSAGE_SELF, &r);
  return r.ru_utime.tv_sec + r.ru_stime.tv_sec + (r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6;
}
static inline uint32_t crc32c(const uint8_t *p, size_t n) {
  uint64_t c = 0xffffffff;
  for (; n >= 8; n -= 8, p += 8) c = _mm_crc32_u64(c, *(const uint64_t *)p);
  for (; n; n--) c = _mm_crc32_u8((uint32_t)c, *p++);
  return ~(uint32_t)c;
}
/* Three sums at once, of as many bytes each, from the states in s on. */
static inline void sum_thirds(const uint8_t *p, size_t third, uint64_t s[3]) {
  uint64_t a = s[0], b = s[1], c = s[2];
  for (size_t i = 0; i < third; i += 8) {
    a = _mm_crc32_u64(a, *(const uint64_t *)(p + i));
    b = _mm_crc32_u64(b, *(const uint64_t *)(p + third + i));
    c = _mm_crc32_u64(c, *(const uint64_t *)(p + 2 * third + i));
  }
  s[0] = a, s[1] = b, s[2] = c;
}
/* Costs what the checksum of n bytes costs with three sums at once, and is not it: to join the
 * three would take as long for any n. */
static inline uint32_t three_sums(const uint8_t *p, size_t n) {
  uint64_t s[3] = {1, 2, 3};
  sum_thirds(p, n / 24 * 8, s);
  return (uint32_t)(s[0] ^ s[1] ^ s[2]);
}
static inline uint8_t *varint(uint8_t *p, int64_t v) {
  uint64_t u = ((uint64_t)v << 1) ^ (v >> 63);
  for (; u >= 0x80; u >>= 7) *p++ = u | 0x80;
  *p++ = u;
  return p;
}
static inline int varlen(int64_t v) {
  uint64_t u = ((uint64_t)v << 1) ^ (v >> 63);
  int n = 1;
  while (u >>= 7) n++;
  return n;
}
static inline uint8_t *record(uint8_t *p, int od, const uint8_t *val, int size) {
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
static inline void put16(uint8_t *p, uint16_t v) { v = htobe16(v); memcpy(p, &v, 2); }
static inline void put32(uint8_t *p, uint32_t v) { v = htobe32(v); memcpy(p, &v, 4); }
static inline void put64(uint8_t *p, uint64_t v) { v = htobe64(v); memcpy(p, &v, 8); }
static inline void header(uint8_t *b, size_t len, int count) {
  struct timespec t;
  clock_gettime(CLOCK_REALTIME, &t);
  uint64_t ms = t.tv_sec * 1000ULL + t.tv_nsec / 1000000;
  put64(b, 0), put32(b + 8, len - 12), put32(b + 12, -1), b[16] = 2;
  put16(b + 21, 0), put32(b + 23, count - 1), put64(b + 27, ms), put64(b + 35, ms);
  put64(b + 43, -1), put16(b + 51, -1), put32(b + 53, -1), put32(b + 57, count);
}
static inline void rd(int fd, void *p, size_t n) {
  for (size_t k = 0; k < n;) {
    ssize_t r = read(fd, (char *)p + k, n - k);
    if (r <= 0) { perror("read"); exit(1); }
    k += r;
  }
}
static inline int dial(int port) {
  struct sockaddr_in a = {.sin_family = AF_INET,
                          .sin_port = htons(port),
                          .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "reno", 4); /* as Ottla on loopback */
  if (connect(fd, (void *)&a, sizeof a)) { perror("connect"); exit(1); }
  return fd;
}
/* Sends `pack` batches of `len` bytes to as many of `parts` partitions, as request number `req`. */
static inline void ask(int fd, int64_t req, const char *topic, int parts, int pack,
                       uint8_t *const *b, size_t len) {
  uint8_t h[512], ph[12][12], *p = h + 4;
  int tl = strlen(topic);
  put16(p, 0), put16(p + 2, 7), put32(p + 4, req), put16(p + 8, 5);
  memcpy(p + 10, "limit", 5), p += 15;
  put16(p, -1), put16(p + 2, -1), put32(p + 4, 30000), put32(p + 8, 1), p += 12;
  put16(p, tl), memcpy(p + 2, topic, tl), p += 2 + tl;
  put32(p, pack), p += 4;
  struct iovec v[25] = {{h, p - h}};
  for (int j = 0; j < pack; j++) {
    put32(ph[j], (req * pack + j) % parts), put32(ph[j] + 4, len);
    v[1 + 2 * j] = (struct iovec){ph[j], 8}, v[2 + 2 * j] = (struct iovec){b[j], len};
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
}
/* Reads an answer: the number of errors in it. */
static inline int answer(int fd, int pack) {
  uint8_t r[512];
  int errs = 0;
  rd(fd, r, 4);
  uint32_t rl = ntohl(*(uint32_t *)r);
  if (rl > sizeof r) exit(3);
  rd(fd, r, rl);
  int tl = ntohs(*(uint16_t *)(r + 8));
  if (rl < 14u + tl + 30 * pack) exit(3);
  for (int j = 0; j < pack; j++)
    if (*(uint16_t *)(r + 8 + 2 + tl + 4 + 30 * j + 4)) errs++;
  return errs;
}

void do_pace(double rate, double seconds);
void do_wakeups(int port, const char *topic, int parts, int size, double rate, double linger_ms,
                double seconds);
#endif
