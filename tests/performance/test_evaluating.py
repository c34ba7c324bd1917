"""Encoding, scoring and ranking: ours against sentence-transformers' and the products alone."""

from tests.performance import products
from tests.performance.pairs import compare
from tests.performance.precisions import each_precision

DOCUMENTS = {"collection": "pydocs(documents=250)", "layers": 6, "length": 256}


@each_precision
def test_encoding(table, precision):
    ratio = compare("encoding:ours", "encoding:theirs", precision=precision, **DOCUMENTS)
    name = f"encoding documents, ≤ 256 tokens, tokenizing included, {precision}"
    row = table.at_least(name, ratio, 1.2)
    assert row.reached, row


@each_precision
def test_encoding_against_products(table, precision):
    share = products.with_attention_in_documents(**DOCUMENTS)
    setting = {"precision": precision, **DOCUMENTS}
    ratio = compare("encoding:from_tokens", "products:encoding", share=share, **setting)
    row = table.at_least(f"useful work of encoding documents, {precision}", ratio, 0.9)
    assert row.reached, row


@each_precision
def test_scoring(table, precision):
    setting = {"collection": "pydocs", "layers": 2, "length": 64, "pairs": 10_000}
    ratio = compare("scoring:ours", "scoring:theirs", warm=0, precision=precision, **setting)
    name = f"a cross-encoder scoring 10,000 pairs, tokenizing included, {precision}"
    row = table.at_least(name, ratio, 1.2)
    assert row.reached, row


def test_ranking(table):
    ratio = compare("ranking:ours", "ranking:theirs", collection="pydocs")
    row = table.at_least("search, measures and record", ratio, 5)
    assert row.reached, row
