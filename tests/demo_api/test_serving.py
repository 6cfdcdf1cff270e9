from __future__ import annotations

import logging
import socket
import subprocess
import sys
import threading
import time
from contextlib import closing

import pytest
import urllib3

from coleta.demo_api.serving import FREE_PORTS, listen, serve_in_background, url_of
from coleta.demo_api.settings import Settings
from coleta.errors import Misconfigured


def test_a_free_port_is_on_the_loopback_and_below_those_for_outgoing_connections() -> None:
    with closing(listen("127.0.0.1", 0)) as one, closing(listen("127.0.0.1", 0)) as other:
        ports = [sock.getsockname()[1] for sock in (one, other)]

        assert len(set(ports)) == 2
        assert all(port in FREE_PORTS for port in ports)
        assert url_of(one) == f"http://127.0.0.1:{ports[0]}"


def test_a_port_in_use_is_named_with_what_to_try() -> None:
    with closing(listen("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(Misconfigured) as refused, serve_in_background(Settings(seed=1), port=port):
            pass

    assert str(refused.value) == f"127.0.0.1:{port}: port {port} is in use by another program"
    assert "--port 0" in str(refused.value.hint)


@pytest.mark.parametrize("host", ["192.0.2.1", "no such host", "a" * 300])
def test_a_host_that_is_not_this_machine_is_refused(host: str) -> None:
    with pytest.raises(Misconfigured) as refused:
        listen(host, 0)

    assert host in str(refused.value)


def test_an_ipv6_address_gets_brackets() -> None:
    try:
        listening = listen("::1", 0)
    except Misconfigured:
        pytest.skip("this machine has no IPv6")
    with closing(listening):
        assert url_of(listening).startswith("http://[::1]:")


def test_the_port_is_free_and_the_thread_gone_after_the_block(http: urllib3.PoolManager) -> None:
    before = threading.active_count()
    with serve_in_background(Settings(seed=1)) as url:
        assert http.request("GET", url).status == 200
    port = int(url.rsplit(":", 1)[1])

    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))
    assert threading.active_count() == before


def test_it_stops_when_the_block_fails() -> None:
    with pytest.raises(RuntimeError, match="mine"), serve_in_background(Settings(seed=1)) as url:
        raise RuntimeError("mine")

    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", int(url.rsplit(":", 1)[1])))


def test_a_slow_answer_keeps_no_other_waiting_and_does_not_hold_up_the_stop(
    http: urllib3.PoolManager, caplog: pytest.LogCaptureFixture
) -> None:
    before = time.monotonic()
    with (
        caplog.at_level(logging.WARNING),
        socket.socket() as waiting,
        serve_in_background(Settings(seed=1, delay_s=3000)) as url,
    ):
        waiting.connect(("127.0.0.1", int(url.rsplit(":", 1)[1])))
        waiting.sendall(b"GET /gerar_compra?fault=slow HTTP/1.1\r\nHost: shop\r\n\r\n")
        assert http.request("GET", f"{url}/gerar_compra").status == 200

    assert time.monotonic() - before < 5
    assert caplog.records == []


def test_importing_the_package_loads_no_framework_and_app_is_made_when_asked_for() -> None:
    script = (
        "import sys, coleta.demo_api, coleta.demo_api.serving\n"
        "print([name for name in ('fastapi', 'faker', 'uvicorn') if name in sys.modules])\n"
        "print(type(coleta.demo_api.app).__name__, coleta.demo_api.app is coleta.demo_api.app)\n"
        "print(hasattr(coleta.demo_api, 'nothing'))\n"
    )

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)

    assert done.stdout.splitlines() == ["[]", "FastAPI True", "False"], done.stderr


@pytest.mark.parametrize("missing", ["fastapi", "faker", "uvicorn"])
def test_a_missing_extra_is_an_error_that_says_what_to_install(missing: str) -> None:
    script = (
        f"import sys; sys.modules[{missing!r}] = None\n"
        "from coleta.demo_api.serving import serve\n"
        "from coleta.demo_api.settings import Settings\n"
        "from coleta.errors import Misconfigured\n"
        "try:\n"
        "    serve(Settings(), host='127.0.0.1', port=0, announce=print)\n"
        "except Misconfigured as error:\n"
        "    print(error, '|', error.hint)\n"
    )

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)

    assert "needs the extra 'demo'" in done.stdout, done.stderr
    assert missing in done.stdout
    assert "pip install 'coleta[demo]'" in done.stdout


def test_uvicorn_serves_the_package_by_its_name(http: urllib3.PoolManager) -> None:
    # The socket is handed over, so that no other process can take its port in between.
    with closing(listen("127.0.0.1", 0)) as listening:
        command = [sys.executable, "-m", "uvicorn", "coleta.demo_api:app", "--fd", str(listening.fileno())]
        server = subprocess.Popen(
            command, pass_fds=[listening.fileno()], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            answer = http.request("GET", f"{url_of(listening)}/gerar_compra", timeout=30)
        finally:
            server.terminate()
            server.wait(30)

    assert answer.status == 200
