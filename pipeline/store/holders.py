"""Who holds claims: a process that shows it is alive, or a batch until it ends."""

from __future__ import annotations

import os
import secrets
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from pipeline.claiming import LEASE_S, boot_clock
from pipeline.errors import ClaimsLost
from pipeline.store.database import Database, insert
from pipeline.store.tables import claims, holders

PROCESS, BATCH = "process", "batch"
"""The kinds of holder."""


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """Which process of which machine, so that another of the machine can see whether it is still there.

    A number alone says little: containers count from 1 again, and numbers are used again.
    """

    boot_id: str
    pid_namespace: str
    pid: int
    started: int
    """Clock ticks from boot to the process's start; 0 where /proc does not say."""

    @classmethod
    def own(cls) -> ProcessIdentity:
        """This process. Without /proc the host name replaces the boot id, and only the lease decides."""
        pid = os.getpid()
        return cls(_boot_id(), _namespace(), pid, started_at(pid) or 0)

    def sees_end_of(self, holder: Any) -> bool:
        """Whether the holder's process has ended. False for processes of other machines and containers: unknown."""
        if not self.started or (holder.boot_id, holder.pid_namespace) != (self.boot_id, self.pid_namespace):
            return False
        return started_at(holder.pid) not in (UNKNOWN, holder.started)


UNKNOWN = 0
"""No process starts with the machine's first tick."""


def started_at(pid: int) -> int | None:
    """When a process started, in clock ticks since boot; None where there is no such process, UNKNOWN where /proc does
    not say: other users' processes may be hidden, and this one may have no file left to open."""
    try:
        line = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return UNKNOWN if _is_there(pid) else None
    # proc(5): the second field is a name in brackets, which may hold spaces and brackets; the 22nd is the start
    state, *fields = line.rpartition(")")[2].split()
    # Z: it has ended, and its parent has not asked for the exit code yet
    return None if state in ("Z", "X") else int(fields[18])


def _is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # of another user
        pass
    return True


def _boot_id() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return socket.gethostname()


def _namespace() -> str:
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:
        return ""


LOOK_COUNTS_S = 2.0
"""The longest time between two looks that counts as silence; whoever waits for a claim looks every 0.2 s."""


class Witness:
    """Which other processes are dead, as far as this process can tell.

    A living one changes its heartbeat every 20 s. How long it has stayed the same is measured here, while this process
    looks: a step of the server's clock, an outage of the store or a suspended machine makes nobody silent.
    """

    def __init__(self, database: Database) -> None:
        self._sqlite = database.sqlite
        self._identity = ProcessIdentity.own()
        self._silences: dict[str, _Silence] = {}

    def dead_among(self, found: Sequence[Any]) -> list[Any]:
        """Of these rows of `holders`, those whose process is gone or has shown nothing for a lease."""
        return [holder for holder in found if holder.kind == PROCESS and self._is_dead(holder)]

    def _is_dead(self, holder: Any) -> bool:
        if self._sqlite and holder.boot_id != self._identity.boot_id:
            return True  # the machine has started anew since; a file is used on one machine
        # a stopped process (SIGSTOP, a suspended machine) is still there and silent: the lease decides on it
        return self._identity.sees_end_of(holder) or self._silence_s(holder) > LEASE_S

    def _silence_s(self, holder: Any) -> float:
        before, now = self._silences.get(holder.holder), boot_clock()
        if before is None or before.heartbeat != holder.heartbeat:
            silent = 0.0
        else:
            silent = before.lasted_s + min(now - before.looked_at, LOOK_COUNTS_S)
        self._silences[holder.holder] = _Silence(holder.heartbeat, silent, now)
        return silent


@dataclass(frozen=True, slots=True)
class _Silence:
    heartbeat: float
    lasted_s: float
    looked_at: float


NEXT_BEAT = {"heartbeat": holders.c.heartbeat + 1}


class Holder:
    """The holder row of this process, made with its first claim."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._identity = ProcessIdentity.own()
        self.witness = Witness(database)
        self.name = secrets.token_hex(16)
        self.registered = False
        """Whether the row is committed: a transaction that failed has not left one."""

    def register(self, connection: sa.Connection) -> None:
        """Write the row with the first claim. Raises ClaimsLost where another process has taken over since."""
        if self.registered:
            self.beat(connection)
            return
        who = {
            "boot_id": self._identity.boot_id,
            "pid_namespace": self._identity.pid_namespace,
            "pid": self._identity.pid,
            "started": self._identity.started,
        }
        row = insert(connection, holders).values(holder=self.name, kind=PROCESS, heartbeat=0.0, **who)
        # an earlier commit, whose reply was lost, may have written it
        connection.execute(row.on_conflict_do_update(index_elements=["holder"], set_=NEXT_BEAT))
        self._sweep(connection)

    def _sweep(self, connection: sa.Connection) -> None:
        """Remove dead processes that claim nothing: those with claims are removed by whoever wants their texts."""
        claiming = sa.exists().where(claims.c.holder == holders.c.holder)
        idle = connection.execute(sa.select(holders).where(holders.c.kind == PROCESS, ~claiming)).all()
        take_over(connection, self.dead_among(idle))

    def beat(self, connection: sa.Connection) -> None:
        """Show that this process is alive. Raises ClaimsLost where another has taken over its claims."""
        mine = sa.update(holders).where(holders.c.holder == self.name)
        alive = connection.execute(mine.values(NEXT_BEAT)).rowcount
        if self.registered and not alive:
            raise ClaimsLost(
                f"this process did not reach the store for {LEASE_S:.0f} s, and another has taken over its texts; "
                "what came back is stored"
            )

    def remove(self, connection: sa.Connection) -> None:
        """Give back all claims, and the row."""
        connection.execute(sa.delete(holders).where(holders.c.holder == self.name))
        self.registered = False

    def dead_among(self, found: Sequence[Any]) -> list[Any]:
        """Of these rows of `holders`, those of other processes that are dead."""
        return self.witness.dead_among([holder for holder in found if holder.holder != self.name])


def take_over(connection: sa.Connection, dead: Sequence[Any]) -> set[str]:
    """Free the claims of dead holders; returns those that were still as they had been read.

    One compare-and-set each: a heartbeat that came meanwhile keeps the claims where they are.
    """
    taken = set()
    for holder in dead:
        as_read = (holders.c.holder == holder.holder) & (holders.c.heartbeat == holder.heartbeat)
        if connection.execute(sa.delete(holders).where(as_read)).rowcount:
            taken.add(holder.holder)
    return taken


def living_claims(database: Database, witness: Witness, connection: sa.Connection) -> list[str]:
    """Processes with claims, each in a few words; of an older store too, whose claims name host and number."""
    if sa.inspect(connection).has_table("holders"):
        found = connection.execute(sa.select(holders).where(holders.c.holder.in_(sa.select(claims.c.holder)))).all()
        dead = witness.dead_among(found)
        return [f"{holder.kind} {holder.pid}" for holder in found if holder not in dead]
    # schema 0004 kept the time of day in SQLite files
    now = time.time() if database.sqlite else _server_time(connection)
    query = sa.text("SELECT DISTINCT host, pid FROM claims WHERE expires_at > :now ORDER BY host, pid")
    here = socket.gethostname()
    return [
        f"process {claim.pid} of {claim.host}"
        for claim in connection.execute(query, {"now": now})
        if claim.host != here or started_at(claim.pid) is not None
    ]


def _server_time(connection: sa.Connection) -> float:
    return float(connection.exec_driver_sql("SELECT extract(epoch FROM clock_timestamp())").scalar_one())
