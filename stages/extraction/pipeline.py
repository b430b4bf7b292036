"""The extraction pipeline: decoding, encoding and writing overlap, and batches cross videos.

Threads decode ahead, the calling thread keeps the encoder busy, one thread writes. What is in
flight is bounded by frames, so memory does not grow with a video's length or their number.
"""

import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cache import FeatureStore, QuantisedMaps
from cache.items import fingerprint
from configs import DataError
from stages.caching.quantisation import quantise_on_device
from stages.encoders import VisionEncoder
from stages.extraction.jobs import Job, Piece, Tally, Work

DECODING_THREADS = 2
# Batches decoded ahead of the encoder, and batches waiting to be written.
BATCHES_AHEAD = 3
_POLL_SECONDS = 0.2


class Extraction:
    """Runs jobs through an encoder into a store. Iterate over `run` to drive it."""

    def __init__(
        self,
        store: FeatureStore,
        encoder: VisionEncoder,
        *,
        device: str = "cpu",
        batch_frames: int = 16,
        force: bool = False,
    ) -> None:
        """batch_frames: frames in every call of the encoder. force: redo what is there."""
        self.store = store
        self.encoder = encoder
        self.device = device
        self.batch_frames = batch_frames
        self.force = force
        self.tally = Tally()
        self._open: dict[str, Work] = {}
        self._waiting: dict[tuple[int, ...], list[Piece]] = {}
        self._writes: deque[Future[list[str]]] = deque()

    def run(self, jobs: Sequence[Job]) -> Iterator[str]:
        """Extract every job that no other process does; yields each video when it is in place.

        Raises DataError for a frame that cannot be read or changes meanwhile, FsrvosError when
        the cache cannot be written. Whatever happens, unfinished items leave nothing behind.
        """
        with ExitStack() as stack:
            writing = stack.enter_context(ThreadPoolExecutor(1, "write"))
            decoding = stack.enter_context(ThreadPoolExecutor(DECODING_THREADS, "decode"))
            stack.callback(decoding.shutdown, wait=True, cancel_futures=True)
            stack.callback(self._abandon)
            stack.callback(writing.shutdown, wait=True, cancel_futures=True)
            for piece in self._decoded(jobs, decoding):
                if isinstance(piece, str):
                    yield piece
                elif piece is None:
                    self._flush(writing)
                else:
                    self._collect(piece, writing)
                yield from self._finished(2 * BATCHES_AHEAD)
            self._flush(writing)
            yield from self._finished(0)

    def _decoded(
        self, jobs: Sequence[Job], pool: ThreadPoolExecutor
    ) -> Iterator[Piece | str | None]:
        """Pieces in order, decoded ahead.

        Also passes on the names of videos that another process finished, and None before waiting
        for one: whoever waits must not sit on unwritten frames of its own.
        """
        ahead: deque[Future[Piece]] = deque()
        for step in self._steps(jobs):
            if isinstance(step, tuple):
                ahead.append(pool.submit(self._decode, *step))
            else:
                while ahead:
                    yield ahead.popleft().result()
                yield step
            while len(ahead) > 2 * BATCHES_AHEAD:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()

    def _steps(self, jobs: Sequence[Job]) -> Iterator[tuple[Work, int] | str | None]:
        """(work, first frame) of each piece, and the signals that `_decoded` passes on."""
        later = []
        for job in jobs:
            begun = self._begin(job)
            if isinstance(begun, Work):
                yield from self._starts(begun)
            elif begun:
                yield job.video
            else:
                later.append(job)
        for job in later:
            yield None
            while not (begun := self._begin(job)):
                time.sleep(_POLL_SECONDS)
            if isinstance(begun, Work):
                yield from self._starts(begun)
            else:
                yield job.video

    def _starts(self, work: Work) -> Iterator[tuple[Work, int]]:
        return ((work, start) for start in range(0, len(work.job.paths), self.batch_frames))

    def _begin(self, job: Job) -> Work | bool:
        """Claim a job: the work; True when another process finished it; False when one is at it."""
        claim = self.store.claim(job.item)
        if claim is None:
            return False
        with ExitStack() as stack:
            stack.callback(claim.release)
            if not self.force and not self.store.faults(job.item):
                self.tally.elsewhere.append(job.video)
                return True
            writer = stack.enter_context(self.store.writer(job.item, len(job.paths)))
            work = Work(job, writer, stack.pop_all())
        self._open[job.item] = work
        return work

    def _decode(self, work: Work, start: int) -> Piece:
        count = min(self.batch_frames, len(work.job.paths) - start)
        frames = [work.job.read(start + offset) for offset in range(count)]
        sizes = {frame.shape[:2] for frame in frames}
        if len(sizes) > 1:
            raise DataError(
                f"video {work.job.video} has frames of different sizes, "
                f"{' and '.join(f'{w}x{h}' for h, w in sorted(sizes)[:2])}: "
                f"{work.job.paths[0].parent}; make them one size"
            )
        return Piece(work, start, np.stack(frames))

    def _collect(self, piece: Piece, writing: ThreadPoolExecutor) -> None:
        """Add a piece to those of its size; encode once they fill a batch."""
        waiting = self._waiting.setdefault(piece.frames.shape[1:], [])
        waiting.append(piece)
        if sum(len(other.frames) for other in waiting) >= self.batch_frames:
            self._encode(waiting, writing)
        elif self._waiting_frames() > BATCHES_AHEAD * self.batch_frames:
            self._flush(writing)

    def _waiting_frames(self) -> int:
        return sum(len(piece.frames) for group in self._waiting.values() for piece in group)

    def _flush(self, writing: ThreadPoolExecutor) -> None:
        for waiting in self._waiting.values():
            while waiting:
                self._encode(waiting, writing)

    def _encode(self, waiting: list[Piece], writing: ThreadPoolExecutor) -> None:
        """Encode one batch of waiting pieces and hand the maps to the writing thread."""
        batch: list[Piece] = []
        room = self.batch_frames
        while waiting and room:
            piece = waiting.pop(0)
            if len(piece.frames) > room:
                rest = Piece(piece.work, piece.start + room, piece.frames[room:])
                waiting.insert(0, rest)
                piece = Piece(piece.work, piece.start, piece.frames[:room])
            batch.append(piece)
            room -= len(piece.frames)
        begun = time.perf_counter()
        frames = np.concatenate([piece.frames for piece in batch])
        levels = encode(self.encoder, frames, self.batch_frames, self.device, self.store.key.stored)
        self.tally.encoder_seconds += time.perf_counter() - begun
        self.tally.frames += len(frames)
        self._writes.append(writing.submit(self._write, batch, levels))

    def _write(self, batch: Sequence[Piece], levels: Sequence[QuantisedMaps]) -> list[str]:
        """Write a batch's maps; videos that are complete now go into place."""
        done = []
        row = 0
        for piece in batch:
            end = row + len(piece.frames)
            piece.work.writer.add(piece.start, [rows_of(maps, row, end) for maps in levels])
            row = end
            if piece.work.writer.complete:
                self._commit(piece.work)
                done.append(piece.work.job.video)
        return done

    def _commit(self, work: Work) -> None:
        if fingerprint(work.job.paths)[0] != work.job.stamp:
            raise DataError(
                f"video {work.job.video} changed while it was being read: "
                f"{work.job.paths[0].parent}; run the same command again"
            )
        record = work.writer.commit(work.job.meta)
        self.tally.written_bytes += record.nbytes
        del self._open[work.job.item]
        work.resources.close()

    def _finished(self, allowed: int) -> Iterator[str]:
        """Videos whose writing ended; waits while more than `allowed` batches are unwritten."""
        while self._writes and (len(self._writes) > allowed or self._writes[0].done()):
            yield from self._writes.popleft().result()

    def _abandon(self) -> None:
        """Remove what was begun and not finished."""
        for work in self._open.values():
            work.resources.close()
        self._open.clear()


def encode(
    encoder: VisionEncoder,
    frames: NDArray[np.uint8],
    batch_frames: int,
    device: str,
    stored: str,
) -> list[QuantisedMaps]:
    """Maps of up to batch_frames frames [N, H, W, 3], quantised on the device.

    The encoder always sees batch_frames frames: the last is repeated. So a frame's bytes do not
    depend on how many others happened to be left.
    """
    padding = batch_frames - len(frames)
    if padding:
        frames = np.concatenate([frames, np.repeat(frames[-1:], padding, axis=0)])
    with torch.inference_mode():
        levels: Sequence[Tensor] = encoder(torch.from_numpy(frames).to(device))
        kept = (level[: batch_frames - padding] for level in levels)
        return [quantise_on_device(level, stored, number) for number, level in enumerate(kept)]


def rows_of(maps: QuantisedMaps, start: int, end: int) -> QuantisedMaps:
    """Frames start to end of quantised maps, as views."""
    if maps.scale is None or maps.offset is None:
        return QuantisedMaps(maps.values[start:end])
    rows = (maps.values[start:end], maps.scale[start:end], maps.offset[start:end])
    return QuantisedMaps(*rows, maps.packed)
