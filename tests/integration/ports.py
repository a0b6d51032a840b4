"""Ports that stay free until a test listens on them."""
import contextlib
import random
import socket


def free_ports(count=1):
    """The first of `count` ports in a row that nobody uses, below those that systems hand out to connections (from 32768 on Linux): one of
    those may be taken by somebody's connection before a broker listens on it."""
    for first in random.sample(range(20000, 32768 - count), 1000):
        with contextlib.ExitStack() as taken:
            try:
                for port in range(first, first + count):
                    taken.enter_context(socket.socket()).bind(("127.0.0.1", port))
                return first
            except OSError:
                continue
    raise RuntimeError(f"no {count} free ports in a row between 20000 and 32767")
