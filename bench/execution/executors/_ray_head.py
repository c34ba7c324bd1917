"""Whether the head of a Ray cluster is alive. Ray itself would try to reach it for minutes."""

from __future__ import annotations

import re
import socket
import time

from bench.errors import BenchError, InputError

TIMEOUT = 5.0
"""Seconds that the head may take to accept a connection."""

FRESH = 1.0
"""Seconds after which it is called again."""

PATIENCE = 20.0
"""Seconds that it may be silent. Ray would end the command after 60, without a word."""


class RayHead:
    """The head of a cluster, as it is heard from here.

    Args:
        address: ``host:port``.

    Raises:
        InputError: that is no address.
    """

    def __init__(self, address: str) -> None:
        if not re.fullmatch(r"[^/]+:\d{1,5}", address):
            raise InputError(f"{address!r}: the address of a Ray cluster's head is host:port")
        host, _, port = address.rpartition(":")
        self.address = address
        self._place = host, int(port)
        self._heard = time.monotonic()

    def call(self) -> None:
        """Connect to it.

        Raises:
            BenchError: it does not answer.
        """
        try:
            socket.create_connection(self._place, TIMEOUT).close()
        except OSError as error:
            raise BenchError(
                f"the head of the Ray cluster at {self.address} does not answer ({error}); "
                "nothing is lost, the same command goes on when a cluster is there"
            ) from None
        self._heard = time.monotonic()

    def check(self) -> None:
        """Connect to it, unless that was possible just now.

        Raises:
            BenchError: it has been silent for too long.
        """
        if time.monotonic() - self._heard < FRESH:
            return
        try:
            self.call()
        except BenchError:
            if time.monotonic() - self._heard > PATIENCE:
                raise
