"""readers.py PORT PID COUNT: so many readers of GET /events, idle, then told one event; what the server needs for them."""
import resource
import socket
import sys
import time
import urllib.request

port, pid, count = map(int, sys.argv[1:])
resource.setrlimit(resource.RLIMIT_NOFILE, (count + 100, max(count + 100, resource.getrlimit(resource.RLIMIT_NOFILE)[1])))


def resident_mib():
    with open(f"/proc/{pid}/status") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmRSS"))


print(f"no reader: {resident_mib():.0f} MiB resident")
began = time.monotonic()
readers = []
for _ in range(count):
    reader = socket.create_connection(("127.0.0.1", port))
    reader.sendall(b"GET /events HTTP/1.1\r\nHost: h\r\n\r\n")
    readers.append(reader)
for reader in readers:
    assert reader.recv(4096).startswith(b"HTTP/1.1 200")
print(f"{count} idle readers: {resident_mib():.0f} MiB resident; all there after {time.monotonic() - began:.1f} s")
began = time.monotonic()
told = int(urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{port}/tell", b"", method="POST")).read())
for reader in readers:
    assert b"data: told\n\n" in reader.recv(4096)
print(f"one event told to {told} readers, read by all after {time.monotonic() - began:.2f} s: {resident_mib():.0f} MiB resident")
