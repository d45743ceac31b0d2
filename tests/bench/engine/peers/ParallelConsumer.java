import io.confluent.parallelconsumer.ParallelConsumerOptions;
import io.confluent.parallelconsumer.ParallelConsumerOptions.ProcessingOrder;
import io.confluent.parallelconsumer.ParallelStreamProcessor;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.serialization.StringDeserializer;

/** Confluent's parallel-consumer doing the sleeps that the worker's "sleep" handler does, order by key. Arguments: BROKERS TOPIC COUNT CONCURRENCY. */
public final class ParallelConsumer {
  private static long sleepNanos(long sequence) {  // as sleep_of in worker.cpp
    long x = sequence + 0x9E3779B97F4A7C15L;
    x = (x ^ (x >>> 30)) * 0xBF58476D1CE4E5B9L;
    x = (x ^ (x >>> 27)) * 0x94D049BB133111EBL;
    return Long.remainderUnsigned(x ^ (x >>> 31), 5001) * 1000;
  }

  private static void sleep(long nanos) {
    final long until = System.nanoTime() + nanos;
    for (long left = nanos; left > 0; left = until - System.nanoTime()) LockSupport.parkNanos(left);
  }

  private static long sequenceOf(String command) {
    final int at = command.indexOf("\"run_id\":\"") + 10;
    return Long.parseLong(command.substring(at + 24, at + 36), 16);
  }

  public static void main(String[] arguments) throws Exception {
    final var consumer = new KafkaConsumer<String, String>(
        Map.of("bootstrap.servers", arguments[0], "group.id", arguments[1] + "-parallel", "enable.auto.commit", "false",
               "auto.offset.reset", "earliest"),
        new StringDeserializer(), new StringDeserializer());
    final var options = ParallelConsumerOptions.<String, String>builder()
                            .ordering(ProcessingOrder.KEY)
                            .maxConcurrency(Integer.parseInt(arguments[3]))
                            .consumer(consumer)
                            .build();
    final var parallel = ParallelStreamProcessor.<String, String>createEosStreamProcessor(options);
    final var left = new CountDownLatch(Integer.parseInt(arguments[2]));
    final var lastOfKey = new ConcurrentHashMap<String, Long>();
    final var outOfOrder = new AtomicLong();
    final var begun = new AtomicLong();
    parallel.subscribe(List.of(arguments[1]));
    parallel.poll(context -> {
      begun.compareAndSet(0, System.nanoTime());
      final long sequence = sequenceOf(context.value());
      final Long last = lastOfKey.put(context.key(), sequence);
      if (last != null && last >= sequence) outOfOrder.incrementAndGet();
      sleep(sleepNanos(sequence));
      left.countDown();
    });
    left.await();
    final long microseconds = (System.nanoTime() - begun.get()) / 1000;
    System.out.println("{\"microseconds\":" + microseconds + ",\"out_of_order\":" + outOfOrder.get() + "}");
    parallel.close();
  }
}
