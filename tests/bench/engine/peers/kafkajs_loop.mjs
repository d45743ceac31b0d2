// What a careful team writes by hand: kafkajs and pg, a thousand at a time, unnest of arrays, offsets committed after the results are sent.
//   node kafkajs_loop.mjs COMMANDS RESULTS
import { kafka, pool, producer, settle } from "./store.mjs";

const [, , commands, results] = process.argv;
const batchMax = 1000;
const consumer = kafka.consumer({ groupId: commands, maxWaitTimeInMs: 100 });
await producer.connect();
await consumer.connect();
await consumer.subscribe({ topic: commands, fromBeginning: true });
await consumer.run({
  autoCommit: false,
  eachBatchAutoResolve: false,
  partitionsConsumedConcurrently: 4,
  eachBatch: async ({ batch, resolveOffset, heartbeat, isRunning, isStale }) => {
    for (let at = 0; at < batch.messages.length && isRunning() && !isStale(); at += batchMax) {
      const messages = batch.messages.slice(at, at + batchMax);
      await settle(messages.map(({ value }) => ({ command: JSON.parse(value.toString()), result: {} })), results);
      const next = (BigInt(messages.at(-1).offset) + 1n).toString();
      resolveOffset(messages.at(-1).offset);  // where the next fetch begins; committing alone does not move it
      await consumer.commitOffsets([{ topic: batch.topic, partition: batch.partition, offset: next }]);
      await heartbeat();
    }
  },
});
process.on("SIGTERM", async () => {
  await consumer.disconnect();
  await producer.disconnect();
  await pool.end();
  process.exit(0);
});
