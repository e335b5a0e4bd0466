"""The driver's loop: sends tasks to the workers, commits their records, and acts on failures."""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable, Generator, Iterator
from functools import partial
from itertools import count
from typing import Any

import ray
from ray.exceptions import RayError, RayTaskError

from monsoon.engine.campaign import ResolvedCampaign, set_shard_aside
from monsoon.engine.errors import InputError
from monsoon.engine.ledger.commits import CAMPAIGN, Ledger
from monsoon.engine.ledger.plan import EventRange
from monsoon.engine.ledger.retry import Case, Decision, Failure, Make, Patience, Probe, Quarantine, Stop, Task
from monsoon.engine.ledger.stored import ShardRecord
from monsoon.engine.remote.causes import cause_of, line_of
from monsoon.engine.remote.happenings import Beat, Committed, Failed, Happening, News
from monsoon.engine.remote.workers import IN_FLIGHT, Ref, Worker, WorkerPool
from monsoon.engine.storage.answers import takes_files

TICK_S = 0.5  # longest wait for an answer in one turn of the loop
START_S = 300.0  # least time that a worker gets to start, however short the deadline of shards
REFRESH_S = 2.0  # interval between looks at the cluster's nodes
DOUBTS = 3  # how often in a row the patience starts anew if storage fails for workers but not for the driver
DOOMED = 5  # shards quarantined in a row, after which the run stops: the cause is not in the shards


class Loop:
    """One run of a campaign. It yields what happens, and knows nothing of progress bars, logs and metrics.

    Parameters
    ----------
    resolved : ResolvedCampaign
        The campaign.
    ledger : Ledger
        Its records.
    tasks : iterator of EventRange
        The shards that are missing; they are taken as workers become free.
    shards : int
        Their number.
    """

    def __init__(
        self, resolved: ResolvedCampaign, ledger: Ledger, tasks: Iterator[EventRange], shards: int
    ) -> None:
        self._resolved, self._ledger, self._fresh = resolved, ledger, tasks
        self._left = shards  # not committed yet
        self._pool = WorkerPool(resolved, ledger.store.read(CAMPAIGN))
        self._later: list[tuple[float, int, Task]] = []  # a heap: not before this time
        self._order = count()
        self._cases: dict[EventRange, Case] = {}  # only shards that have failed
        self._uncommitted: list[tuple[EventRange, Callable[[], ShardRecord]]] = []
        self._commit_at = self._fresh_at = 0.0
        self._doomed = 0  # shards quarantined since the last one that was made
        self._patience, self._doubts = Patience(resolved.campaign.patience_s), DOUBTS

    def run(self) -> Generator[Happening, None, None]:
        """Run until every shard is committed. Closing the generator stops the workers; commits stay.

        Yields
        ------
        Happening
            What happens, as it happens.

        Raises
        ------
        InputError
            Where the workers do not fit, nodes cannot be used, storage fails for too long, or shard after
            shard cannot be made.
        """
        try:
            yield from self._await_room()
            self._pool.check_nodes(time.monotonic())
            looked = alone_since = time.monotonic() - REFRESH_S
            while self._left:
                now = time.monotonic()
                if now - looked >= REFRESH_S:
                    looked = now
                    yield from map(News, self._pool.refresh(now, self._left))
                    yield self._beat()
                if (hopeless := self._pool.hopeless()) is None:
                    alone_since = now
                elif self._pool.refused or now - alone_since > self._resolved.campaign.patience_s:
                    raise InputError(f"{hopeless}; start nodes, and run the same command again")
                self._hand_out(now)
                yield from self._commit_rest(now)
                yield from self._collect()
                yield from self._replace_hung(time.monotonic())
            yield self._beat()
        finally:
            self._pool.remove_all()

    def _await_room(self) -> Iterator[Happening]:
        """Wait for nodes, and ask the autoscaler for them, as long as the campaign allows."""
        campaign = self._resolved.campaign
        end = time.monotonic() + campaign.wait_for_resources_s
        said = False
        while (short := self._pool.shortage()) and time.monotonic() < end:
            if not said:
                self._pool.request()
                yield News(f"waiting up to {campaign.wait_for_resources_s:g} s for resources; {short}")
                said = True
            yield self._beat()
            time.sleep(TICK_S)

    def _hand_out(self, now: float) -> None:
        """Give a task to every worker that has room for one.

        A worker that probes gets no second call. If that call killed the worker, the answer to the probe
        could be lost, and a good event would look like a culprit.
        """
        for depth in range(IN_FLIGHT):
            for worker in self._pool.able():
                alone = self._probe_is_due(now) or any(isinstance(task, Probe) for _, task in worker.calls)
                if len(worker.calls) != depth or (depth and alone):
                    continue
                if (task := self._next(now)) is not None:
                    if not worker.calls:
                        worker.since = now
                    worker.calls.append((self._call(worker, task), task))

    def _probe_is_due(self, now: float) -> bool:
        return bool(self._later) and self._later[0][0] <= now and isinstance(self._later[0][2], Probe)

    def _next(self, now: float) -> Task | None:
        if self._later and self._later[0][0] <= now:
            return heapq.heappop(self._later)[2]
        if now < self._fresh_at:
            return None
        shard = next(self._fresh, None)
        return None if shard is None else Make(shard)

    def _call(self, worker: Worker, task: Task) -> Ref:
        if isinstance(task, Make):
            return worker.actor.make.remote(task.shard, task.skip)
        return worker.actor.probe.remote(task.suspects)

    def _collect(self) -> Iterator[Happening]:
        """Wait a moment for answers and act on them."""
        references = self._pool.references()
        if not references:
            time.sleep(TICK_S)
            return
        answered, _ = ray.wait(references, num_returns=1, timeout=TICK_S)
        if not answered:
            return
        answered, _ = ray.wait(references, num_returns=len(references), timeout=0)
        ready = set(answered)
        for worker in list(self._pool.workers):
            if worker.starting in ready and not worker.ready:
                yield from self._start(worker)
            while worker.calls and worker.calls[0][0] in ready:
                reference, task = worker.calls.popleft()
                worker.since = time.monotonic()
                yield from self._answer(worker, reference, task)

    def _start(self, worker: Worker) -> Iterator[Happening]:
        try:
            ray.get(worker.starting)
        except RayError as error:
            failure, reason = cause_of(error, self._pool.has(worker.slot.node))
            yield Failed("start of a worker", failure, reason, self._pool.node_name(worker))
            if failure is Failure.STORAGE:
                self._bear(reason)
            elif news := self._pool.false_start(worker, reason):
                yield News(news)
            self._pool.remove(worker)
        else:
            self._pool.started(worker, time.monotonic())

    def _answer(self, worker: Worker, reference: Ref, task: Task) -> Iterator[Happening]:
        """Act on the answer to a worker's first call."""
        try:
            answer: Any = ray.get(reference)  # the record of a shard, or None for a probe
        except RayError as error:
            failure, reason = cause_of(error, self._pool.has(worker.slot.node))
            yield from self._failed(worker, task, failure, reason)
            if not isinstance(error, RayTaskError):
                self._remove(worker)
            return
        if isinstance(task, Make):
            self._doomed = 0
            self._answered()
            self._uncommitted.append((task.shard, lambda: answer))
            yield from self._commit_rest(time.monotonic(), at_once=True)
        elif (case := self._waiting_for(task)) is not None:
            yield from self._decide(task.shard, *case.after_success(task))

    def _failed(self, worker: Worker, task: Task, failure: Failure, reason: str) -> Iterator[Happening]:
        what = task.shard.stem if isinstance(task, Make) else task.suspects.stem
        yield Failed(what, failure, reason, self._pool.node_name(worker))
        if failure is Failure.STORAGE:
            self._put_back(task, self._bear(reason))
            return
        if (case := self._waiting_for(task)) is not None:
            yield from self._decide(task.shard, *case.after_failure(task, failure, reason))

    def _waiting_for(self, task: Task) -> Case | None:
        """The case of a task's shard; None if the answer to a probe came too late to matter."""
        if isinstance(task, Make):
            return self._cases.get(task.shard) or Case(task.shard)
        case = self._cases.get(task.shard)
        return case if case is not None and task.suspects in case.probes else None

    def _decide(self, shard: EventRange, case: Case, decision: Decision) -> Iterator[Happening]:
        self._cases[shard] = case
        if isinstance(decision, Quarantine):
            yield News(f"{shard.stem}: quarantined: {decision.reason}")
            self._later = [entry for entry in self._later if entry[2].shard != shard]
            heapq.heapify(self._later)
            self._doomed += 1
            if self._doomed == DOOMED:
                raise InputError(
                    f"{self._resolved.output}: {DOOMED} shards in a row could not be made: "
                    f"{decision.reason}; fix the cause, and run the same command again"
                )
            aside = partial(set_shard_aside, self._resolved, shard, decision.reason)
            self._uncommitted.append((shard, aside))
            yield from self._commit_rest(time.monotonic(), at_once=True)
            return
        for task in decision.tasks:
            self._put_back(task, decision.delay_s)

    def _put_back(self, task: Task, delay_s: float = 0.0) -> None:
        heapq.heappush(self._later, (time.monotonic() + delay_s, next(self._order), task))

    def _remove(self, worker: Worker) -> None:
        """Remove a worker that died in its first call. Its other calls are put back."""
        for _, task in worker.calls:
            self._put_back(task)
        worker.calls.clear()
        self._pool.remove(worker)

    def _replace_hung(self, now: float) -> Iterator[Happening]:
        campaign = self._resolved.campaign
        for worker in list(self._pool.workers):
            deadline = campaign.deadline_s if worker.ready else max(campaign.deadline_s, START_S)
            if now - worker.since <= deadline or (worker.ready and not worker.calls):
                continue
            reason = f"no answer within {deadline:g} s"
            if worker.ready:
                _, task = worker.calls.popleft()
                yield from self._failed(worker, task, Failure.HUNG, reason)
            else:
                yield Failed("start of a worker", Failure.HUNG, reason, self._pool.node_name(worker))
                if news := self._pool.false_start(worker, reason):
                    yield News(news)
            self._remove(worker)

    def _commit_rest(self, now: float, at_once: bool = False) -> Iterator[Happening]:
        """Commit the published shards. If the storage fails, try again as long as the patience lasts."""
        if not at_once and now < self._commit_at:
            return
        while self._uncommitted:
            shard, record = self._uncommitted[0]
            try:
                commit = self._ledger.commit(record())
            except OSError as error:
                yield Failed(shard.stem, Failure.STORAGE, f"commit: {line_of(error)}", "driver")
                self._commit_at = time.monotonic() + self._bear(line_of(error))
                return
            self._uncommitted.pop(0)
            self._doubts = DOUBTS
            self._answered()
            self._cases.pop(shard, None)
            self._left -= 1
            yield Committed(*commit)

    def _answered(self) -> None:
        """Note that the storage works."""
        self._patience, self._fresh_at = self._patience.after_success(), 0.0

    def _bear(self, reason: str) -> float:
        """How long to wait after a failure of the storage [s]. Raises InputError if it has lasted too long.

        New shards wait too, until something succeeds. Otherwise calls that fail at once would run through
        the rest of the campaign.
        """
        delay_s = self._bearable(reason)
        self._fresh_at = time.monotonic() + delay_s
        return delay_s

    def _bearable(self, reason: str) -> float:
        self._patience, verdict = self._patience.after_failure(time.monotonic())
        if (
            isinstance(verdict, Stop)
            and verdict.lasted_s
            and self._doubts
            and takes_files(self._ledger.store)
        ):
            # only single calls have failed, and no call between them could have succeeded
            self._doubts -= 1
            self._patience = self._patience.after_success()
            return 1.0
        if isinstance(verdict, Stop):
            raise InputError(
                f"{self._resolved.output}: storage has been failing for {verdict.lasted_s:.0f} s ({reason}); "
                "fix it, and run the same command again"
            )
        return verdict.delay_s

    def _beat(self) -> Beat:
        workers = self._pool.workers
        running = sum(len(worker.calls) for worker in workers)
        return Beat(
            running=running,
            waiting=max(self._left - running, 0),
            workers=sum(worker.ready for worker in workers),
            nodes=len(self._pool.nodes),
        )
