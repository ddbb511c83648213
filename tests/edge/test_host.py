from __future__ import annotations

import socket
import ssl
import threading
import time
import urllib.error
import urllib.request
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from overread.edge.host import host_site
from overread.errors import BundleError, OverreadError, UsageError


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate and its key, as `openssl req -x509` makes them."""
    x509 = pytest.importorskip("cryptography.x509")
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    folder = tmp_path_factory.mktemp("certificate")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=2))
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return folder / "cert.pem", folder / "key.pem"


def test_this_machine_alone_needs_no_token(made_site: Path) -> None:
    for host in ("127.0.0.1", "localhost"):
        hosted = host_site(made_site, host=host, port=0)
        assert hosted.url.startswith(f"http://{host}:")
        assert (hosted.token, hosted.hint) == (None, "")
        hosted.close()


def test_a_network_gets_a_token_and_a_hint_that_phones_need_https(made_site: Path) -> None:
    hosted = host_site(made_site, host="0.0.0.0", port=0)
    assert hosted.token
    assert hosted.url.endswith(f"/?token={hosted.token}")
    assert "0.0.0.0" not in hosted.url
    assert "--certificate" in hosted.hint
    hosted.close()
    again = host_site(made_site, host="0.0.0.0", port=0, token="ours-1")
    assert again.url.endswith("/?token=ours-1")
    again.close()


def test_a_token_that_was_given_is_asked_for_here_too(made_site: Path) -> None:
    hosted = host_site(made_site, port=0, token="ours")
    assert hosted.url.endswith("/?token=ours")
    hosted.close()


@pytest.mark.parametrize("token", ["", "our own", "a&b", "für-uns", "a;b"])
def test_a_token_that_cannot_stand_in_an_address_is_refused(made_site: Path, token: str) -> None:
    with pytest.raises(UsageError, match="letters, digits"):
        host_site(made_site, port=0, token=token)


def test_a_taken_port_is_one_sentence(made_site: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OverreadError, match=f"port {port}.*is taken.*--port"):
            host_site(made_site, port=port)


def test_an_address_of_another_machine_is_one_sentence(made_site: Path) -> None:
    with pytest.raises(UsageError, match="no address of this machine"):
        host_site(made_site, host="192.0.2.77", port=0)


def test_a_folder_that_is_no_site_is_not_served(tmp_path: Path) -> None:
    (tmp_path / "patients.csv").write_text("name")
    with pytest.raises(BundleError, match="is no site"):
        host_site(tmp_path, port=0)


def test_certificates_that_do_not_work_are_said_before_anything_is_served(
    made_site: Path, certificate: tuple[Path, Path], tmp_path: Path
) -> None:
    cert, key = certificate
    with pytest.raises(UsageError, match="--certificate"):
        host_site(made_site, port=0, key=key)
    with pytest.raises(UsageError, match="no such file"):
        host_site(made_site, port=0, certificate=tmp_path / "none.pem", key=key)
    for wrong in ((cert, None), (key, key), (made_site / "site.json", key)):
        with pytest.raises(UsageError, match="PEM"):
            host_site(made_site, port=0, certificate=wrong[0], key=wrong[1])


def _ask(url: str, **settings: object) -> bytes:
    """What a server answers that may not yet be up."""
    for _ in range(3000):
        try:
            with urllib.request.urlopen(url, timeout=60, **settings) as answer:  # type: ignore[arg-type]
                content: bytes = answer.read()
                return content
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.02)
    raise AssertionError("no answer")


def test_a_site_is_served_over_https(made_site: Path, certificate: tuple[Path, Path]) -> None:
    hosted = host_site(made_site, port=0, certificate=certificate[0], key=certificate[1])
    assert hosted.url.startswith("https://")
    running = threading.Thread(target=hosted.run, daemon=True)
    running.start()
    trusting = ssl.create_default_context(cafile=certificate[0])
    trusting.check_hostname = False
    trusting.verify_flags &= ~ssl.VERIFY_X509_STRICT
    assert _ask(hosted.url, context=trusting) == (made_site / "index.html").read_bytes()
    hosted.close()
    running.join(10)
    assert not running.is_alive()
