"""A shop, and a runner that crawls it into an empty store."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer

from pipeline.store import open_store
from source.shop import CrawlRunner, Shop


@pytest.fixture
def shop(httpserver: HTTPServer) -> Shop:
    shop = Shop([f"n{number}" for number in range(20, 0, -1)])
    httpserver.expect_request("/robots.txt").respond_with_handler(shop.answer)
    for number in range(1, 30):
        httpserver.expect_request(f"/{number}").respond_with_handler(shop.answer)
    return shop


@pytest.fixture
def runner(tmp_path: Path, httpserver: HTTPServer, shop: Shop) -> Iterator[CrawlRunner]:
    store = open_store(f"sqlite:///{tmp_path}/store.db")
    yield CrawlRunner(store, httpserver.url_for("").rstrip("/"), shop)
    store.close()
