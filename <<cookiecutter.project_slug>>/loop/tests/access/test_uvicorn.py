"""What is used of uvicorn beyond its documentation. A new version that lacks it is seen here.

That the names still mean the same is seen in test_connection.py, test_open_connections.py, in
test_abuse.py (slow clients) and in test_probes.py (stops).
"""

import ast
import asyncio
import inspect

import pytest
import uvicorn
from uvicorn.protocols.http import httptools_impl
from uvicorn.server import ServerState

from mlops_loop.access import connection
from mlops_loop.serving import app


def used(owner, name):
    """The attributes that the code of a class reads or sets on `name`, such as `self.cycle`."""
    nodes = ast.walk(ast.parse(inspect.getsource(owner)))
    attributes = [node for node in nodes if isinstance(node, ast.Attribute)]
    return {node.attr for node in attributes if ast.unparse(node.value) == name}


@pytest.fixture
def protocol():
    """uvicorn's own, at the beginning of a request."""
    config = uvicorn.Config(lambda: None, http=httptools_impl.HttpToolsProtocol)
    loop = asyncio.new_event_loop()
    protocol = httptools_impl.HttpToolsProtocol(config, ServerState(), {}, loop)
    protocol.on_message_begin()
    yield protocol
    loop.close()


def test_protocol(protocol):
    """Attributes that `Connection` reads or sets, and methods of uvicorn that it replaces."""
    ours = {"open_connections", "_header_bytes"}
    defined = set(vars(connection.Connection)) - set(vars(httptools_impl.HttpToolsProtocol))
    assert used(connection.Connection, "self") - defined - ours <= set(dir(protocol))
    assert used(connection.Connection, "super()") <= set(vars(httptools_impl.HttpToolsProtocol))
    assert {"cycle", "scope", "pipeline", "on_response_complete"} <= set(dir(protocol))


def test_cycle():
    """Of a request and its answer."""
    source = inspect.getsource(httptools_impl.RequestResponseCycle.__init__)
    offered = {line.strip().split(" ")[0].split(":")[0] for line in source.splitlines()}
    names = used(connection.Connection, "cycle") | used(connection.Connection, "self.cycle")
    assert names == {"response_complete", "more_body", "scope", "message_event"}
    assert {f"self.{name}" for name in names} <= offered


def test_parser(protocol):
    """What `Parser` replaces is fed by uvicorn with all that comes, and set up as uvicorn does."""
    lenient = "set_dangerous_leniencies(lenient_data_after_close=True)"
    assert lenient in inspect.getsource(type(protocol).__init__)
    assert "self.parser.feed_data(data)" in inspect.getsource(type(protocol).data_received)
    assert type(protocol.parser) is connection.Parser.__base__


def test_server():
    """A stop is a call of `shutdown`, which asks each connection."""
    server = uvicorn.Server(uvicorn.Config(lambda: None))
    ours = {"drain_s", "_app", "_drain"}
    later = {"servers"}  # set by `startup`
    assert used(app.Server, "self") - ours - later <= set(dir(server))
    assert "self.servers" in inspect.getsource(uvicorn.Server.startup)
    for name in ("startup", "shutdown"):
        theirs, mine = (inspect.signature(getattr(c, name)) for c in (uvicorn.Server, app.Server))
        assert list(theirs.parameters) == list(mine.parameters)
    assert "await self.shutdown(sockets=sockets)" in inspect.getsource(uvicorn.Server._serve)
    assert isinstance(server.server_state.default_headers, list)
