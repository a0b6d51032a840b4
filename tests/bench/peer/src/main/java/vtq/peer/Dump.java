package vtq.peer;

import com.google.protobuf.Message;
import com.google.protobuf.util.JsonFormat;
import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import vtq.v1.Common.EntryRef;
import vtq.v1.Output.EntryStatus;
import vtq.v1.Output.ResultBatch;

/** Writes what the output topics hold, committed records only: the last status of each entry, and all batches, as JSON Lines. */
public final class Dump {
  private static final Map<String, String> DEFAULTS = Map.of("bootstrap", "127.0.0.1:19092", "prefix", "vtq.",
      "statuses", "statuses.jsonl", "batches", "batches.jsonl");

  private interface Take {
    void record(ConsumerRecord<byte[], byte[]> record) throws IOException;
  }

  private Dump() {}

  public static void main(String[] arguments) throws IOException {
    Options options = new Options(arguments, DEFAULTS);
    Map<EntryRef, EntryStatus> last = new LinkedHashMap<>();
    read(options, "entry-status", record -> {
      EntryStatus status = EntryStatus.parseFrom(record.value());
      last.put(status.getEntry(), status);
    });
    write(options.text("statuses"), last.values());
    Map<String, ResultBatch> batches = new LinkedHashMap<>();
    read(options, "result-batches", record -> {
      ResultBatch batch = ResultBatch.parseFrom(record.value());
      if (batches.put(batch.getBatch(), batch) != null) throw new IOException("batch " + batch.getBatch() + " came twice");
    });
    write(options.text("batches"), batches.values());
    System.err.println(last.size() + " statuses, " + batches.size() + " batches");
  }

  private static void read(Options options, String topic, Take take) throws IOException {
    Map<String, Object> settings = Map.of(ConsumerConfig.BOOTSTRAP_SERVERS_CONFIG, options.text("bootstrap"),
        ConsumerConfig.ISOLATION_LEVEL_CONFIG, "read_committed", ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG, false);
    try (var consumer = new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
      List<TopicPartition> partitions = consumer.partitionsFor(options.text("prefix") + topic).stream()
          .map(one -> new TopicPartition(one.topic(), one.partition()))
          .toList();
      consumer.assign(partitions);
      consumer.seekToBeginning(partitions);
      Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
      while (partitions.stream().anyMatch(one -> consumer.position(one) < ends.get(one)))
        for (var record : consumer.poll(Duration.ofMillis(500))) take.record(record);
    }
  }

  private static void write(String path, Iterable<? extends Message> messages) throws IOException {
    JsonFormat.Printer printer = JsonFormat.printer().omittingInsignificantWhitespace();
    try (BufferedWriter out = Files.newBufferedWriter(Path.of(path))) {
      for (Message message : messages) {
        out.write(printer.print(message));
        out.newLine();
      }
    }
  }
}
