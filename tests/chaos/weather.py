"""What goes wrong, from one seed: processes killed and stopped, servers restarted, connections cut, slowed and refused."""
import random
import threading
import time


class Weather:
    def __init__(self, seed, world, say):
        self.random = random.Random(f"weather {seed}")
        self.world, self.say = world, say
        self.counts = {}
        self.under_way, self.failed = [], []
        self.began = time.monotonic()

    def go_on(self, stop):
        turns = [(self.kill, 20), (self.hold, 12), (self.hold_long, 7), (self.terminate, 6), (self.restart_postgres, 6), (self.restart_kafka, 4),
                 (self.cut, 25), (self.slow, 8), (self.refuse, 8), (self.end_sessions, 6)]
        while not stop.wait(self.random.uniform(0.5, 3.5)):
            name, work = self.random.choices([one for one, _ in turns], [weight for _, weight in turns])[0]()
            self.say(f"{time.monotonic() - self.began:6.1f} s  {name}")
            kind = name.split(" ")[0]
            self.counts[kind] = self.counts.get(kind, 0) + 1
            thread = threading.Thread(target=self._do, args=(name, work), daemon=True)
            thread.start()
            self.under_way.append(thread)

    def _do(self, name, work):
        try:
            work()
        except Exception as problem:  # told at the end: a server that does not start is no fault of Rollcall's
            self.failed.append(f"{name}: {problem}")

    def clear_up(self):
        """Waits for what is under way; afterwards nothing is wrong any more."""
        for thread in self.under_way:
            thread.join(120)
            if thread.is_alive():
                raise RuntimeError("something that was to go wrong never ended")

    def _with(self, process, work):
        def guarded():
            with process.lock:
                process.look()
                work()
        return guarded

    def kill(self):
        process, away = self.random.choice(self.world.processes), self.random.choice([0, 0, 1, 3, 12])
        return f"kill {process.name}, away for {away} s", self._with(process, lambda: process.kill(away))

    def terminate(self):
        process = self.random.choice(self.world.processes)

        def work():
            code = process.end()
            if code not in (0, 1):  # 1: what it had in hand did not end in time
                process.ended_by_itself.append(code)
            process.start()
        return f"terminate {process.name}", self._with(process, work)

    def hold(self):
        process, seconds = self.random.choice(self.world.processes), self.random.uniform(0.5, 5)
        return f"stop {process.name} for {seconds:.1f} s", self._with(process, lambda: process.stop_for(seconds))

    def hold_long(self):
        process, seconds = self.random.choice(self.world.processes), self.random.uniform(11, 25)
        return f"stop {process.name} for {seconds:.1f} s", self._with(process, lambda: process.stop_for(seconds))

    def restart_postgres(self):
        mode, away = self.random.choice(["fast", "immediate"]), self.random.choice([0, 1, 4])
        return f"restart-postgresql {mode}, away for {away} s", lambda: self.world.postgres.restart(mode, away)

    def restart_kafka(self):
        hard, away = self.random.random() < 0.5, self.random.choice([0, 2, 5])
        return f"restart-kafka {'SIGKILL' if hard else 'SIGTERM'}, away for {away} s", lambda: self.world.kafka.restart(hard, away)

    def _proxy(self):
        return self.random.choice(self.world.proxies)

    def cut(self):
        proxy, share = self._proxy(), self.random.choice([0.2, 0.5, 1])
        return f"cut {share:.0%} of the connections to {proxy.name}", lambda: proxy.cut(share)

    def _for_a_while(self, begin, end):
        seconds = self.random.uniform(1, 6)

        def work():
            begin()
            time.sleep(seconds)
            end()
        return seconds, work

    def slow(self):
        proxy, delay = self._proxy(), self.random.choice([0.05, 0.3, 1.5])
        seconds, work = self._for_a_while(lambda: proxy.slow(delay), lambda: proxy.slow(0))
        return f"slow {proxy.name} by {delay} s for {seconds:.1f} s", work

    def refuse(self):
        proxy = self._proxy()
        seconds, work = self._for_a_while(lambda: proxy.refuse(True), lambda: proxy.refuse(False))
        return f"refuse connections to {proxy.name} for {seconds:.1f} s", work

    def end_sessions(self):
        return "end-sessions of PostgreSQL", lambda: self.world.try_sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = 'rollcall'")
