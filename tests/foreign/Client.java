// The Java client, as tests/foreign.rs runs it: produce BOOTSTRAP TOPIC NAME COUNT, or
// consume BOOTSTRAP TOPIC GROUP COUNT, which commits what it read and no more.
import java.time.Duration;
import java.util.*;
import java.util.concurrent.Future;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.serialization.*;

public class Client {
    public static void main(String[] v) throws Exception {
        int count = Integer.parseInt(v[4]);
        if (v[0].equals("produce")) produce(v[1], v[2], v[3], count);
        else consume(v[1], v[2], v[3], count);
    }

    static void produce(String bootstrap, String topic, String name, int count) throws Exception {
        Map<String, Object> c = new HashMap<>();
        c.put("bootstrap.servers", bootstrap);
        c.put("enable.idempotence", "true");
        c.put("acks", "all");
        try (var p = new KafkaProducer<>(c, new StringSerializer(), new StringSerializer())) {
            List<Future<RecordMetadata>> futures = new ArrayList<>();
            for (int i = 0; i < count; i++) {
                var record = new ProducerRecord<>(topic, "k" + i % 7, name + "-" + i);
                record.headers().add(new RecordHeader("n", ("" + i).getBytes()));
                futures.add(p.send(record));
            }
            for (var future : futures) future.get();
        }
    }

    static void consume(String bootstrap, String topic, String group, int count) {
        Map<String, Object> c = new HashMap<>();
        c.put("bootstrap.servers", bootstrap);
        c.put("group.id", group);
        c.put("auto.offset.reset", "earliest");
        c.put("enable.auto.commit", "false");
        long end = System.currentTimeMillis() + 60_000;
        try (var k = new KafkaConsumer<>(c, new StringDeserializer(), new StringDeserializer())) {
            k.subscribe(List.of(topic));
            Map<TopicPartition, OffsetAndMetadata> read = new HashMap<>();
            int seen = 0;
            while (seen < count) {
                if (System.currentTimeMillis() > end) throw new RuntimeException("read " + seen);
                for (var r : k.poll(Duration.ofMillis(200))) {
                    if (seen++ >= count) break;
                    var header = new String(r.headers().lastHeader("n").value());
                    System.out.println(r.partition() + "\t" + r.offset() + "\t" + r.key() + "\t"
                        + r.value() + "\t" + header);
                    read.put(new TopicPartition(topic, r.partition()),
                        new OffsetAndMetadata(r.offset() + 1));
                }
            }
            k.commitSync(read);
        }
    }
}
