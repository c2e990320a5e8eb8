"""Waitress in one or several processes on one socket: bodies are buffered, and stopping lets running requests finish.

Why waitress: docs/decisions/0001-production-server.md.
"""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import socket
import struct
import time
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import TYPE_CHECKING, Any

from portal import clock

if TYPE_CHECKING:
    from flask import Flask

THREADS = 4
BACKLOG = 1024
CONNECTIONS = 1000
IDLE_SECONDS = 60
LARGEST_BODY = 4 * 1024 * 1024
STOPS_WITHIN_SECONDS = 25
LAST_TURNS = 20
LINGER_SECONDS = 0.3  # a connection just made has not sent its request yet
RESPAWN_PAUSE_SECONDS = 1.0
SO_ATTACH_FILTER, BPF_RETURN = 26, 6  # linux/asm-generic/socket.h, linux/bpf_common.h


def run_here(
    app: Flask, listening: socket.socket, *, parent: int | None = None, when_ready: Callable[[], None] | None = None
) -> None:
    """Serve in this process until SIGTERM or SIGINT, then finish what has begun.

    parent: process id of a supervisor; when it is gone, this process ends too. when_ready: called once it listens.
    """
    from waitress.server import create_server

    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    server = create_server(
        app,
        sockets=[listening],
        threads=THREADS,
        backlog=BACKLOG,
        connection_limit=CONNECTIONS,
        channel_timeout=IDLE_SECONDS,
        max_request_body_size=LARGEST_BODY,
        asyncore_use_poll=True,
        clear_untrusted_proxy_headers=False,
        ident=None,
    )
    stopping: list[int] = []  # no Event: setting one takes a lock, which an earlier signal may still hold

    def stop(signum: int, frame: FrameType | None) -> None:
        stopping.append(signum)
        server.pull_trigger()

    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, stop)
    if when_ready:
        when_ready()
    while not stopping and parent in (None, os.getppid()):
        _turn(server)
    _finish(server)


def run_processes(app: Flask, listening: socket.socket, count: int) -> None:
    """Serve in several processes that share one socket, replace those that die, and stop them all at SIGTERM."""
    supervisor = os.getpid()
    children: set[int] = set()
    stopping: list[int | None] = []

    def stop(signum: int | None = None, frame: FrameType | None = None) -> None:
        stopping.append(signum)
        listening.close()
        for child in children:
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGTERM)

    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, stop)
    while children or not stopping:
        while len(children) < count and not stopping:
            children.add(_fork(app, listening, supervisor))
        if stopping:
            stop()
        children.discard(os.wait()[0])
        if not stopping:
            time.sleep(RESPAWN_PAUSE_SECONDS)


def _fork(app: Flask, listening: socket.socket, supervisor: int) -> int:
    """A child that serves; the app is loaded already, so it shares the memory and starts at once."""
    signals = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    child = os.fork()
    if child:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, signals)
        return child
    status = 1
    try:
        for name in signals:
            signal.signal(name, lambda signum, frame: os._exit(0))
        signal.pthread_sigmask(signal.SIG_UNBLOCK, signals)
        run_here(app, listening, parent=supervisor)
        status = 0
    finally:
        os._exit(status)


def _turn(server: Any, seconds: float = 1) -> None:
    server.asyncore.loop(timeout=seconds, use_poll=True, map=server._map, count=1)


def _finish(server: Any) -> None:
    """Take what waits at the door, close it, answer the requests that have come, then close the rest."""
    began = clock.monotonic()
    _let_nobody_knock(server.socket)
    for _ in range(LAST_TURNS):
        _turn(server, 0)
    server.accepting = False
    server.del_channel()
    server.socket.close()
    while clock.monotonic() - began < STOPS_WITHIN_SECONDS:
        is_late = clock.monotonic() - began > LINGER_SECONDS
        if is_late and not any(_is_busy(channel) for channel in server.active_channels.values()):
            break
        _turn(server, LINGER_SECONDS)
    server.task_dispatcher.shutdown(timeout=1)
    server.asyncore.close_all(server._map)


def _let_nobody_knock(listening: socket.socket) -> None:
    """Have the kernel drop new connections; closing would reset those that are made but not taken yet.

    Whoever knocks now tries again a second later, and finds another server or a closed door. Linux only: a socket
    filter of one instruction, which lets zero bytes pass.
    """
    instruction = ctypes.create_string_buffer(struct.pack("=HBBI", BPF_RETURN, 0, 0, 0))
    with suppress(OSError):
        listening.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("@HP", 1, ctypes.addressof(instruction)))


def _is_busy(channel: Any) -> bool:
    return bool(channel.requests or channel.total_outbufs_len)
