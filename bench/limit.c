/* What no producer can beat on this machine. Prints one line of JSON. Loopback only.
 *
 *   limit build SIZE BATCH N
 *     encodes N messages into v2 record batches on one core, without sockets or threads:
 *     nanoseconds a message for varints and copy, with CRC-32C, and with LZ4 as well
 *   limit blast PORT TOPIC PARTS SIZE BATCH SECONDS [INFLIGHT [PACK]]
 *     sends one prebuilt batch again and again as Produce v7 over one connection, with INFLIGHT (5)
 *     requests outstanding and PACK (1 to 12) partitions, one such batch each, in a request;
 *     SECONDS is at most 60
 *   limit fresh PORT TOPIC PARTS SIZE BATCH SECONDS [INFLIGHT [PACK]]
 *     as blast, but encodes each record anew out of the payload, and sums each batch, into memory
 *     that is kept until the answer came: all that a producer does with bytes, and nothing else
 *   limit pace RATE SECONDS
 *     wakes up a thousand times a second, as a program does that sends at a rate (peers/peer.h), and
 *     asks the time for each record: what such a program costs without a producer
 *   limit wakeups PORT TOPIC PARTS SIZE RATE LINGER_MS SECONDS
 *     paces so, and has a second thread send one request for what came in LINGER_MS, and a third
 *     one hear of its answer: what a producer costs that has a thread for the network and reports
 *     to another one
 *
 * PAYLOAD names the file that payload.py wrote (payload.bin). */
#include "limit.h"

#include <lz4.h>

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
      if (mode == 1) sink += three_sums(b + 21, len - 21);
      if (mode == 2) {
        int zl = LZ4_compress_default((char *)b + 61, (char *)z, len - 61, LZ4_compressBound(len));
        sink += three_sums(z, zl);
        zin += len - 61, zout += zl;
      }
    }
    t[mode] = (cpu() - c0) / n * 1e9;
  }
  printf("{\"limit\":\"build\",\"size\":%d,\"batch\":%zu,\"encode_ns\":%.1f,\"encode_crc_ns\":%.1f,"
         "\"encode_lz4_crc_ns\":%.1f,\"lz4_ratio\":%.2f}\n",
         size, batch, t[0], t[1], t[2], (double)zin / zout);
}
/* What a state of the checksum becomes by `third` zero bytes, a column for each of its bits. */
static uint32_t columns[32];
static size_t third;
static uint32_t shift(uint32_t c) {
  uint32_t r = 0;
  for (int i = 0; c; i++, c >>= 1)
    if (c & 1) r ^= columns[i];
  return r;
}
/* The checksum with three sums at once, of n bytes, the same n each time. */
static uint32_t joined_sum(const uint8_t *p, size_t n) {
  if (third != n / 24 * 8) {
    third = n / 24 * 8;
    for (int i = 0; i < 32; i++) {
      uint64_t c = 1u << i;
      for (size_t k = 0; k < third; k += 8) c = _mm_crc32_u64(c, 0);
      columns[i] = c;
    }
  }
  uint64_t s[3] = {0xffffffff};
  sum_thirds(p, third, s);
  uint32_t sum = shift(shift(s[0]) ^ s[1]) ^ s[2];
  for (size_t i = 3 * third; i < n; i++) sum = _mm_crc32_u8(sum, p[i]);
  return ~sum;
}
/* A batch with its checksum. */
static size_t batch_of(uint8_t *b, size_t batch, int size, int64_t *i, int *count) {
  size_t len = build(b, batch, size, i, count);
  put32(b + 17, joined_sum(b + 21, len - 21));
  return len;
}
/* `fresh` makes each batch anew, in memory of its own; else all are one. */
static void do_send(int fresh, int port, const char *topic, int parts, int size, size_t batch,
                    double secs, int inflight, int pack) {
  int cnt, fd = dial(port), out = 0, slots = inflight * pack;
  int64_t i = 0, reqs = 0, done = 0, errs = 0;
  size_t len = 0;
  uint8_t **b = malloc(slots * sizeof *b);
  for (int j = 0; j < slots; j++) {
    b[j] = fresh || !j ? malloc(batch + size + 128) : b[0];
    if (!fresh && !j) len = batch_of(b[0], batch, size, &i, &cnt);
  }
  if (secs > 60) secs = 60;
  double t0 = now(), c0 = cpu(), end = t0 + secs;
  while (out || now() < end) {
    if (out < inflight && now() < end) {
      uint8_t **mine = b + reqs % inflight * pack;
      /* The same offset deltas each time, so the same length. */
      for (int j = 0; fresh && j < pack; j++) len = batch_of(mine[j], batch, size, &i, &cnt);
      ask(fd, reqs++, topic, parts, pack, mine, len);
      out++;
      continue;
    }
    errs += answer(fd, pack);
    done++, out--;
  }
  double wall = now() - t0, c = cpu() - c0, m = (double)done * pack * cnt;
  printf("{\"limit\":\"%s\",\"size\":%d,\"batch\":%zu,\"inflight\":%d,\"pack\":%d,"
         "\"wall_s\":%.3f,\"requests\":%lld,\"errors\":%lld,\"rps\":%.0f,\"mb_s\":%.1f,"
         "\"cpu_s_per_m\":%.4f}\n",
         fresh ? "fresh" : "blast", size, batch, inflight, pack, wall, (long long)done,
         (long long)errs, m / wall, m * size / wall / 1e6, c / m * 1e6);
}
int main(int c, char **v) {
  if (c == 4 && !strcmp(v[1], "pace")) return do_pace(atof(v[2]), atof(v[3])), 0;
  if (c == 9 && !strcmp(v[1], "wakeups"))
    return do_wakeups(atoi(v[2]), v[3], atoi(v[4]), atoi(v[5]), atof(v[6]), atof(v[7]),
                      atof(v[8])), 0;
  load();
  if (c == 5 && !strcmp(v[1], "build")) do_build(atoi(v[2]), atol(v[3]), atoll(v[4]));
  else if (c >= 8 && (!strcmp(v[1], "blast") || !strcmp(v[1], "fresh")))
    do_send(!strcmp(v[1], "fresh"), atoi(v[2]), v[3], atoi(v[4]), atoi(v[5]), atol(v[6]),
            atof(v[7]), c > 8 ? atoi(v[8]) : 5,
            c > 9 && atoi(v[9]) >= 1 && atoi(v[9]) <= 12 ? atoi(v[9]) : 1);
  else { fprintf(stderr, "usage: see the head of limit.c\n"); return 2; }
  return 0;
}
