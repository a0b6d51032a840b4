package vtq.peer;

import com.google.protobuf.InvalidProtocolBufferException;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.LongAdder;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.serialization.Serializer;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.processor.api.ContextualProcessor;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.StoreBuilder;
import org.apache.kafka.streams.state.Stores;
import vtq.v1.EventOuterClass.Event;

/** The topology: one processor over six topics, so that everything about a centre meets in one task, and reference data for all. */
final class PeerTopology {
  static final List<String> INPUTS = List.of("registrations", "checkpoints", "assessments", "claims", "assurance", "commands");

  private PeerTopology() {}

  static Topology make(String prefix, boolean eventTime, int entriesMax, boolean caching, LongAdder processed) {
    Reference reference = new Reference();
    Deserializer<byte[]> read = new ByteArrayDeserializer();
    Serializer<byte[]> write = new ByteArraySerializer();
    Topology topology = new Topology();
    topology.addGlobalStore(
        Stores.keyValueStoreBuilder(Stores.inMemoryKeyValueStore(Partition.REFERENCE), Serdes.Bytes(), Serdes.ByteArray())
            .withLoggingDisabled(),
        "reference-source", Serdes.Bytes().deserializer(), read, prefix + "reference", "reference-merge",
        () -> new ReferenceMerge(reference));
    topology.addSource("facts", read, read, INPUTS.stream().map(name -> prefix + name).toArray(String[]::new));
    topology.addProcessor("partition", () -> new Partition(eventTime, entriesMax, reference, processed), "facts");
    topology.addStateStore(store(Partition.ENTRIES, caching), "partition");
    topology.addStateStore(store(Partition.CENTRES, true), "partition");
    for (String out : List.of(Partition.TO_STATUS, Partition.TO_BATCHES, Partition.TO_NOTIFICATIONS, Partition.TO_REJECTED))
      topology.addSink(out, prefix + out, write, write, "partition");
    return topology;
  }

  /** Serialised by the processor itself, once for each change. Cached, RocksDB and changelog see a key once per commit. */
  private static StoreBuilder<KeyValueStore<Bytes, byte[]>> store(String name, boolean cached) {
    var builder = Stores.keyValueStoreBuilder(Stores.persistentKeyValueStore(name), Serdes.Bytes(), Serdes.ByteArray())
        .withLoggingEnabled(Map.of());
    return cached ? builder.withCachingEnabled() : builder.withCachingDisabled();
  }

  /** Keeps the global store and tells the tasks. */
  private static final class ReferenceMerge extends ContextualProcessor<Bytes, byte[], Void, Void> {
    private final Reference reference;

    ReferenceMerge(Reference reference) {
      this.reference = reference;
    }

    @Override
    public void process(Record<Bytes, byte[]> record) {
      Event event;
      try {
        event = Event.parseFrom(record.value());
      } catch (InvalidProtocolBufferException error) {
        throw new IllegalArgumentException("a record of the reference topic is no Event", error);
      }
      KeyValueStore<Bytes, byte[]> store = context().getStateStore(Partition.REFERENCE);
      store.put(record.key(), record.value());
      reference.merge(event, record.value());
    }
  }
}
