"""No password is shown, whatever it is and however a text escapes it."""

import json
import re
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from bench.storage.databases import sqlite_url
from bench.storage.urls import HIDDEN, credentials, redact, shareable_url

PASSWORDS = st.text(min_size=1).filter(lambda text: HIDDEN not in text)
ESCAPED = [
    str,
    quote,
    quote_plus,
    lambda text: re.sub("%..", lambda found: found.group().lower(), quote(text)),
    lambda text: quote(quote(text, safe=""), safe=""),
    json.dumps,
    repr,
    ascii,
]


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://me:secret@host:5000", "http://host:5000"),
        ("https://token@host/mlflow", "https://host/mlflow"),
        ("postgresql+psycopg2://me:s@ecret@host:5432/db", "postgresql+psycopg2://host:5432/db"),
        ("http://me:se/cret@host/db?token=secret#secret", "http://host/db"),
        ("http://me:se?cret@host", f"http://{HIDDEN}"),
        ("postgresql://host/db?password=s@cret", f"postgresql://{HIDDEN}"),
        ("me:secret@host:5000", "host:5000"),
        ("me:se://cret@host", "host"),
        ("databricks://profile", "databricks://profile"),
        ("sqlite+pysqlcipher://:secret@/file.db", "sqlite+pysqlcipher:///file.db"),
        ("sqlite:////of/me@home/a?b.db", "sqlite:////of/me@home/a?b.db"),
        ("/of/me@home/mlruns", "/of/me@home/mlruns"),
        ("mlruns", "mlruns"),
    ],
)
def test_what_is_shown_of_a_url(url, shown):
    assert shareable_url(url) == shown


def test_a_file_below_the_current_folder_is_relative(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert shareable_url(sqlite_url(tmp_path / "results" / "a.db")) == "sqlite:///results/a.db"


@given(PASSWORDS, st.sampled_from([str, quote, quote_plus]))
@example("a/b?c@d#e", str)
@example("x@host", quote)
def test_no_password_is_shown_of_a_url(password, escape):
    written = escape(password)
    for scheme in ("http", "postgresql+psycopg2"):
        shown = {f"{scheme}://host:1/db", f"{scheme}://{HIDDEN}"}
        assert shareable_url(f"{scheme}://me:{written}@host:1/db") in shown
        assert shareable_url(f"{scheme}://{written}@host:1/db?a=b") in shown
        assert shareable_url(f"{scheme}://host:1/db?timeout=5&password={written}") in shown


@settings(deadline=None)
@given(PASSWORDS, st.sampled_from([str, quote, quote_plus]), st.sampled_from(ESCAPED), st.text())
def test_no_text_holds_a_password(password, written_as, told_as, around):
    assume(HIDDEN not in around)
    written = written_as(password)
    for url in (f"http://me:{written}@host/db", f"postgresql://host/db?user=me&password={written}"):
        told = f"{around}{told_as(password)} of {url} {told_as(url)}{around}"
        text = redact(told, credentials(url))
        for secret in (password, written, told_as(password)):
            assert secret not in text


def test_the_rest_of_a_text_stays():
    secrets = credentials("http://me:a%2Fb@host/?token=tea&timeout=5")
    text = "Failed: http://me:a%2fb@host/api?token=tea ('a/b')"
    assert redact(text, secrets) == "Failed: http://…@host/api?token=… ('…')"
    assert redact(text, set()) == redact(text, {""}) == text
