// Run ids and organizations as topic.c makes them: the sequence number in the last 12 digits, chance in the others.
const mask = (1n << 64n) - 1n;
const mixed = (x) => {
  x = (x + 0x9e3779b97f4a7c15n) & mask;
  x = ((x ^ (x >> 30n)) * 0xbf58476d1ce4e5b9n) & mask;
  x = ((x ^ (x >> 27n)) * 0x94d049bb133111ebn) & mask;
  return x ^ (x >> 31n);
};
const hex = (value, digits) => value.toString(16).padStart(digits, "0");
const id = (sequence) => {
  const m = mixed(sequence);
  return `${hex(m >> 32n, 8)}-${hex((m >> 16n) & 0xffffn, 4)}-4${hex((m >> 4n) & 0xfffn, 3)}-8${hex(mixed(m) & 0xfffn, 3)}-` +
         hex(sequence, 12);
};
export function command(sequence, keys) {
  const number = BigInt(sequence);
  return { run_id: id(number), operation: "sync-members", organization_id: id(mixed(number) % BigInt(keys)),
           tenant_id: "bench", requested_by: "bench", full_read: false };
}
