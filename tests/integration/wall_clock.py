"""A real daemon whose clocks a test sets."""
import math
import os
import time
from datetime import datetime, timezone

from daemon import Daemon, program, wait_until


class WallClock(Daemon):
    """A daemon that believes it is `at` (UTC, `2023-08-14T09:00:00`), and whose clocks a test can set: `set` is for time that really passed,
    `shift` and `wrong` for a wall clock that jumps."""

    def __init__(self, at, settings=None):
        super().__init__(settings)
        self.file = os.path.join(self.directory, "clock")
        self.offset_s = self.passed_s = 0
        preloaded = " ".join(filter(None, (program("wall_clock.so"), os.environ.get("LD_PRELOAD"))))
        self.environment.update(LD_PRELOAD=preloaded, WALL_CLOCK_OFFSET_FILE=self.file,
                                ASAN_OPTIONS="verify_asan_link_order=0")
        self.wrong(at)
        self.right_s = self.offset_s

    def wrong(self, at):
        """The wall clock alone, at the moment or within a second after it: offsets are whole seconds."""
        self.shift(math.ceil(datetime.fromisoformat(at).replace(tzinfo=timezone.utc).timestamp() - time.time() - self.offset_s))

    def set(self, at):
        """Time really passes until `at`, and the wall clock is right."""
        self.wrong(at)
        self.passed_s = self.offset_s - self.right_s
        self.shift(0)

    def shift(self, seconds):
        """Moves the clock, at one stroke."""
        self.offset_s += seconds
        with open(self.file + ".new", "w", encoding="ascii") as file:
            file.write(f"{self.offset_s} {self.passed_s}\n")
        os.replace(self.file + ".new", self.file)

    def start(self, ready=True):
        if ready:
            return super().start()
        wait_until_ready, self.ready = self.ready, lambda: None
        try:
            return super().start()
        finally:
            self.ready = wait_until_ready

    def clock(self):
        return self.get("/v1/clock").json()

    def doubted(self):
        wait_until(lambda: not self.clock()["trusted"], "the clock is doubted")

    def trusted(self):
        wait_until(lambda: self.clock()["trusted"], "the clock is trusted")

    def logical_time(self):
        return self.get("/v1/overview").json()["time"]

    def messages(self):
        return [line["message"] for line in self.log()]

    def metric(self, name):
        return next(float(line.split()[1]) for line in self.get("/metrics", accept="text/plain").body.decode().splitlines()
                    if line.startswith(name + " "))
