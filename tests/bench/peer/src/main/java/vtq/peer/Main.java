package vtq.peer;

import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;

/** Runs the peer until it is told to stop, or, with {@code --stop-at-end true}, until it has committed all its inputs hold. */
public final class Main {
  private static final Map<String, String> DEFAULTS = Map.ofEntries(
      Map.entry("bootstrap", "127.0.0.1:19092"), Map.entry("prefix", "vtq."), Map.entry("application-id", "peer"),
      Map.entry("state-dir", "build/peer/state"), Map.entry("commit-interval-ms", "100"), Map.entry("threads", "1"),
      Map.entry("time", "wall"), Map.entry("stop-at-end", "false"), Map.entry("entries-in-memory-max", "1000000"),
      Map.entry("caching", "true"),
      // What one commit changes fits; more would only be searched for nothing, as entries are read from the processor's own cache.
      Map.entry("cache-bytes", Integer.toString(12 << 20)));

  private final Options options;
  private final LongAdder processed = new LongAdder();
  private final OperatingSystemMXBean machine = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
  private volatile long startedNs;
  private volatile long startedCpuNs;

  private Main(Options options) {
    this.options = options;
  }

  public static void main(String[] arguments) throws Exception {
    System.exit(new Main(new Options(arguments, DEFAULTS)).run());
  }

  private int run() throws Exception {
    boolean eventTime = switch (options.text("time")) {
      case "event" -> true;
      case "wall" -> false;
      default -> throw new IllegalArgumentException("--time is event or wall");
    };
    var topology = PeerTopology.make(options.text("prefix"), eventTime, options.number("entries-in-memory-max") / partitions(),
        options.flag("caching"), processed);
    CountDownLatch ended = new CountDownLatch(1);
    boolean failed;
    try (KafkaStreams streams = new KafkaStreams(topology, settings(eventTime))) {
      streams.setUncaughtExceptionHandler(error -> {
        error.printStackTrace();
        return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
      });
      streams.setStateListener((state, before) -> {
        if (state == KafkaStreams.State.RUNNING && before == KafkaStreams.State.REBALANCING) System.err.println("running");
        if (state == KafkaStreams.State.ERROR) ended.countDown();
      });
      Runtime.getRuntime().addShutdownHook(new Thread(() -> streams.close(Duration.ofSeconds(20))));
      streams.start();
      Thread watch = new Thread(() -> awaitFirst(ended), "first-record");
      watch.setDaemon(true);
      watch.start();
      if (options.flag("stop-at-end")) {
        awaitEnd(ended);
        System.out.println(figures());
      } else {
        ended.await();
      }
      failed = streams.state() == KafkaStreams.State.ERROR;
    }
    return failed ? 1 : 0;
  }

  private int partitions() throws ExecutionException, InterruptedException {
    String topic = options.text("prefix") + PeerTopology.INPUTS.get(0);
    try (Admin admin = Admin.create(Map.of("bootstrap.servers", options.text("bootstrap")))) {
      return admin.describeTopics(List.of(topic)).allTopicNames().get().get(topic).partitions().size();
    }
  }

  private Properties settings(boolean eventTime) {
    Properties set = new Properties();
    set.put(StreamsConfig.APPLICATION_ID_CONFIG, options.text("application-id"));
    set.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, options.text("bootstrap"));
    set.put(StreamsConfig.STATE_DIR_CONFIG, options.text("state-dir"));
    set.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
    set.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, options.text("commit-interval-ms"));
    set.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, options.text("threads"));
    set.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, -1);
    set.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, options.text("cache-bytes"));
    set.put(StreamsConfig.ROCKSDB_CONFIG_SETTER_CLASS_CONFIG, StoreMemory.class);
    // By event time the topics of a task are merged in order, so it waits for what the broker still has; else it never waits.
    set.put(StreamsConfig.MAX_TASK_IDLE_MS_CONFIG, eventTime ? 0 : -1);
    set.put(StreamsConfig.BUFFERED_RECORDS_PER_PARTITION_CONFIG, 5_000);
    set.put(StreamsConfig.consumerPrefix(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG), "earliest");
    set.put(StreamsConfig.consumerPrefix(ConsumerConfig.MAX_POLL_RECORDS_CONFIG), 10_000);
    set.put(StreamsConfig.consumerPrefix(ConsumerConfig.MAX_PARTITION_FETCH_BYTES_CONFIG), 1 << 20);
    set.put(StreamsConfig.producerPrefix(ProducerConfig.BATCH_SIZE_CONFIG), 128 << 10);
    set.put(StreamsConfig.producerPrefix(ProducerConfig.LINGER_MS_CONFIG), 20);
    set.put(StreamsConfig.producerPrefix(ProducerConfig.BUFFER_MEMORY_CONFIG), 64 << 20);
    // Days of timers pass in one step when a season is replayed.
    set.put(StreamsConfig.producerPrefix(ProducerConfig.TRANSACTION_TIMEOUT_CONFIG), 60_000);
    set.putAll(options.settings);
    return set;
  }

  /** Figures count from the first record, when stores are open and partitions assigned. */
  private void awaitFirst(CountDownLatch ended) {
    try {
      do {
        startedNs = System.nanoTime();
        startedCpuNs = machine.getProcessCpuTime();
      } while (processed.sum() == 0 && !ended.await(1, TimeUnit.MILLISECONDS));
    } catch (InterruptedException stopped) {
      Thread.currentThread().interrupt();
    }
  }

  private void awaitEnd(CountDownLatch ended) throws ExecutionException, InterruptedException {
    try (Admin admin = Admin.create(Map.of("bootstrap.servers", options.text("bootstrap")))) {
      Map<TopicPartition, Long> ends = ends(admin);
      do {
        var group = admin.listConsumerGroupOffsets(options.text("application-id")).partitionsToOffsetAndMetadata().get();
        if (ends.entrySet().stream().allMatch(end -> reached(group.get(end.getKey()), end.getValue()))) return;
      } while (!ended.await(100, TimeUnit.MILLISECONDS));
    }
  }

  private static boolean reached(OffsetAndMetadata committed, long end) {
    return end == 0 || (committed != null && committed.offset() >= end);
  }

  private Map<TopicPartition, Long> ends(Admin admin) throws ExecutionException, InterruptedException {
    Map<TopicPartition, OffsetSpec> latest = new HashMap<>();
    var topics = PeerTopology.INPUTS.stream().map(name -> options.text("prefix") + name).toList();
    admin.describeTopics(topics).allTopicNames().get().forEach((name, topic) ->
        topic.partitions().forEach(one -> latest.put(new TopicPartition(name, one.partition()), OffsetSpec.latest())));
    Map<TopicPartition, Long> ends = new HashMap<>();
    admin.listOffsets(latest).all().get().forEach((partition, end) -> ends.put(partition, end.offset()));
    return ends;
  }

  private String figures() throws IOException {
    double seconds = (System.nanoTime() - startedNs) / 1e9;
    double cpu = (machine.getProcessCpuTime() - startedCpuNs) / 1e9;
    long events = processed.sum();
    return String.format(Locale.ROOT,
        "{\"events\": %d, \"seconds\": %.3f, \"events_per_second\": %.0f, \"cpu_seconds\": %.3f, "
            + "\"cpu_seconds_per_million_events\": %.3f, \"start_cpu_seconds\": %.3f, \"peak_memory_bytes\": %d}",
        events, seconds, events / seconds, cpu, cpu / Math.max(events, 1) * 1e6, startedCpuNs / 1e9, peakMemoryBytes());
  }

  private static long peakMemoryBytes() throws IOException {
    for (String line : Files.readAllLines(Path.of("/proc/self/status")))
      if (line.startsWith("VmHWM:")) return Long.parseLong(line.replaceAll("\\D", "")) * 1024;
    return 0;
  }
}
