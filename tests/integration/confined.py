"""What a unit of systemd takes from a program, done without systemd: its system calls, families of addresses, capabilities, and memory that is both
written and run. Directories that systemd hides or makes read-only are not among it. For x86-64, where the tests run."""
import ctypes
import re
import resource
import socket
import struct
import subprocess

NO_NEW_PRIVILEGES, SECCOMP, FILTER, DROP_CAPABILITY, REFUSE_WRITTEN_AND_RUN = 38, 22, 2, 24, 65
LOAD, EQUAL, RETURN = 0x20, 0x15, 0x06
ALLOW, REFUSE = 0x7FFF0000, 0x00050000
X86_64 = 0xC000003E
AT_NUMBER, AT_ARCHITECTURE, AT_FIRST = 0, 4, 16
NOT_PERMITTED, NO_SUCH_FAMILY = 1, 97


def numbers():
    """Of every system call of this machine, by name."""
    done = subprocess.run(["cpp", "-dM", "-include", "sys/syscall.h", "/dev/null"], capture_output=True, text=True, check=True)
    return {name: int(number) for name, number in re.findall(r"#define __NR_(\w+) (\d+)", done.stdout)}


def members(group, known):
    """Names of system calls in a group of systemd's, and in those that it names."""
    if group not in known:
        listed = subprocess.run(["systemd-analyze", "syscall-filter", "--no-pager", group], capture_output=True, text=True, check=True).stdout
        known[group] = set()
        for line in listed.splitlines()[1:]:
            word = line.strip()
            if word and not word.startswith("#"):
                known[group] |= members(word, known) if word.startswith("@") else {word}
    return known[group]


class Unit:
    """The lines of a unit that name what a program may do."""

    def __init__(self, path):
        self.calls, known = set(), {}
        with open(path, encoding="utf-8") as file:
            lines = file.read().splitlines()
        for line in lines:
            name, _, value = line.partition("=")
            if name == "SystemCallFilter":
                for word in value.lstrip("~").split():
                    named = members(word, known) if word.startswith("@") else {word}
                    self.calls = self.calls - named if value.startswith("~") else self.calls | named
            elif name == "RestrictAddressFamilies":
                self.families = [int(getattr(socket, word)) for word in value.split()]
            elif name == "LimitNOFILE":
                self.files = int(value)
        self.no_capabilities = "CapabilityBoundingSet=" in lines
        self.refuses_written_and_run = "MemoryDenyWriteExecute=yes" in lines


class Confinement:
    """For subprocess's preexec_fn: what is started has no more than its unit leaves it."""

    def __init__(self, unit):
        self.unit = unit
        known = numbers()
        step = lambda code, value, true=0, false=0: struct.pack("HBBI", code, true, false, value)
        refuse = lambda why: step(RETURN, REFUSE | why)
        steps = [step(LOAD, AT_ARCHITECTURE), step(EQUAL, X86_64, 1, 0), refuse(NOT_PERMITTED), step(LOAD, AT_NUMBER)]
        families = [part for family in unit.families for part in (step(EQUAL, family, 0, 1), step(RETURN, ALLOW))]
        steps += [step(EQUAL, known["socket"], 0, len(families) + 2), step(LOAD, AT_FIRST), *families, refuse(NO_SUCH_FAMILY)]
        for name in sorted(unit.calls & set(known)):
            steps += [step(EQUAL, known[name], 0, 1), step(RETURN, ALLOW)]
        self.filter = ctypes.create_string_buffer(b"".join(steps) + refuse(NOT_PERMITTED))
        self.program = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(steps) + 1, ctypes.addressof(self.filter)))
        self.library = ctypes.CDLL(None, use_errno=True)

    def __call__(self):
        prctl = self.library.prctl
        files = min(self.unit.files, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
        if self.unit.no_capabilities:
            for capability in range(64):
                prctl(DROP_CAPABILITY, capability, 0, 0, 0)
        prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0)
        if self.unit.refuses_written_and_run:
            prctl(REFUSE_WRITTEN_AND_RUN, 1, 0, 0, 0)  # of Linux 6.3 and later
        if prctl(SECCOMP, FILTER, ctypes.byref(self.program), 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "the filter of system calls was not taken")
