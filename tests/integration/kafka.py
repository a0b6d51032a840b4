"""A real local Kafka for tests, from deploy/kafka/up: started, killed, paused and restarted node by node; topics made and read by a client
that is not the product's."""
import os
import shutil
import signal
import subprocess
import sys
import tempfile

from daemon import ROOT, wait_until
from ports import free_ports

sys.path.append("/usr/lib/python3/dist-packages")  # the client is Debian's, whichever Python comes first
from confluent_kafka.admin import AdminClient, ConfigResource, NewPartitions, NewTopic

START_S = 180
REQUEST_S = 20


class Kafka:
    """A cluster of 1 or 3 nodes on loopback. A context manager: running inside, gone with its data after.

        with Kafka(nodes=3) as kafka:
            kafka.create("vtq.claims", partitions=4, **{"cleanup.policy": "delete"})
            kafka.kill(2)
            kafka.restart(2)

    Node n listens on `port` + 10 (n - 1), and on the next port for the other nodes; without `port`, where ports are
    free. `properties` go to every broker, over those of deploy/kafka/up; change them before `restart`. `proxied`: each node also listens on its port + 2 for a proxy that clients reach on its
    port + 3. A node that was killed registers again only when its session has run out: 9 s, unless
    the property `broker.session.timeout.ms` says less. VTQ_KAFKA_VERSION in the environment chooses another version of Kafka."""

    def __init__(self, nodes=1, port=None, properties=None, proxied=False):
        self.nodes = nodes
        self.port = port = port or free_ports(10 * nodes)
        self.proxied = proxied
        self.properties = dict(properties or {})
        self.bootstrap = ",".join(f"127.0.0.1:{port + 10 * node}" for node in range(nodes))
        self.directory = tempfile.mkdtemp(prefix="kafka-", dir=os.environ.get("TMPDIR"))
        self.admin = None

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.stop()
            raise

    def __exit__(self, *_):
        self.stop()

    def start(self):
        """Starts the nodes that do not run, and returns when they serve."""
        command = [os.path.join(ROOT, "deploy/kafka/up"), "--nodes", str(self.nodes), "--port", str(self.port), "--directory",
                   self.directory, *(["--proxied"] if self.proxied else [])]
        if os.environ.get("VTQ_KAFKA_VERSION"):
            command += ["--version", os.environ["VTQ_KAFKA_VERSION"]]
        for name, value in self.properties.items():
            command += ["--property", f"{name}={value}"]
        # A node may end while the controllers of a busy machine do not agree on a leader: it is started once more.
        wrong = self._up(command) and self._up(command)
        if wrong:
            raise RuntimeError(f"deploy/kafka/up {wrong}")
        self.admin = AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0})
        return self

    @staticmethod
    def _up(command):
        """What went wrong, or nothing."""
        # Not captured through a pipe: the brokers would keep it open.
        with tempfile.TemporaryFile("w+") as said:
            code = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=said, stderr=said, timeout=START_S, check=False).returncode
            said.seek(0)
            return f"ended with {code}: {said.read()}" if code != 0 else ""

    def stop(self):
        """Kills every node and removes the data."""
        for node in range(1, self.nodes + 1):
            if self.running(node):
                self.kill(node)
        shutil.rmtree(self.directory, ignore_errors=True)

    def log(self, node=1):
        with open(self._path(node, "log"), encoding="utf-8", errors="replace") as file:
            return file.read()

    # Faults. A node is its number, from 1.

    def kill(self, node=1, how=signal.SIGKILL):
        """kill -9, or SIGTERM for an orderly stop. Returns when the process is gone."""
        pid = self.pid(node)
        os.kill(pid, how)
        if how != signal.SIGKILL:
            os.kill(pid, signal.SIGCONT)
        wait_until(lambda: _gone(pid), f"Kafka's node {node} gone", 60)
        os.unlink(self._path(node, "pid"))

    def restart(self, node=1):
        """Kills the node if it runs, starts it with the data it had, and returns when it serves."""
        if self.running(node):
            self.kill(node)
        return self.start()

    def pause(self, node=1):
        """SIGSTOP: it keeps its connections and answers nothing."""
        os.kill(self.pid(node), signal.SIGSTOP)

    def resume(self, node=1):
        os.kill(self.pid(node), signal.SIGCONT)

    def pid(self, node=1):
        with open(self._path(node, "pid"), encoding="utf-8") as file:
            return int(file.read())

    def running(self, node=1):
        try:
            return not _gone(self.pid(node))
        except FileNotFoundError:
            return False

    # Topics.

    def topics(self):
        """Number of partitions of each topic, by its name, without Kafka's own."""
        found = self.admin.list_topics(timeout=REQUEST_S).topics
        return {name: len(topic.partitions) for name, topic in found.items() if not name.startswith("__")}

    def create(self, name, partitions=1, replicas=1, **config):
        self._wait(self.admin.create_topics([NewTopic(name, partitions, replicas, config=config)]))
        wait_until(lambda: self.topics().get(name) == partitions, f"topic {name} is there")

    def delete(self, *names):
        self._wait(self.admin.delete_topics(list(names), operation_timeout=REQUEST_S))
        wait_until(lambda: not set(names) & set(self.topics()), f"topics {names} are gone")

    def add_partitions(self, name, partitions):
        """Raises the number of partitions to `partitions`."""
        self._wait(self.admin.create_partitions([NewPartitions(name, partitions)]))
        wait_until(lambda: self.topics().get(name) == partitions, f"{partitions} partitions of {name}")

    def config(self, name):
        """The configuration of a topic, by property."""
        described = self.admin.describe_configs([ConfigResource("topic", name)])
        (found,) = self._wait(described)
        return {entry.name: entry.value for entry in found.values()}

    def configure(self, name, **config):
        """Changes these properties of a topic, and leaves the others that it was made with."""
        described = self.admin.describe_configs([ConfigResource("topic", name)])
        (found,) = self._wait(described)
        kept = {entry.name: entry.value for entry in found.values() if not entry.is_default}
        self._wait(self.admin.alter_configs([ConfigResource("topic", name, set_config={**kept, **config})]))
        wait_until(lambda: config.items() <= self.config(name).items(), f"{config} of {name}")

    @staticmethod
    def _wait(futures):
        return [future.result(timeout=REQUEST_S) for future in futures.values()]

    def _path(self, node, name):
        return os.path.join(self.directory, f"node-{node}", name)


def _gone(pid):
    """Ended, even where nobody has waited for it."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            return file.read().rpartition(")")[2].split()[0] in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return True
