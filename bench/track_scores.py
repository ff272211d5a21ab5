"""Scores of trackers: Identity, CLEAR and HOTA, as pure functions of frames with similarities.

Definitions: Ristani et al. 2016 (Identity), Bernardin & Stiefelhagen 2008 (CLEAR), Luiten et al.
2021 (HOTA); matching and rounding follow the reference implementation TrackEval, against which
the figures were compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

Array = npt.NDArray[np.float64]

MATCH_IOU = 0.5
ALPHAS: Array = np.arange(0.05, 0.99, 0.05)
EPSILON = float(np.finfo("float").eps)


@dataclass(frozen=True, slots=True, eq=False)
class ScoredFrame:
    """One picture: true ids, tracked ids, and how alike their boxes are.

    Attributes:
        true_ids: (N,) ids, dense from 0 over the clip.
        track_ids: (M,) ids, dense from 0 over the clip.
        similarity: (N, M) IoU.
    """

    true_ids: npt.NDArray[np.int64]
    track_ids: npt.NDArray[np.int64]
    similarity: Array


@dataclass(frozen=True, slots=True)
class TrackScore:
    """Scores of one clip; shares of 0..1, MOTA may be negative."""

    hota: float
    det_a: float
    ass_a: float
    idf1: float
    mota: float
    switches: int


def score(frames: Sequence[ScoredFrame]) -> TrackScore:
    """All scores of one clip."""
    hota_, det_a, ass_a = hota(frames)
    mota, switches = clear(frames)
    return TrackScore(hota_, det_a, ass_a, idf1(frames), mota, switches)


def idf1(frames: Sequence[ScoredFrame]) -> float:
    """Share of boxes with the right identity under the best one-to-one map of identities."""
    together, true_counts, track_counts = _counts(frames, MATCH_IOU)
    rows, columns = linear_sum_assignment(-together)
    right = together[rows, columns].sum()
    total = true_counts.sum() + track_counts.sum()
    return float(2 * right / total) if total else 0.0


def clear(frames: Sequence[ScoredFrame]) -> tuple[float, int]:
    """(MOTA, identity switches); a match of the picture before is kept while it is allowed."""
    before: dict[int, int] = {}
    last: dict[int, int] = {}
    hits = missed = extra = switches = 0
    for frame in frames:
        if not (len(frame.true_ids) and len(frame.track_ids)):
            missed, extra = missed + len(frame.true_ids), extra + len(frame.track_ids)
            continue
        kept = np.array(
            [[before.get(int(t)) == int(k) for k in frame.track_ids] for t in frame.true_ids]
        ).reshape(frame.similarity.shape)
        weight = np.where(frame.similarity >= MATCH_IOU - EPSILON, frame.similarity, 0.0)
        weight = np.where(weight > 0, weight + 1000.0 * kept, 0.0)
        rows, columns = linear_sum_assignment(-weight)
        pairs = [(i, j) for i, j in zip(rows, columns, strict=True) if weight[i, j] > EPSILON]
        before = {int(frame.true_ids[i]): int(frame.track_ids[j]) for i, j in pairs}
        switches += sum(last.get(t, k) != k for t, k in before.items())
        last.update(before)
        hits += len(pairs)
        missed += len(frame.true_ids) - len(pairs)
        extra += len(frame.track_ids) - len(pairs)
    mota = (hits - extra - switches) / max(1, hits + missed)
    return float(mota), int(switches)


def hota(frames: Sequence[ScoredFrame]) -> tuple[float, float, float]:
    """(HOTA, DetA, AssA), each the mean over the localisation thresholds `ALPHAS`."""
    alignment, true_counts, track_counts = _alignment(frames)
    matches = np.zeros((len(ALPHAS), *alignment.shape))
    hits, missed, extra = (np.zeros(len(ALPHAS)) for _ in range(3))
    for frame in frames:
        weight = alignment[np.ix_(frame.true_ids, frame.track_ids)] * frame.similarity
        rows, columns = linear_sum_assignment(-weight)
        alike = frame.similarity[rows, columns]
        for a, alpha in enumerate(ALPHAS):
            good = alike >= alpha - EPSILON
            hits[a] += good.sum()
            missed[a] += len(frame.true_ids) - good.sum()
            extra[a] += len(frame.track_ids) - good.sum()
            matches[a, frame.true_ids[rows[good]], frame.track_ids[columns[good]]] += 1
    det_a = hits / np.maximum(1, hits + missed + extra)
    union = true_counts[:, None] + track_counts[None, :] - matches
    ass_a = (matches * matches / np.maximum(1, union)).sum(axis=(1, 2)) / np.maximum(1, hits)
    return float(np.sqrt(det_a * ass_a).mean()), float(det_a.mean()), float(ass_a.mean())


def _counts(frames: Sequence[ScoredFrame], least: float) -> tuple[Array, Array, Array]:
    """Pictures in which each pair is alike enough, and in which each id is there at all."""
    together, true_counts, track_counts = _empty(frames)
    for frame in frames:
        true_counts[frame.true_ids] += 1
        track_counts[frame.track_ids] += 1
        alike = frame.similarity >= least
        together[np.ix_(frame.true_ids, frame.track_ids)] += alike
    return together, true_counts, track_counts


def _alignment(frames: Sequence[ScoredFrame]) -> tuple[Array, Array, Array]:
    """How well each pair of ids fits over the whole clip: HOTA's global alignment score."""
    shared, true_counts, track_counts = _empty(frames)
    for frame in frames:
        true_counts[frame.true_ids] += 1
        track_counts[frame.track_ids] += 1
        alike = frame.similarity
        total = alike.sum(axis=0)[None, :] + alike.sum(axis=1)[:, None] - alike
        share = np.divide(alike, total, out=np.zeros_like(alike), where=total > EPSILON)
        shared[np.ix_(frame.true_ids, frame.track_ids)] += share
    union = true_counts[:, None] + track_counts[None, :] - shared
    return shared / np.maximum(union, EPSILON), true_counts, track_counts


def _empty(frames: Sequence[ScoredFrame]) -> tuple[Array, Array, Array]:
    true_n = max((int(f.true_ids.max(initial=-1)) for f in frames), default=-1) + 1
    track_n = max((int(f.track_ids.max(initial=-1)) for f in frames), default=-1) + 1
    return np.zeros((true_n, track_n)), np.zeros(true_n), np.zeros(track_n)
