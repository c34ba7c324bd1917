"""Encoding, scoring and ranking: ours against sentence-transformers' and the products alone."""

from tests.performance import products
from tests.performance.pairs import compare

DOCUMENTS = {"collection": "pydocs(documents=250)", "layers": 6, "length": 256}


def test_encoding(table):
    ratio = compare("encoding:ours", "encoding:theirs", **DOCUMENTS)
    row = table.at_least("encoding documents, ≤ 256 tokens, tokenizing included", ratio, 1.2)
    assert row.reached, row


def test_encoding_against_products(table):
    share = products.with_attention_in_documents(**DOCUMENTS)
    ratio = compare("encoding:from_tokens", "products:encoding", share=share, **DOCUMENTS)
    row = table.at_least("useful work of encoding documents", ratio, 0.9)
    assert row.reached, row


def test_scoring(table):
    setting = {"collection": "pydocs", "layers": 2, "length": 64, "pairs": 10_000}
    ratio = compare("scoring:ours", "scoring:theirs", warm=0, **setting)
    row = table.at_least("a cross-encoder scoring 10,000 pairs, tokenizing included", ratio, 1.2)
    assert row.reached, row


def test_ranking(table):
    ratio = compare("ranking:ours", "ranking:theirs", collection="pydocs")
    row = table.at_least("search, measures and record", ratio, 5)
    assert row.reached, row
