"""A daemon that seals results, and what looks for grades in bytes."""
import os
import subprocess
import tempfile

from daemon import Daemon, run


def new_line():
    """A line with a new key."""
    made = run("resultsctl", "seal", "new-key")
    assert made.returncode == 0, made.stderr
    return made.stdout


def age(identity, file):
    """What stock age opens with the identity; an error in words where it does not."""
    with tempfile.TemporaryDirectory() as directory:
        paths = [os.path.join(directory, name) for name in ("key", "file")]
        for path, content in zip(paths, (identity.encode() + b"\n", file)):
            with open(path, "wb") as out:
                out.write(content)
        done = subprocess.run(["age", "-d", "-i", *paths], capture_output=True, timeout=60, check=False)
        return done.stdout if done.returncode == 0 else f"age: {done.stderr.decode()}"


class Sealed(Daemon):
    """Has a key to seal with, in a file beside its store."""

    def __init__(self, settings=None, directory=None, key_file=None, **more):
        super().__init__(settings, directory=directory, **more)
        self.key_file = key_file or os.path.join(self.directory, "seal.key")
        if not os.path.exists(self.key_file):
            made = run("resultsctl", "seal", "keygen", self.key_file)
            assert made.returncode == 0, made.stderr
        self.settings["seal.key_file"] = self.key_file

    def keys(self):
        """Lines of the file with keys, in order."""
        with open(self.key_file, encoding="ascii") as file:
            return [line for line in file if not line.startswith("#")]

    def put_keys(self, lines):
        with open(self.key_file, "w", encoding="ascii") as file:
            file.writelines(lines)

    def seal(self, events, out):
        """A file of these events, sealed to this daemon's public key."""
        plain = out + ".plain.jsonl"
        with open(plain, "w", encoding="utf-8") as file:
            file.write(events)
        return self.resultsctl("seal", "events", plain, "--out", out)


def seen_in_files(directory, token):
    """Where in a directory's files the pattern stands: path, by what was found."""
    seen = {}
    for folder, _, names in os.walk(directory):
        for name in names:
            path = os.path.join(folder, name)
            try:
                with open(path, "rb") as file:
                    found = set(token.findall(file.read().decode("latin-1")))
            except FileNotFoundError:
                continue  # it went meanwhile, as those of a store do
            if found:
                seen[os.path.relpath(path, directory)] = sorted(found)
    return seen
