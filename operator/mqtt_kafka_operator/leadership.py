"""The Lease: of several operators one works, the others wait.

How a Lease is taken and renewed is the library's; when it is tried, and what its end means, is
decided here: the library's own loop knows no time limit for a call, ends on a lost connection
without stopping what it leads, goes on when that has ended, and never gives the Lease back.
"""

import asyncio
import contextlib
import math
import random
import time
from dataclasses import dataclass
from typing import Final

import aiohttp
from kubernetes.aio.client import ApiClient, V1Lease, V1LeaseSpec, V1ObjectMeta
from kubernetes.aio.client.exceptions import ApiException
from kubernetes.aio.leaderelection.electionconfig import Config
from kubernetes.aio.leaderelection.leaderelection import LeaderElection
from kubernetes.aio.leaderelection.leaderelectionrecord import LeaderElectionRecord
from kubernetes.aio.leaderelection.resourcelock.leaselock import LeaseLock

DURATION_SECONDS: Final = 15
"""Others wait for so long after the last renewal that they saw."""
RENEW_SECONDS: Final = 10
"""Without a renewal for so long the holder stops: before the others may begin."""
RETRY_SECONDS: Final = 2
_CALL_SECONDS: Final = 3
_MARGIN_SECONDS: Final = 3
"""A write that is under way must have ended when others begin."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """Who wants which Lease."""

    namespace: str
    lease: str
    identity: str
    """Unique among those that run at the same time."""


class _Lock(LeaseLock):
    """A Lease whose calls end in time; a lost connection is a refusal like any other."""

    async def get(
        self, name: str, namespace: str
    ) -> tuple[bool, LeaderElectionRecord] | tuple[bool, Exception] | tuple[bool, None]:
        try:
            async with asyncio.timeout(_CALL_SECONDS):
                return await super().get(name, namespace)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            return False, ApiException(reason=f"{type(error).__name__} {error}")

    async def create(
        self, name: str, namespace: str, election_record: LeaderElectionRecord
    ) -> bool:
        """Create it; the library's own passes a value that its own models refuse (37.0.2)."""
        spec: V1LeaseSpec = self.update_lease(election_record)
        lease = V1Lease(metadata=V1ObjectMeta(name=name), spec=spec)
        try:
            async with asyncio.timeout(_CALL_SECONDS):
                await self.api_instance.create_namespaced_lease(namespace, lease)
        except (ApiException, aiohttp.ClientError, OSError, TimeoutError):
            return False
        return True

    async def update(self, name: str, namespace: str, updated_record: LeaderElectionRecord) -> bool:
        try:
            async with asyncio.timeout(_CALL_SECONDS):
                return await super().update(name, namespace, updated_record)
        except (aiohttp.ClientError, OSError, TimeoutError):
            return False

    async def give_back(self) -> None:
        """Write that nobody holds it, unless somebody else does by now."""
        lease = self.lease_reference
        if lease is None or lease.spec is None:
            return
        lease.spec.holder_identity = ""
        lease.spec.lease_duration_seconds = 1
        with contextlib.suppress(ApiException, aiohttp.ClientError, OSError, TimeoutError):
            async with asyncio.timeout(_CALL_SECONDS):
                await self.api_instance.replace_namespaced_lease(self.name, self.namespace, lease)


class Leadership:
    """One candidate's way to the Lease.

    Args:
        client: of the API server.
        candidate: who wants it.
    """

    def __init__(self, client: ApiClient, candidate: Candidate) -> None:
        self._lock = _Lock(candidate.lease, candidate.namespace, candidate.identity, client)
        self._election = LeaderElection(
            Config(
                self._lock,
                lease_duration=DURATION_SECONDS,  # it has to be an int: it is written as text
                renew_deadline=RENEW_SECONDS,
                retry_period=RETRY_SECONDS,
                onstarted_leading=_nothing,
                onstopped_leading=_nothing,
            )
        )
        self._renewed_at: float | None = None

    @property
    def holds(self) -> bool:
        """Whether the Lease is ours, and will be until a call that begins now has ended."""
        if self._renewed_at is None:
            return False
        return time.monotonic() - self._renewed_at < DURATION_SECONDS - _MARGIN_SECONDS

    async def acquire(self) -> None:
        """Wait until the Lease is ours."""
        while True:
            if await self._attempt():
                return
            await asyncio.sleep(RETRY_SECONDS * random.uniform(0.8, 1.2))

    async def hold(self) -> None:
        """Renew the Lease; return when it is lost, or can't be renewed in time."""
        while (left := self._seconds_to_renew()) > 0:
            await asyncio.sleep(min(RETRY_SECONDS, left))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._seconds_to_renew()):
                    if not await self._attempt() and self._is_somebody_elses():
                        break
        self._renewed_at = None

    async def release(self) -> None:
        """Give the Lease back, so that another one need not wait; whoever calls has stopped."""
        if self._renewed_at is not None:
            self._renewed_at = None
            await self._lock.give_back()

    def _seconds_to_renew(self) -> float:
        since = -math.inf if self._renewed_at is None else self._renewed_at
        return since + RENEW_SECONDS - time.monotonic()

    async def _attempt(self) -> bool:
        """Try to take or renew it; the time counts from before the call."""
        began = time.monotonic()
        done = await self._election.try_acquire_or_renew()
        if done:
            self._renewed_at = began
        return done

    def _is_somebody_elses(self) -> bool:
        seen = self._election.observed_record
        return seen is not None and seen.holder_identity != self._lock.identity


async def _nothing() -> None:
    """Do nothing: whoever leads is told otherwise."""
