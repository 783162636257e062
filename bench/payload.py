"""payload.py FILE: writes 4 MiB of log lines, always the same; lz4 about 2:1 on whole batches."""
import random
import sys

SIZE = 4 << 20
r = random.Random(20260101)
letters = "etaoinshrdlucmfwypvbgkjqxz"
words = ["".join(r.choice(letters[:r.randint(6, 26)]) for _ in range(r.randint(3, 10)))
         for _ in range(800)]
weights = [1 / (i + 3) for i in range(len(words))]
lines, length = [], 0
while length < SIZE:
    lines.append('{"ts":%d,"id":"%016x","level":"%s","user":%d,"msg":"%s"}' % (
        1700000000000 + r.getrandbits(34), r.getrandbits(64),
        r.choice(["INFO", "INFO", "WARN", "DEBUG"]), r.getrandbits(24),
        " ".join(r.choices(words, weights, k=r.randint(4, 14)))))
    length += len(lines[-1])
with open(sys.argv[1], "w", encoding="ascii") as f:
    f.write("".join(lines)[:SIZE])
