// The Java client as a peer: options and output are those of ../README.md.
import java.nio.file.*;
import java.util.*;
import java.util.concurrent.atomic.*;
import java.util.concurrent.locks.LockSupport;
import org.apache.kafka.clients.producer.*;

public class JavaPeer {
    static final int NSLICE = 4096, NKEY = 10000;
    static final AtomicLong delivered = new AtomicLong(), errors = new AtomicLong();
    static volatile String firstError = "";
    static long[] lat;
    static final AtomicInteger nlat = new AtomicInteger();

    static String opt(String[] v, String k, String d) {
        for (int i = 0; i + 1 < v.length; i += 2) if (v[i].equals("--" + k)) return v[i + 1];
        return d;
    }
    static double cpu() {
        return ((com.sun.management.OperatingSystemMXBean)
            java.lang.management.ManagementFactory.getOperatingSystemMXBean())
            .getProcessCpuTime() / 1e9;
    }
    static double pct(int n, double p) { return n == 0 ? -1 : lat[(int) (p * (n - 1) + 0.5)] / 1e6; }

    static void burst(KafkaProducer<byte[], byte[]> p, String topic, byte[][] values, byte[][] keys,
                      long n, int rate, int threads, int sample, boolean record) throws Exception {
        Callback done = (m, e) -> {
            if (e == null) delivered.getAndIncrement();
            else if (errors.getAndIncrement() == 0) firstError = e.toString();
        };
        Thread[] ts = new Thread[threads];
        for (int t = 0; t < threads; t++) {
            final long cnt = n / threads + (t < n % threads ? 1 : 0);
            final int id = t;
            Runnable r = () -> {
                double perTick = rate / 1000.0 / threads;
                long t0 = System.nanoTime(), tick = 0, i = 0;
                while (i < cnt) {
                    long until = cnt;
                    if (rate > 0) { // one burst a millisecond, paced on absolute time
                        until = Math.min(cnt, (long) ((tick + 1) * perTick));
                        long d;
                        while ((d = t0 + tick * 1000000 - System.nanoTime()) > 0) LockSupport.parkNanos(d);
                        tick++;
                    }
                    for (; i < until; i++) {
                        byte[] k = keys == null ? null : keys[(int) (i % NKEY)];
                        byte[] value = values[(int) ((i + id * 977) % NSLICE)];
                        ProducerRecord<byte[], byte[]> rec = new ProducerRecord<>(topic, k, value);
                        if (record && i % sample == 0) {
                            final long start = System.nanoTime();
                            p.send(rec, (m, e) -> {
                                lat[nlat.getAndIncrement()] = System.nanoTime() - start;
                                done.onCompletion(m, e);
                            });
                        } else p.send(rec, done);
                    }
                }
            };
            ts[t] = new Thread(r, "app-" + t);
            ts[t].start();
        }
        for (Thread t : ts) t.join();
        p.flush();
    }

    public static void main(String[] v) throws Exception {
        String topic = opt(v, "topic", "bench");
        long n = Long.parseLong(opt(v, "messages", "1000000"));
        long warm = Long.parseLong(opt(v, "warmup", "0"));
        int size = Integer.parseInt(opt(v, "size", "100"));
        int keySize = Integer.parseInt(opt(v, "key-size", "8"));
        if (keySize < 8 || keySize > 64) {
            System.err.println("--key-size is 8 to 64");
            System.exit(2);
        }
        int threads = Integer.parseInt(opt(v, "threads", "1"));
        int sample = Integer.parseInt(opt(v, "sample", "100"));
        int rate = Integer.parseInt(opt(v, "rate", "0"));
        byte[] data = Files.readAllBytes(Path.of(opt(v, "payload", "payload.bin")));
        byte[][] values = new byte[NSLICE][], keys = null;
        for (int i = 0; i < NSLICE; i++) {
            int o = (int) ((long) i * size % (data.length - size));
            values[i] = Arrays.copyOfRange(data, o, o + size);
        }
        if (!opt(v, "keyed", "0").equals("0")) {
            keys = new byte[NKEY][];
            String format = "k%0" + (keySize - 1) + "d";
            for (int i = 0; i < NKEY; i++) keys[i] = String.format(format, i).getBytes();
        }
        Properties c = new Properties();
        c.put("bootstrap.servers", opt(v, "brokers", "127.0.0.1:9092"));
        c.put("enable.idempotence", "true");
        c.put("acks", "all");
        c.put("compression.type", opt(v, "compression", "none"));
        c.put("linger.ms", opt(v, "linger-ms", "5"));
        c.put("batch.size", opt(v, "batch-size", "16384"));
        c.put("buffer.memory", Long.parseLong(opt(v, "buffer-mb", "64")) << 20);
        c.put("max.in.flight.requests.per.connection", "5");
        c.put("key.serializer", "org.apache.kafka.common.serialization.ByteArraySerializer");
        c.put("value.serializer", "org.apache.kafka.common.serialization.ByteArraySerializer");
        KafkaProducer<byte[], byte[]> p = new KafkaProducer<>(c);
        lat = new long[(int) (n / sample) + threads + 64];
        burst(p, topic, values, keys, Math.max(warm, 1), 0, threads, sample, false);
        long werr = errors.getAndSet(0);
        delivered.set(0);
        double c0 = cpu();
        long t0 = System.nanoTime();
        burst(p, topic, values, keys, n, rate, threads, sample, true);
        double wall = (System.nanoTime() - t0) / 1e9, c1 = cpu();
        double rss = 0;
        for (String l : Files.readAllLines(Path.of("/proc/self/status")))
            if (l.startsWith("VmHWM")) rss = Double.parseDouble(l.replaceAll("[^0-9]", "")) / 1024;
        int k = nlat.get();
        Arrays.sort(lat, 0, k);
        long d = delivered.get();
        System.out.printf(Locale.ROOT, "{\"peer\":\"java\",\"version\":\"%s\",\"wall_s\":%.4f,"
            + "\"cpu_s\":%.4f,\"cpu_total_s\":%.4f,\"rps\":%.0f,\"mb_s\":%.2f,\"delivered\":%d,"
            + "\"errors\":%d,\"first_error\":\"%s\",\"p50_ms\":%.3f,\"p99_ms\":%.3f,"
            + "\"p999_ms\":%.3f,\"max_ms\":%.3f,\"rss_mb\":%.1f}%n",
            org.apache.kafka.common.utils.AppInfoParser.getVersion(), wall, c1 - c0, c1, d / wall,
            d * (double) size / wall / 1e6, d, errors.get() + werr, firstError.replace('"', '\''),
            pct(k, .5), pct(k, .99), pct(k, .999), pct(k, 1), rss);
        p.close();
        System.exit(d == n ? 0 : 1);
    }
}
