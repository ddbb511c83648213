"""A JPEG has Python's pixels in the page, whichever way it is decoded there, to the last bit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import simplejpeg
from PIL import Image

from overread.bundle import pack
from overread.edge import write_site
from overread.imaging.preprocess import Preprocess, preprocess_graph
from tests.browser.conftest import TESTED_APP
from tests.bundle.conftest import SIZE, make_draft, network_bytes
from tests.imaging.samples import encoded, oriented, picture

_SELF_TEST = """async (options) => {
  const { reader, opened } = window.overread;
  await (options ? reader.open(options) : opened);
  return reader.selfTest();
}"""


def _drawn() -> Iterator[tuple[str, bytes]]:
    """Of every sampling: sides about a chroma sample and a block, turned, progressive; and rarer kinds."""
    rng = np.random.default_rng(0)

    def noisy(width: int, height: int) -> Image.Image:
        smooth = np.asarray(picture(height, width), np.int16)
        return Image.fromarray((smooth + rng.integers(-30, 30, smooth.shape)).clip(0, 255).astype(np.uint8))

    for name, sampling in (("420", 2), ("422", 1), ("444", 0)):
        for width, height in ((1, 1), (1, 9), (2, 3), (3, 2), (4, 5), (5, 1), (16, 17), (33, 31), (90, 61)):
            content = encoded(noisy(width, height), "JPEG", subsampling=sampling, quality=80)
            yield f"{name}-{width}x{height}.jpg", content
        for orientation in range(2, 9):
            turned = encoded(noisy(37, 22), "JPEG", subsampling=sampling, exif=oriented(orientation))
            yield f"{name}-turned-{orientation}.jpg", turned
        yield (
            f"{name}-progressive.jpg",
            encoded(noisy(40, 33), "JPEG", subsampling=sampling, progressive=True),
        )
    yield "restarts.jpg", encoded(noisy(40, 33), "JPEG", restart_marker_blocks=2)
    yield "grey.jpg", encoded(noisy(41, 33).convert("L"), "JPEG")
    yield "rgb.jpg", encoded(noisy(41, 33), "JPEG", keep_rgb=True)
    yield "411.jpg", simplejpeg.encode_jpeg(np.asarray(noisy(41, 33)), colorsubsampling="411")
    yield "strips.jpg", encoded(picture(1201, 901), "JPEG", quality=70)


@pytest.fixture(scope="module")
def decoding_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site whose self-test has JPEGs of every kind: a page compares the pixels of each with Python's."""
    folder = tmp_path_factory.mktemp("decoding")
    pack(
        folder / "bundle",
        draft=make_draft(),
        preprocess=preprocess_graph(Preprocess(size=SIZE)),
        network=network_bytes(),
        selftest=dict(_drawn()),
    )
    write_site(folder / "bundle", folder / "site", app=TESTED_APP)
    return folder / "site"


@pytest.mark.browser
@pytest.mark.parametrize("name", ["chromium", pytest.param("firefox", marks=pytest.mark.firefox)])
def test_every_way_gives_the_pixels_of_python(
    request: pytest.FixtureRequest,
    name: str,
    decoding_site: Path,
    serve_site: Callable[[Path], AbstractContextManager[str]],
    open_app: Callable[[Any, str], None],
) -> None:
    with serve_site(decoding_site) as url:
        context = request.getfixturevalue(name).new_context()
        page = context.new_page()
        open_app(page, url)
        tested = page.evaluate(_SELF_TEST)
        assert (tested["failure"], tested["passed"]) == ("", True)
        # The fastest is right here, and nothing was left.
        assert (tested["runtime"]["decoder"], tested["runtime"]["notes"]) == ("planes", [])
        for way in ("browser", "codec"):
            tested = page.evaluate(_SELF_TEST, {"decoder": way})
            assert (tested["failure"], tested["runtime"]["decoder"]) == ("", way)
        context.close()


_ANOTHER_BIT = """{
  const { copyTo } = VideoFrame.prototype;
  VideoFrame.prototype.copyTo = async function (room, options) {
    await copyTo.call(this, room, options);
    room[0] ^= 1;
  };
}"""


@pytest.mark.browser
def test_a_decoder_that_gives_another_bit_is_left_and_the_page_says_so(
    chromium: Any,
    site: Path,
    serve_site: Callable[[Path], AbstractContextManager[str]],
    open_app: Callable[[Any, str], None],
) -> None:
    def changed(route: Any) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, body=_ANOTHER_BIT + answer.text())

    with serve_site(site) as url:
        context = chromium.new_context(service_workers="block")  # it would answer in the route's place
        page = context.new_page()
        page.route("**/worker-*.js", changed)
        open_app(page, url)
        tested = page.evaluate(_SELF_TEST)
        context.close()
    assert tested["passed"]
    assert tested["runtime"]["decoder"] == "browser"
    assert tested["runtime"]["notes"] == ["WebCodecs does not give Python's pixels of JPEG here, and is left"]
