"""One number for a pair of positions."""

import numpy as np

from bench.triples.pairs import decode_pairs, encode_pairs


def test_pairs_come_back_and_sort_as_their_numbers():
    queries, documents = np.divmod(np.arange(12), 4)
    codes = encode_pairs(queries, documents, 4)
    assert codes.dtype == np.int64
    assert codes.tolist() == list(range(12))
    assert np.array_equal(decode_pairs(codes, 4), [queries, documents])


def test_small_integers_do_not_overflow_and_shapes_broadcast():
    queries = np.array([2**31 - 2, 1], dtype=np.int32)
    documents = np.array([[2**31 - 1, 0], [5, 6]], dtype=np.int32)
    codes = encode_pairs(queries[:, None], documents, 2**32)
    assert codes.tolist() == [
        [(2**31 - 2 << 32) + 2**31 - 1, 2**31 - 2 << 32],
        [(1 << 32) + 5, (1 << 32) + 6],
    ]
