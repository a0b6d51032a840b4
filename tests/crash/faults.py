"""Exactly once under faults: three instances of resultsd share a real Kafka while a season plays and instances, brokers, connections and
disks fail at random. Called by tests/crash/run --faults."""
import bisect
import collections
import contextlib
import errno
import itertools
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
import traceback

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "integration"))
import daemon as daemons  # noqa: E402
import season as seasons  # noqa: E402
from kafka import Kafka  # noqa: E402
from ports import free_ports  # noqa: E402
from proxy import Proxy  # noqa: E402
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition  # noqa: E402

PARTITIONS = 8
INPUTS = ("registrations", "checkpoints", "assessments", "claims", "assurance", "commands")
OUTPUTS = ("entry-status", "result-batches", "notifications", "rejected")
# Field numbers in output.proto: what a record is about, and as of when.
ENTRY, AS_OF = {"entry-status": 1, "notifications": 1}, {"entry-status": 14, "notifications": 8}
NAMES = ("one", "two", "three")
MARK_EVERY = 150
# How often time is said to have been reached while a fault waits for transactions, and how often that is looked at.
SAY_TIME_S, PLAY_S = 0.2, 0.05
# Results are determined and issued within the last tenth of a season's events: half of the faults fall there.
LATE_FROM, LATE_FAULTS = 0.9, 0.5
SESSION_S = 6
DISK = "96m"
STOP_S = 60
READY_S = 120
PROGRESS_S = 120
CAUGHT_UP_S = 300
STOP_POINTS = ("before_apply", "before_offsets", "before_end", "after_end")
POINTS = (*STOP_POINTS, "before_write", "after_write")
WIPED = "a partition is restored from the beginning of its changelog"
# Number of the field in event.proto.
TIME_REACHED = 65
# What a run tells of the logs.
SAID = ("the session on Kafka was lost, beginning another", "a transaction was aborted; reading again", "trying again",
        "a call to Kafka never returned; ending, to be started again", WIPED)
WATCHDOG = 70

# Kinds of fault by where they strike, with how often each is drawn.
ON_INSTANCES = {"kill -9 of an instance": 14, "kill at a point of a transaction": 14, "pause beyond the session time-out": 7,
                "pause at a point of a transaction": 7, "SIGTERM and start": 7, "full disk": 8, "lost disk": 6}
ON_CLUSTER = {"broker killed and restarted": 8, "coordinator moved": 8, "connections cut": 12, "connections stalled": 8,
              "requests delivered late": 10}


class Unmet(Exception):
    """What should have come about within its time, and did not."""


def await_that(holds, what, deadline_s):
    try:
        return daemons.wait_until(holds, what, deadline_s)
    except TimeoutError as error:
        raise Unmet(str(error)) from error


# ---- the season's events ----

def varint(content, at):
    value = shift = 0
    while content[at] & 0x80:
        value |= (content[at] & 0x7F) << shift
        shift += 7
        at += 1
    return value | content[at] << shift, at + 1


def fields(message):
    """(number, value) of the top level of a protobuf message; of no other kinds than these protocols use."""
    at = 0
    while at < len(message):
        key, at = varint(message, at)
        if key & 7 == 0:
            value, at = varint(message, at)
        elif key & 7 == 2:
            length, at = varint(message, at)
            value, at = message[at:at + length], at + length
        else:
            length = 8 if key & 7 == 1 else 4
            value, at = message[at:at + length], at + length
        yield key >> 3, value


def events_of(path):
    """Each event of a file with its length in front, and the second in which it occurred."""
    with open(path, "rb") as file:
        content = file.read()
    at = 0
    while at < len(content):
        start = at
        length, at = varint(content, at)
        occurred = dict(fields(dict(fields(content[at:at + length]))[3]))
        at += length
        yield content[start:at], occurred.get(1, 0)


def varint_of(value):
    return bytes([value]) if value < 0x80 else bytes([value & 0x7F | 0x80]) + varint_of(value >> 7)


def field(number, content):
    """Of a protobuf message: a number, or bytes."""
    if isinstance(content, bytes):
        return varint_of(number << 3 | 2) + varint_of(len(content)) + content
    return varint_of(number << 3) + varint_of(content)


def time_reached(second):
    """An event that says to all centres how far time has come, with its length in front."""
    event = field(1, b"faults-time") + field(2, b"faults") + field(3, field(1, second)) + field(TIME_REACHED, field(1, b"*"))
    return varint_of(len(event)) + event


class Player:
    """Publishes a season through kafka_load, as fast as it is let."""

    def __init__(self, kafka, prefix, season, directory):
        self.command = [daemons.program("kafka_load"), "--bootstrap", kafka.bootstrap, "--prefix", prefix, "--mark-every", str(MARK_EVERY)]
        self.directory = directory
        events = list(events_of(season.events))
        self.first = first = events[0][1]
        # The reference data are of the season's first second. They are no part of the order in time: they go first, by themselves.
        self.reference = [one for one, second in events if second == first]
        self.events = [one for one, second in events if second != first]
        # How far time has come with each; some events come late.
        self.moments = list(itertools.accumulate((second for _, second in events if second != first), max))
        self.played = 0
        self.pipe = None
        self.process = None

    def publish_reference(self):
        path = os.path.join(self.directory, "reference.pb")
        with open(path, "wb") as file:
            file.writelines(self.reference)
        subprocess.run([*self.command, "--events", path], check=True, stdout=subprocess.DEVNULL, timeout=60)

    def begin(self):
        path = os.path.join(self.directory, "events.fifo")
        os.mkfifo(path)
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen([*self.command, "--events", path], stdout=log, stderr=log)
        # To open a FIFO for writing alone waits for its reader, also for one that has died.
        end = await_that(lambda: self._write_end(path), "kafka_load reads", READY_S)
        os.set_blocking(end, True)
        self.pipe = open(end, "wb")

    def _write_end(self, path):
        if (code := self.process.poll()) is not None:
            raise Unmet(f"kafka_load ended with {code}: {self.last_words()}")
        try:
            return os.open(path, os.O_WRONLY | os.O_NONBLOCK)
        except OSError as error:
            if error.errno != errno.ENXIO:  # nobody reads yet
                raise
            return None

    def _write(self, events):
        try:
            self.pipe.writelines(events)
            self.pipe.flush()
        except BrokenPipeError as error:
            raise Unmet(f"kafka_load ended with {self.process.wait(STOP_S)}: {self.last_words()}") from error

    @property
    def log_path(self):
        return os.path.join(self.directory, "kafka_load.log")

    def last_words(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as log:
            return "".join(log.readlines()[-5:])

    def play_to(self, share):
        until = min(len(self.events), int(share * len(self.events)))
        if until > self.played:
            self._write(self.events[self.played:until])
            self.played = until

    def say_time(self):
        """Makes a transaction in every partition and moves nothing: a time long past is said to have been reached. kafka_load stamps that record
        with the present moment, so all of that comes before."""
        until = bisect.bisect_right(self.moments, self.moments[self.played - 1], self.played) if self.played else 0
        self._write([*self.events[self.played:until], time_reached(self.first)])
        self.played = until

    def share(self):
        return self.played / len(self.events)

    def finish(self):
        self.play_to(1)
        self.pipe.close()
        code = self.process.wait(CAUGHT_UP_S)
        if code != 0:
            raise Unmet(f"kafka_load ended with {code}: {self.last_words()}")

    def stop(self):
        if self.pipe:
            with contextlib.suppress(BrokenPipeError):
                self.pipe.close()
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()


# ---- what lies on Kafka ----

def client(kafka, group, isolation):
    # A leader that has moved is found out when what is known of it is forgotten.
    return Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": group, "enable.auto.commit": False, "isolation.level": isolation,
                     "enable.partition.eof": True, "auto.offset.reset": "earliest", "log_level": 0, "metadata.max.age.ms": 1000})


class Group:
    """How far the group has come, as the brokers have it. Joins nothing."""

    def __init__(self, kafka, prefix):
        self.consumer = client(kafka, prefix + "group", "read_uncommitted")
        self.places = [TopicPartition(prefix + topic, partition) for topic in INPUTS for partition in range(PARTITIONS)]

    def committed(self):
        """Sum of the committed offsets; None while the brokers do not say."""
        try:
            return sum(max(place.offset, 0) for place in self.consumer.committed(self.places, timeout=5))
        except KafkaException:
            return None

    def behind(self):
        """Records that were not consumed; None while the brokers do not say."""
        try:
            ends = sum(self.consumer.get_watermark_offsets(place, timeout=5)[1] for place in self.places)
        except KafkaException:
            return None
        committed = self.committed()
        return None if committed is None else ends - committed


def standing(kafka, prefix):
    """Where the input topics and the changelog stand: what was not consumed, and what an open transaction holds back. For failures."""
    lines = []
    readers = [client(kafka, prefix + "group", isolation) for isolation in ("read_uncommitted", "read_committed")]
    places = [TopicPartition(prefix + topic, partition) for topic in (*INPUTS, "changelog") for partition in range(PARTITIONS)]
    try:
        for place in readers[0].committed(places, timeout=10):
            (_, end), (_, stable) = (reader.get_watermark_offsets(place, timeout=10) for reader in readers)
            if end != stable or (place.offset != end and not place.topic.endswith("changelog")):
                lines.append(f"{place.topic} {place.partition}: committed {place.offset}, last stable {stable}, end {end}")
    except KafkaException as error:
        lines.append(str(error))
    return "\n".join(lines)


def read_outputs(kafka, prefix):
    """Everything in the output topics that was committed: {(topic, key): [value, ...]}, in order."""
    places = [TopicPartition(prefix + topic, partition, 0) for topic in OUTPUTS for partition in range(PARTITIONS)]
    ends = client(kafka, prefix + "ends", "read_uncommitted")
    left = {(place.topic, place.partition): ends.get_watermark_offsets(place, timeout=20)[1] for place in places}
    ends.close()
    consumer = client(kafka, prefix + "outputs", "read_committed")
    consumer.assign(places)
    read = collections.defaultdict(list)
    until = time.monotonic() + CAUGHT_UP_S
    while left:
        if time.monotonic() > until:
            raise Unmet(f"the committed outputs could not be read to their ends: {left}")
        for message in consumer.consume(10_000, 0.5):
            place = message.topic(), message.partition()
            if message.error() is None:
                read[message.topic().removeprefix(prefix), message.key()].append(message.value())
            elif message.error().code() == KafkaError._PARTITION_EOF and message.offset() >= left.get(place, -1):
                # The position is past what markers of transactions occupy as well.
                left.pop(place, None)
    consumer.close()
    return dict(read)


def timed(topic, values):
    """(as of, entry, value) of each; of batches, which have an order of their own, only the value."""
    if topic not in ENTRY:
        return [(None, None, value) for value in values]
    made = []
    for value in values:
        about = dict(fields(value))
        second = dict(fields(about[AS_OF[topic]]))
        made.append(((second.get(1, 0), second.get(2, 0)), about[ENTRY[topic]], value))
    return made


def in_order(topic, values):
    """By moment, then by entry. What one moment changes at many entries of a centre comes in the order in which they lie in memory, and
    that is another one after a restart; each entry's own records stay in their order."""
    if topic not in ENTRY:
        return values
    return [value for _, _, value in sorted(timed(topic, values), key=lambda one: one[:2])]


def runs_back(topic, values):
    moments = [moment for moment, entry, _ in timed(topic, values) if entry is not None]
    return any(later < earlier for earlier, later in zip(moments, moments[1:]))


def decoded(topic, value):
    kind = {"entry-status": "EntryStatus", "result-batches": "ResultBatch", "notifications": "Notification"}.get(topic)
    if value is None or not kind:
        return repr(value)
    proto = os.path.join(daemons.ROOT, "proto")
    done = subprocess.run(["protoc", "--decode", f"vtq.v1.{kind}", "-I", proto, os.path.join(proto, "vtq/v1/output.proto")], input=value,
                          capture_output=True, check=False)
    return " ".join(done.stdout.decode().split())


def compare_outputs(checks, found, expected):
    """Record by record, for each topic and centre."""
    for topic in OUTPUTS:
        places = sorted({place for place in (*found, *expected) if place[0] == topic}, key=str)
        pairs = {place: [in_order(topic, side.get(place, [])) for side in (found, expected)] for place in places}
        differing = [place for place, (one, other) in pairs.items() if one != other]
        shown = [difference(topic, place[1], *pairs[place]) for place in differing[:3]]
        count = sum(len(expected.get(place, ())) for place in places)
        checks.check(not differing, f"committed {topic}: {count} records of {len(places)} centres are the undisturbed run's, in order",
                     f"         {len(differing)} centres differ\n" + "\n".join(shown))
        back = [place[1] for place in places if runs_back(topic, found.get(place, []))]
        checks.check(not back, f"committed {topic}: time never runs back", f"         at {len(back)} centres: {back[:5]}")


def difference(topic, key, found, expected):
    """In words: the first records that differ, and how the rest compares."""
    at = next((at for at, (one, other) in enumerate(zip(found, expected)) if one != other), min(len(found), len(expected)))
    counted, wanted = collections.Counter(found), collections.Counter(expected)
    more, less = counted - wanted, wanted - counted
    lines = [f"           {key}: {len(found)} records, should be {len(expected)}; {sum(more.values())} too many, "
             f"{sum(less.values())} missing; the first difference is record {at}"]
    for name, values in (("found", found[at:at + 2]), ("should be", expected[at:at + 2])):
        lines += [f"             {name}: {decoded(topic, value)[:600]}" for value in values]
    for name, values in (("too many", more), ("missing", less)):
        lines += [f"             {name}: {decoded(topic, value)[:600]}" for value in list(values)[:2]]
    return "\n".join(lines)


# ---- the instances ----

class Instance(daemons.Daemon):
    """One resultsd, with a small disk of its own for its data."""

    def __init__(self, name, kafka_settings, directory, disk=True):
        os.makedirs(directory)
        super().__init__({**kafka_settings, "kafka.instance": name}, directory=directory)
        self.name = name
        self.disk = os.path.join(directory, "disk")
        os.mkdir(self.disk)
        self.mounted = disk and subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK}", "none", self.disk], capture_output=True,
                                               check=False).returncode == 0  # not without being root
        self.settings["data.directory"] = os.path.join(self.disk, "store")
        self.began = 0
        self.wanted = False     # to be started again when it ends
        self.expected = None    # why it may end
        self.lock = threading.RLock()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.wanted = False
        super().__exit__()
        if self.mounted:
            subprocess.run(["umount", "-l", self.disk], check=True)

    @property
    def log_path(self):
        return os.path.join(self.directory, "log")

    def launch(self, crash_at="", stop_at=""):
        with self.lock:
            self.close()
            self.environment.update(RESULTSD_CRASH_AT=crash_at, RESULTSD_STOP_AT=stop_at)
            with open(self.log_path, "ab") as log:
                self.began = log.tell()
                command = [daemons.program("resultsd_crashing"), "--config", self.config()]
                self.process = subprocess.Popen(command, stderr=log, env=self.environment)
            self.port = None
            self.wanted = True

    def kill(self, how=signal.SIGKILL):
        """Ends it, and returns the exit code. It stays away until it is launched."""
        with self.lock:
            self.wanted = False
            self.process.send_signal(how)
        return self.process.wait(STOP_S)

    def ready(self):
        try:
            self.port = self.port or self._port(self.began)
            return self.port is not None and self.get("/readyz").status == 200
        except (OSError, daemons.http.client.HTTPException, RuntimeError, ValueError):
            self.close()
            self.port = None
            return False

    def why_not(self):
        """What it says itself of not being ready, and its last words."""
        try:
            answer = self.get("/readyz").body.decode()
        except (OSError, daemons.http.client.HTTPException, RuntimeError, ValueError) as error:
            answer = f"no answer: {error!r}"
        return f"{answer}\n{self.last_words(30)}"

    def stopped(self):
        with open(f"/proc/{self.process.pid}/stat", encoding="ascii") as stat:
            return stat.read().rpartition(")")[2].split()[0] == "T"

    def last_words(self, count=6):
        with open(self.log_path, "rb") as file:
            return b"".join(file.read().splitlines(keepends=True)[-count:]).decode(errors="replace")

    def said(self):
        """How often each message stands in the log. A line may be cut short where it was killed."""
        counts = collections.Counter()
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            for line in file:
                try:
                    counts[json.loads(line[line.rindex('{"time"'):] if line.count('{"time"') > 1 else line).get("message")] += 1
                except ValueError:
                    pass
        return counts

    def metric(self, name, **labels):
        return seasons.metric(self.get("/metrics", accept="text/plain").body.decode(), name, **labels)


class Keeper:
    """Starts instances again that have ended, as systemd would, and keeps the book of it."""

    def __init__(self, instances):
        self.instances = instances
        self.ends = []  # (instance, exit code, why it was expected or None, last words)
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._run, name="keeper")

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.thread.join()

    def _run(self):
        while not self.stopping.wait(0.1):
            for instance in self.instances:
                with instance.lock:
                    if not instance.wanted or (code := instance.process.poll()) is None:
                        continue
                    self.ends.append((instance.name, code, instance.expected, instance.last_words()))
                    instance.launch()

    def unexpected(self):
        return [end for end in self.ends if end[2] is None and end[1] != WATCHDOG]


# ---- the faults ----

def java_hash(text):
    value = 0
    for letter in text:
        value = (31 * value + ord(letter)) & 0xFFFFFFFF
    return abs(value - (1 << 32) if value & 0x80000000 else value)


class Faults:
    """Faults of two lanes, on instances and on the cluster, that strike at the same time, each after the one before it in its lane is over
    and something was committed since."""

    def __init__(self, kafka, proxy, instances, group, keeper, prefix, count, seed):
        self.kafka, self.proxy, self.instances, self.group, self.keeper = kafka, proxy, instances, group, keeper
        self.prefix = prefix
        draw = random.Random(f"{seed} faults")
        kinds = {**ON_INSTANCES, **ON_CLUSTER}
        if kafka.nodes == 1:
            del kinds["coordinator moved"]
        if not all(instance.mounted for instance in instances):
            del kinds["full disk"]
        drawn = draw.sample(list(kinds), min(count, len(kinds)))
        drawn += draw.choices(list(kinds), list(kinds.values()), k=count - len(drawn))
        draw.shuffle(drawn)
        self.total = count
        self.lanes = [[kind for kind in drawn if kind in lane] for lane in (ON_INSTANCES, ON_CLUSTER)]
        self.random = [random.Random(f"{seed} lane {number}") for number in range(2)]
        self.strikes = {"kill -9 of an instance": self.kill_instance, "kill at a point of a transaction": self.kill_at_point,
                        "pause beyond the session time-out": self.pause_instance,
                        "pause at a point of a transaction": self.pause_at_point, "SIGTERM and start": self.restart_instance,
                        "full disk": self.fill_disk, "lost disk": self.lose_disk, "broker killed and restarted": self.kill_broker,
                        "coordinator moved": self.move_coordinator, "connections cut": self.cut, "connections stalled": self.stall,
                        "requests delivered late": self.deliver_late}
        self.made = collections.Counter()
        self.points, self.zombies = collections.Counter(), collections.Counter()
        self.connections = 0
        self.unmet = []
        self.waiting = 0  # for transactions
        self.lock = threading.Lock()
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=self._run, args=lane, name=f"lane {lane[0]}") for lane in enumerate(self.lanes)]
        self.began = time.monotonic()

    def start(self):
        for thread in self.threads:
            thread.start()

    def over(self):
        return not any(thread.is_alive() for thread in self.threads)

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            if thread.is_alive():
                thread.join()

    def share(self):
        """How far the faults have come; 1 never: the last of them may wait for transactions as well, which take events."""
        return sum(self.made.values()) / (self.total + max(2, self.total / 20))

    def _run(self, number, kinds):
        draw = self.random[number]
        for kind in kinds:
            if self.stopping.is_set():
                return
            try:
                before = self.group.committed()
                what = self.strikes[kind](draw)
                self.tell(f"{kind}: {what}")
                self.made[kind] += 1
                self.await_progress(before)
                if self.stopping.wait(draw.uniform(0, 1)):
                    return
            except (Unmet, KafkaException, OSError, RuntimeError, subprocess.TimeoutExpired, TimeoutError) as error:
                self.unmet.append(f"{kind}: {error}\n{standing(self.kafka, self.prefix)}")
                self.stopping.set()

    def tell(self, text):
        with self.lock:
            print(f"  {time.monotonic() - self.began:6.1f} s  {sum(self.made.values()) + 1:3}  {text}", flush=True)

    def await_progress(self, before):
        """Something was committed since, or there is nothing to commit: what came after the last mark waits for the next."""
        def moved():
            now, behind = self.group.committed(), self.group.behind()
            return now is not None and behind is not None and (before is None or now > before or behind <= MARK_EVERY)
        self.await_transactions(moved, "something committed after the fault")

    def await_transactions(self, holds, what):
        """Time is said to have been reached meanwhile, for there to be transactions."""
        with self.lock:
            self.waiting += 1
        try:
            await_that(lambda: self.stopping.is_set() or holds(), what, PROGRESS_S)
        finally:
            with self.lock:
                self.waiting -= 1

    def await_ready(self, instance):
        began = time.monotonic()
        await_that(lambda: self.stopping.is_set() or instance.ready(), f"{instance.name} ready again", READY_S)
        return f"ready after {time.monotonic() - began:.1f} s"

    def back(self, draw, instance, often=0.7):
        """Mostly waits until it is back; otherwise the next fault finds it starting."""
        return self.await_ready(instance) if draw.random() < often else "not waited for"

    # On instances.

    def kill_instance(self, draw):
        instance = draw.choice(self.instances)
        instance.kill()
        instance.launch()
        return f"{instance.name}, {self.back(draw, instance)}"

    def kill_at_point(self, draw):
        instance, point = draw.choice(self.instances), draw.choice(POINTS)
        at = f"{point}:{draw.randint(1, 4)}"
        instance.kill()
        instance.expected = at
        ends = len(self.keeper.ends)
        instance.launch(at)
        struck = lambda: any(end[0] == instance.name for end in self.keeper.ends[ends:])  # noqa: E731
        self.await_transactions(struck, f"{instance.name} killed at {at}")
        self.points[point] += 1
        instance.expected = None
        return f"{instance.name} {at}, {self.back(draw, instance)}"

    def pause_instance(self, draw):
        instance, seconds = draw.choice(self.instances), SESSION_S + draw.uniform(1, 3)
        instance.process.send_signal(signal.SIGSTOP)
        self.stopping.wait(seconds)
        instance.process.send_signal(signal.SIGCONT)
        return f"{instance.name} for {seconds:.1f} s, {self.back(draw, instance)}"

    def pause_at_point(self, draw):
        """The zombie goes on in the middle of a transaction, mostly before its other threads know what it missed."""
        instance, point, seconds = draw.choice(self.instances), draw.choice(STOP_POINTS), SESSION_S + draw.uniform(1, 3)
        at = f"{point}:{draw.randint(1, 4)}:{draw.choice((0, 0, 100, 2000))}"
        instance.kill()
        instance.launch(stop_at=at)
        self.await_transactions(instance.stopped, f"{instance.name} stopped at {at}")
        self.stopping.wait(seconds)
        instance.process.send_signal(signal.SIGCONT)
        self.zombies[point] += 1
        return f"{instance.name} {at} for {seconds:.1f} s, {self.back(draw, instance)}"

    def restart_instance(self, draw):
        instance = draw.choice(self.instances)
        code = instance.kill(signal.SIGTERM)
        instance.launch()
        if code != 0:
            raise Unmet(f"{instance.name} ended with {code} on SIGTERM\n{instance.last_words()}")
        return f"{instance.name}, {self.back(draw, instance)}"

    def fill_disk(self, draw):
        instance, seconds = draw.choice(self.instances), draw.uniform(0, 2)
        self.await_ready(instance)
        ends, instance.expected = len(self.keeper.ends), "full disk"
        filler = os.path.join(instance.disk, "filler")
        with open(filler, "wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(1 << 16))
            except OSError:
                pass
        words = lambda: [end[3] for end in self.keeper.ends[ends:] if end[0] == instance.name]  # noqa: E731
        try:
            self.await_transactions(words, f"{instance.name} ended on the full disk")
            self.stopping.wait(seconds)  # it is started again, in vain
        finally:
            os.unlink(filler)
        if not self.stopping.is_set() and "space" not in words()[0]:
            raise Unmet(f"{instance.name} ended on a full disk and did not say so: {words()[0]}")
        said = self.await_ready(instance)
        instance.expected = None
        return f"{instance.name} ended {len(words())} times, {said}"

    def lose_disk(self, draw):
        instance = draw.choice(self.instances)
        instance.kill()
        shutil.rmtree(instance.settings["data.directory"])
        instance.launch()
        return f"{instance.name}, {self.back(draw, instance)}"

    # On the cluster.

    def kill_broker(self, draw):
        node = draw.randint(1, self.kafka.nodes)
        return f"broker {node}, {self.broker_away(draw, node)}"

    def broker_away(self, draw, node):
        seconds = draw.uniform(0, 5)
        self.kafka.kill(node)
        self.stopping.wait(seconds)
        began = time.monotonic()
        self.kafka.restart(node)
        self.await_in_sync()
        return f"away for {seconds:.1f} s, in sync {time.monotonic() - began:.1f} s later"

    def move_coordinator(self, draw):
        """Away from the broker that leads the partition of the group, or of the transactions of an instance."""
        group = self.prefix + "group"
        transactions = [(f"{group}-{one.name}", "__transaction_state") for one in self.instances]
        name, topic = draw.choice([(group, "__consumer_offsets"), *transactions])
        partitions = self.kafka.admin.list_topics(topic, timeout=20).topics[topic].partitions
        node = partitions[java_hash(name) % len(partitions)].leader
        text = f"of {name} on broker {node}"
        if draw.random() < 0.5:
            return f"{text}, {self.broker_away(draw, node)}"
        seconds = draw.uniform(5, 8)
        self.kafka.pause(node)
        self.stopping.wait(seconds)
        self.kafka.resume(node)
        self.await_in_sync()
        return f"{text}, paused for {seconds:.1f} s"

    def await_in_sync(self):
        def in_sync():
            try:
                found = self.kafka.admin.list_topics(timeout=5)
            except KafkaException:
                return False
            partitions = [partition for topic in found.topics.values() for partition in topic.partitions.values()]
            return len(found.brokers) == self.kafka.nodes and all(len(one.isrs) == len(one.replicas) for one in partitions)
        await_that(lambda: self.stopping.is_set() or in_sync(), "all copies in sync", READY_S)

    def some(self, draw):
        """Connections to strike: (which, in words, and the condition)."""
        instance = draw.choice(self.instances).name
        purpose = draw.choice(("writer", "reader", "changelog"))
        node = draw.randint(1, self.kafka.nodes)
        chance = random.Random(draw.random())
        return draw.choice([
            ("all", lambda one: True),
            ("half of them", lambda one: chance.random() < 0.5),
            (f"of {instance}", lambda one: one.name.startswith(instance + "-")),
            (f"of every {purpose}", lambda one: one.name.endswith("-" + purpose)),
            (f"the writer of {instance}", lambda one: one.name == f"{instance}-writer"),
            (f"to broker {node}", lambda one: one.node == node)])

    def cut(self, draw):
        which, wanted = self.some(draw)
        count = self.proxy.cut(wanted)
        self.connections += count
        return f"{which}, {count}"

    def stall(self, draw):
        which, wanted = self.some(draw)
        seconds = draw.uniform(1, 9)
        count = self.proxy.stall(wanted, seconds).result(30)
        self.connections += count
        return f"{which}, {count}, for {seconds:.1f} s"

    def deliver_late(self, draw):
        """Mostly what writers send: a late end of a transaction must not end the next one."""
        which, wanted = self.some(draw) if draw.random() < 0.3 else ("of every writer", lambda one: one.name.endswith("-writer"))
        cut_after, deliver_after = draw.uniform(0.05, 0.5), draw.choice((0.05, 0.3, 1, 3)) * draw.uniform(0.5, 1.5)
        count = self.proxy.deliver_late(wanted, cut_after, deliver_after).result(30)
        self.connections += count
        return f"{which}, {count}, {deliver_after:.2f} s after they were cut"


# ---- runs and what they say ----

def on_kafka(bootstrap, prefix):
    return {"time.source": "event", "kafka.bootstrap_servers": bootstrap, "kafka.topic_prefix": prefix, "kafka.group": prefix + "group",
            "kafka.session_timeout_ms": SESSION_S * 1000, "kafka.transaction_timeout_ms": 5000, "kafka.reference_wait_minutes": 0,
            "risk.samples_min": 10, "partitions": PARTITIONS,
            # Small, so that a full disk shows soon: the write-ahead log is laid out in advance.
            "store.write_buffer_bytes": "1MiB", "store.wal_bytes_max": "2MiB"}


def what_is_said(daemon, name):
    """Statuses, batches, roll-ups and overview."""
    files = [os.path.join(daemon.directory, f"{what}-{name}.jsonl") for what in ("statuses", "batches")]
    for what, path in zip(("statuses", "batches"), files):
        seasons.export(daemon, what, path)
    statuses, batches = (list(seasons.lines_of(path)) for path in files)
    return {"files": files, "lines": len(statuses) + len(batches),
            "statuses": {seasons.entry_name(one["entry"]): one for one in statuses}, "batches": {one["batch"]: one for one in batches}}


def through_the_embedded_log(season, directory):
    with daemons.Daemon({"time.source": "event", "risk.samples_min": 10, "partitions": PARTITIONS}, directory=directory) as daemon:
        daemon.resultsctl("publish", season.events)
        said = what_is_said(daemon, "embedded")
        return {**said, "rollups": seasons.rollups(daemon), "overview": daemon.get("/v1/overview").json()}


def undisturbed_on_kafka(kafka, season, directory):
    """Outputs of one instance that nothing happens to."""
    prefix = "undisturbed."
    with Instance("one", on_kafka(kafka.bootstrap, prefix), directory, disk=False) as instance:
        seasons.command("resultsctl", "topics", "create", "--config", instance.config())
        player = Player(kafka, prefix, season, directory)
        try:
            player.publish_reference()
            instance.launch()
            await_that(instance.ready, "the undisturbed instance ready", READY_S)
            player.begin()
            player.finish()
        finally:
            player.stop()
        group = Group(kafka, prefix)
        await_that(lambda: group.behind() == 0, "the undisturbed season consumed", CAUGHT_UP_S)
        said = what_is_said(instance, "undisturbed")
    return read_outputs(kafka, prefix), said


def warped(share):
    """Share of the events to be played when so many of the faults have struck."""
    if share < LATE_FAULTS:
        return share / LATE_FAULTS * LATE_FROM
    return LATE_FROM + (share - LATE_FAULTS) / (1 - LATE_FAULTS) * (1 - LATE_FROM)


def play_with_faults(player, faults):
    """Plays the season along with the faults: evenly in between, and never all of it before the last."""
    typical, last, last_share = 5.0, time.monotonic(), 0.0
    said = last
    while not faults.over():
        share, now = faults.share(), time.monotonic()
        if share > last_share:
            typical += 0.2 * ((now - last) / (share - last_share) / faults.total - typical)
            last, last_share = now, share
        player.play_to(warped(min(0.999, share + min(3.0, (now - last) / typical) / faults.total)))
        if faults.waiting and now - said >= SAY_TIME_S:
            player.say_time()
            said = now
        time.sleep(PLAY_S)
    player.finish()


def with_faults(checks, options, kafka, proxy, season, directory, expected, outputs):
    prefix = "faults."
    settings = {**on_kafka(proxy.bootstrap(), prefix), "log.level": options.log_level}
    instances = [Instance(name, settings, os.path.join(directory, name)) for name in NAMES]
    player = Player(kafka, prefix, season, directory)
    with contextlib.ExitStack() as ends:  # each of them, whatever another one raises
        for instance in instances:
            ends.push(instance)
        ends.callback(player.stop)
        seasons.command("resultsctl", "topics", "create", "--config", instances[0].config())
        player.publish_reference()
        for instance in instances:
            instance.launch()
        for instance in instances:
            await_that(instance.ready, f"{instance.name} ready", READY_S)
        group = Group(kafka, prefix)
        with Keeper(instances) as keeper:
            faults = Faults(kafka, proxy, instances, group, keeper, prefix, options.faults, options.seed)
            ends.callback(faults.stop)
            if not all(instance.mounted for instance in instances):
                checks.skipped += 1
                print("no disk is filled: that takes a mount, and so root")
            print(f"{options.faults} faults on 3 instances and {kafka.nodes} brokers, {len(player.events)} events", flush=True)
            player.begin()
            faults.start()
            play_with_faults(player, faults)
            checks.check(not faults.unmet, "everything came back after every fault", "\n".join(faults.unmet))
            played_s = time.monotonic() - faults.began
            try:
                await_that(lambda: group.behind() == 0, "the season consumed", CAUGHT_UP_S)
            except Unmet as error:
                raise Unmet(f"{error}\n{standing(kafka, prefix)}") from error
            print(f"  caught up {time.monotonic() - faults.began - played_s:.1f} s after the last fault", flush=True)
            for instance in instances:
                try:
                    await_that(instance.ready, f"{instance.name} ready at the end", READY_S)
                except Unmet as error:
                    raise Unmet(f"{error}\n{instance.why_not()}\n{standing(kafka, prefix)}") from error
            seconds = time.monotonic() - faults.began
        tell(faults, keeper, instances, seconds)
        hold_states(checks, instances, season, expected)
        compare_outputs(checks, read_outputs(kafka, prefix), outputs)
        hold_alone(checks, instances, expected)
        hold_logs(checks, faults, keeper, instances)


def tell(faults, keeper, instances, seconds):
    print(f"faults that struck, in {seconds:.0f} s:")
    for kind, count in sorted(faults.made.items(), key=lambda one: -one[1]):
        print(f"  {count:5}  {kind}")
    print(f"  {sum(faults.made.values()):5}  in all; {faults.connections} connections were cut, stalled or late")
    print("killed at: " + ", ".join(f"{point} {faults.points[point]}" for point in POINTS))
    print("paused at: " + ", ".join(f"{point} {faults.zombies[point]}" for point in STOP_POINTS))
    ends = collections.Counter((f"ended with {code}", why.partition(":")[0] if why else "by itself") for _, code, why, _ in keeper.ends)
    print("ended, and started again: " + ", ".join(f"{count} {code} ({why})" for (code, why), count in sorted(ends.items())))
    said = sum((instance.said() for instance in instances), collections.Counter())
    for message in SAID:
        print(f"  {said[message]:5}  \"{message}\"")


def hold_states(checks, instances, season, expected):
    """The union of what the instances say."""
    union = {"statuses": {}, "batches": {}}
    differing = []
    for instance in instances:
        said = what_is_said(instance, "end")
        for what, held in union.items():
            differing += [name for name, one in said[what].items() if held.setdefault(name, one) != one]
    checks.check(not differing, "no two instances say different things of the same", f"         {len(differing)}: {differing[:5]}")
    for what, held in union.items():
        checks.same(f"the union of the instances' {what} are the embedded run's ({len(expected[what])})", held, expected[what])
    files = []
    for what, held in union.items():
        files.append(os.path.join(instances[0].directory, f"{what}-union.jsonl"))
        with open(files[-1], "w", encoding="utf-8") as file:
            file.writelines(json.dumps(one) + "\n" for one in held.values())
    agrees, words = season.compare(*files)
    checks.check(agrees, "the truth says the same of the union", words)


def hold_alone(checks, instances, expected):
    """One takes over everything from the others, and says the same."""
    alone, *others = instances
    for instance in others:
        instance.kill(signal.SIGTERM)
    await_that(lambda: alone.ready() and alone.metric("vtq_kafka_partitions", role="owned") == PARTITIONS, f"{alone.name} took over all",
               READY_S)
    said = what_is_said(alone, "alone")
    for what in ("statuses", "batches"):
        checks.same(f"one instance alone: its {what} are the embedded run's ({len(expected[what])})", said[what], expected[what])
    checks.check(said["lines"] == len(said["statuses"]) + len(said["batches"]), "one instance alone: nothing is said twice")
    checks.same("one instance alone: its roll-ups are the embedded run's", seasons.rollups(alone), expected["rollups"])
    checks.same("one instance alone: its overview is the embedded run's", alone.get("/v1/overview").json(), expected["overview"])
    alone.kill(signal.SIGTERM)


def hold_logs(checks, faults, keeper, instances):
    checks.check(sum(faults.made.values()) == faults.total, f"all {faults.total} faults were made")
    ends = keeper.unexpected()
    checks.check(not ends, "no instance ended by itself but on a full disk",
                 "\n".join(f"         {name} ended with {code}: {words}" for name, code, _, words in ends[:5]))
    wiped = sum(instance.said()[WIPED] for instance in instances)
    checks.check(wiped == 0, "no store was wiped", f"         {wiped} times: \"{WIPED}\"")


@contextlib.contextmanager
def kept_logs(kafka, directory):
    """The brokers' logs beside the instances', for whoever keeps the directory."""
    try:
        yield
    finally:
        for node in range(1, kafka.nodes + 1):
            with open(os.path.join(directory, f"broker-{node}.log"), "w", encoding="utf-8") as file:
                file.write(kafka.log(node))


def run(options, directory):
    """All of it. Returns the exit code."""
    # Ended from outside, it stops and unmounts what it has started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    checks = seasons.Checks()
    began = time.monotonic()
    # Reference data apply as soon as they are read: a season that changes them on the way has no one order of transitions on Kafka.
    season = seasons.Season(directory, options.season, options.scale, options.seed, plain=True)
    print(f"season {season.name}", flush=True)
    embedded = os.path.join(directory, "embedded")
    os.makedirs(embedded)
    expected = through_the_embedded_log(season, embedded)
    agrees, words = season.compare(*expected["files"])
    checks.check(agrees, "the embedded run: the truth says the same", words)
    port = free_ports(10 * options.nodes)
    routes = {port + 10 * node + 3: port + 10 * node + 2 for node in range(options.nodes)}
    # A broker that is away is found out soon; one that leads nothing for long makes a fault of its own.
    properties = {"broker.session.timeout.ms": 4000, "broker.heartbeat.interval.ms": 1000, "replica.lag.time.max.ms": 5000}
    try:
        with Kafka(options.nodes, port, properties, proxied=True) as kafka, Proxy(routes) as proxy, \
                kept_logs(kafka, directory):
            print(f"  {time.monotonic() - began:.0f} s: Kafka runs", flush=True)
            outputs, said = undisturbed_on_kafka(kafka, season, os.path.join(directory, "undisturbed"))
            print(f"  {time.monotonic() - began:.0f} s: the undisturbed season is played", flush=True)
            for what in ("statuses", "batches"):
                checks.same(f"undisturbed on Kafka: {what} are the embedded run's", said[what], expected[what])
            with_faults(checks, options, kafka, proxy, season, directory, expected, outputs)
    except Unmet as error:
        checks.check(False, "the season was played to its end", str(error))
    except Exception:  # pylint: disable=broad-except
        checks.check(False, "the season was played to its end", traceback.format_exc())
    print(f"seed {options.seed}, {time.monotonic() - began:.0f} s")
    return checks.end()
