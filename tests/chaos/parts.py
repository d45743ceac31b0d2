"""What runs during the test: PostgreSQL, Kafka, the sandbox Graph and Rollcall's own processes."""
import json
import os
import pathlib
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

root = pathlib.Path(__file__).resolve().parents[2]


def tool(*arguments, **environment) -> str:
    """One of ops/; its standard output. Raises with what it said where it fails."""
    done = subprocess.run([str(root / arguments[0]), *map(str, arguments[1:])], text=True, capture_output=True,
                          env={**os.environ, **environment}, timeout=180, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, arguments))}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def insist(work):
    """On a machine under load a server may take more than one try to start."""
    for left in (2, 1, 0):
        try:
            return work()
        except (RuntimeError, subprocess.TimeoutExpired):
            if not left:
                raise
            time.sleep(1)


class Postgres:
    def __init__(self, folder, proxy):
        self.folder, self.proxy = folder, proxy
        self.lock = threading.Lock()

    def start(self):
        url = tool("ops/postgres", "start", self.folder).strip().removeprefix("DATABASE_URL=")
        self.port = urllib.parse.urlparse(url).port
        self.url = url
        self.proxy.target = self.port  # its port may be another's by the time it starts again

    def restart(self, mode, away):
        with self.lock:
            insist(lambda: tool("ops/postgres", "stop", self.folder, mode))
            time.sleep(away)
            insist(self.start)

    def destroy(self):
        tool("ops/postgres", "destroy", self.folder)


class Kafka:
    def __init__(self, folder, proxy):
        self.folder, self.proxy = folder, proxy
        self.lock = threading.Lock()

    def start(self):
        line = tool("ops/kafka", "start", self.folder, ROLLCALL_KAFKA_ADVERTISED=f"127.0.0.1:{self.proxy.port}").strip()
        self.proxy.target = int(line.rpartition(":")[2])

    def restart(self, hard, away):
        with self.lock:
            if hard:
                os.kill(int((self.folder / "pid").read_text()), signal.SIGKILL)
            insist(lambda: tool("ops/kafka", "stop", self.folder))
            time.sleep(away)
            insist(self.start)

    def stop(self):
        tool("ops/kafka", "stop", self.folder)


class Process:
    """One of Rollcall's programs, started again whenever it is killed; an end by itself is recorded."""

    def __init__(self, name, command, environment, log):
        self.name, self.command, self.environment, self.log = name, command, environment, log
        self.lock = threading.Lock()
        self.running = None
        self.starts = 0
        self.ended_by_itself = []

    def start(self):
        with open(self.log, "ab") as log:
            self.running = subprocess.Popen(self.command, env={**os.environ, **self.environment}, stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log)
        self.starts += 1

    def look(self):
        if self.running and self.running.poll() is not None:
            self.ended_by_itself.append(self.running.returncode)
            self.start()

    def kill(self, away):
        self.running.kill()
        self.running.wait()
        self.running = None
        time.sleep(away)
        self.start()

    def end(self, patience=30):
        """SIGTERM; the exit code."""
        self.running.terminate()
        try:
            return self.running.wait(patience)
        except subprocess.TimeoutExpired:
            self.running.kill()
            return self.running.wait()

    def stop_for(self, seconds):
        self.running.send_signal(signal.SIGSTOP)
        time.sleep(seconds)
        self.running.send_signal(signal.SIGCONT)


class Graph:
    """The sandbox, and what the test itself does to its groups: on a connection of its own, without faults."""

    faults = {"rate": 0.3, "status": [429, 500, 502, 503, 504], "applied_rate": 0.1, "cut_after_write_rate": 0.1,
              "drop_part_rate": 0.1, "page_fail_rate": 0.1, "envelope_rate": 0.05, "token_rate": 0.1, "short_page_rate": 0.1}

    def __init__(self, program, folder, seed_file, seed):
        self.log = open(folder / "graph.log", "ab")
        self.process = subprocess.Popen(
            [program, "--port", "0", "--seed-file", seed_file, "--rng-seed", str(seed % 1000000), "--latency-ms", "20",
             "--consistency-lag-ms", "300", "--writes", "1000000", "--resource-units", "1000000"],
            stdout=subprocess.PIPE, stderr=self.log)
        self.url = json.loads(self.process.stdout.readline())["url"]
        self.port = urllib.parse.urlparse(self.url).port
        self.own = set()  # request ids of the test's own changes
        self.lock = threading.Lock()
        self.faulty = False

    def ask(self, path, body=None, method=None, headers=None):
        request = urllib.request.Request(self.url + path, method=method, headers=headers or {})
        if body is not None:
            request.data = body if isinstance(body, bytes) else json.dumps(body).encode()
            if not isinstance(body, bytes):
                request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.headers, answer.read()

    def set_faults(self, on):
        self.faulty = on
        self.ask("/sandbox/faults", self.faults if on else {})

    def members(self, group):
        return set(json.loads(self.ask(f"/sandbox/groups/{group}/members")[1])["members"])

    def change(self, group, member, add):
        """As an administrator does it in the portal."""
        with self.lock:
            faulty = self.faulty
            self.set_faults(False)
            try:
                form = urllib.parse.urlencode({"client_id": "client", "client_secret": "secret", "grant_type": "client_credentials",
                                               "scope": self.url + "/.default"}).encode()
                token = json.loads(self.ask("/tenant/oauth2/v2.0/token", form)[1])["access_token"]
                bearer = {"Authorization": "Bearer " + token}
                if add:
                    headers, _ = self.ask(f"/v1.0/groups/{group}/members/$ref", headers=bearer,
                                          body={"@odata.id": f"{self.url}/v1.0/directoryObjects/{member}"})
                else:
                    headers, _ = self.ask(f"/v1.0/groups/{group}/members/{member}/$ref", method="DELETE", headers=bearer)
                self.own.add(headers["request-id"])
            except urllib.error.HTTPError as problem:
                if problem.code not in (400, 404, 429):  # somebody was quicker
                    raise
            finally:
                self.set_faults(faulty)

    def changes(self):
        """Every change of a membership that was not the test's own: (group, member, action)."""
        log = json.loads(self.ask("/sandbox/log")[1])["log"]
        actions = {"add": "member_added", "remove": "member_removed"}
        return [(one["group"], one["member"], actions[one["op"]], one["at"], one["request_id"])
                for one in log if one["op"] in actions and one["request_id"] and one["request_id"] not in self.own]

    def stop(self):
        self.process.terminate()
        self.process.wait()
