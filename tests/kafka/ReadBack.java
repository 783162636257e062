// Reads a topic from its beginning to the end offsets that it has at the start, with Kafka's own
// consumer, so that a test can compare what a producer of ours wrote with what others see.
//
//   ReadBack BOOTSTRAP TOPIC
//
// Prints a JSON object a record, in order within each partition:
//   {"partition":0,"offset":0,"timestamp":1,"timestamp_type":"CreateTime","key":"6b","value":null,
//    "headers":[["name","76"],["empty",""],["none",null]]}
// Keys, values and header values are hexadecimal; null and empty are told apart.
// Ends with status 1 when 60 s pass without a record although more must be there.

import java.io.BufferedOutputStream;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

public class ReadBack {
    private static final long PATIENCE_MS = 60_000;

    public static void main(String[] args) {
        if (args.length != 2) {
            System.err.println("usage: ReadBack BOOTSTRAP TOPIC");
            System.exit(2);
        }
        Properties config = new Properties();
        config.put("bootstrap.servers", args[0]);
        config.put("enable.auto.commit", "false");
        config.put("allow.auto.create.topics", "false");
        PrintStream out = new PrintStream(
            new BufferedOutputStream(new FileOutputStream(FileDescriptor.out), 1 << 16),
            false, StandardCharsets.UTF_8);
        boolean complete;
        try (var consumer = new KafkaConsumer<>(
                config, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            complete = readAll(consumer, args[1], out);
        }
        out.flush();
        System.exit(complete ? 0 : 1);
    }

    private static boolean readAll(
            KafkaConsumer<byte[], byte[]> consumer, String topic, PrintStream out) {
        List<TopicPartition> partitions = consumer.partitionsFor(topic).stream()
            .map(info -> new TopicPartition(info.topic(), info.partition())).toList();
        if (partitions.isEmpty()) {
            System.err.println("ReadBack: there is no topic " + topic);
            return false;
        }
        consumer.assign(partitions);
        consumer.seekToBeginning(partitions);
        Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
        long deadline = System.currentTimeMillis() + PATIENCE_MS;
        while (ends.entrySet().stream()
                .anyMatch(end -> consumer.position(end.getKey()) < end.getValue())) {
            for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(200))) {
                deadline = System.currentTimeMillis() + PATIENCE_MS;
                if (record.offset() < ends.get(new TopicPartition(topic, record.partition()))) {
                    out.println(json(record));
                }
            }
            if (System.currentTimeMillis() > deadline) {
                System.err.println("ReadBack: no record for " + PATIENCE_MS + " ms, ends: " + ends);
                return false;
            }
        }
        return true;
    }

    private static String json(ConsumerRecord<byte[], byte[]> record) {
        StringBuilder line = new StringBuilder(256)
            .append("{\"partition\":").append(record.partition())
            .append(",\"offset\":").append(record.offset())
            .append(",\"timestamp\":").append(record.timestamp())
            .append(",\"timestamp_type\":\"").append(record.timestampType())
            .append("\",\"key\":").append(hex(record.key()))
            .append(",\"value\":").append(hex(record.value()))
            .append(",\"headers\":[");
        String comma = "";
        for (Header header : record.headers()) {
            line.append(comma).append('[').append(quoted(header.key())).append(',')
                .append(hex(header.value())).append(']');
            comma = ",";
        }
        return line.append("]}").toString();
    }

    private static String hex(byte[] bytes) {
        return bytes == null ? "null" : '"' + HexFormat.of().formatHex(bytes) + '"';
    }

    private static String quoted(String text) {
        StringBuilder quoted = new StringBuilder("\"");
        for (char c : text.toCharArray()) {
            if (c == '"' || c == '\\' || c < ' ') {
                quoted.append(String.format("\\u%04x", (int) c));
            } else {
                quoted.append(c);
            }
        }
        return quoted.append('"').toString();
    }
}
