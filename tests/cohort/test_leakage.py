from __future__ import annotations

from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st

from overread.cohort.leakage import Identities, find_leaks, refused
from overread.cohort.schema import SPLITS, Split

IDS = ["a", "b", "c", "d"]


def test_a_patient_on_two_sides_is_counted_with_the_images_it_spoils() -> None:
    [leak] = find_leaks(Identities(IDS, patients=["p", "p", "p", "q"]), ["train", "test", "test", "test"])
    assert (leak.kind, leak.count, leak.images, leak.sides) == ("patient", 1, 3, {"train-test": 1})
    assert leak.examples == (("a", "b", "c"),)
    assert leak.sentence == (
        "1 patient stands on two sides of the split: 2 of the 3 images of test share one with train"
    )


def test_what_has_no_identity_or_no_side_crosses_nothing() -> None:
    assert find_leaks(Identities(IDS, patients=[None] * 4), ["train", "test"] * 2) == ()
    assert find_leaks(Identities(IDS, groups=["g"] * 4), ["train", None, None, "train"]) == ()


def test_equal_bytes_are_not_counted_again_as_equal_pixels_or_pictures() -> None:
    same = Identities(IDS, files=["1", "1", "2", "3"], pixels=["x", "x", "y", "z"], near=[(0, 1)])
    assert [leak.kind for leak in find_leaks(same, ["train", "test", "test", "test"])] == ["file"]
    stored_twice = Identities(IDS, files=["1", "2", "3", "4"], pixels=["x", "x", "y", "z"], near=[(0, 1)])
    assert [leak.kind for leak in find_leaks(stored_twice, ["train", "test"] * 2)] == ["pixels"]


def test_near_duplicates_count_the_pairs_that_cross() -> None:
    [leak] = find_leaks(Identities(IDS, near=[(0, 1), (1, 2), (0, 2)]), ["train", "train", "tune", "test"])
    assert (leak.kind, leak.count, leak.sides) == ("near-duplicate", 2, {"train-tune": 2})


def test_three_sides_are_counted_side_by_side() -> None:
    [leak] = find_leaks(Identities(IDS, groups=["g"] * 4), ["train", "tune", "test", "test"])
    assert leak.sides == {"train-tune": 1, "train-test": 1, "tune-test": 1}


@given(
    st.lists(
        st.tuples(st.sampled_from([None, "p", "q", "r", "s"]), st.sampled_from(SPLITS)),
        min_size=1,
        max_size=30,
    )
)
def test_the_counts_are_those_of_plain_counting(rows: list[tuple[str | None, Split]]) -> None:
    sides: dict[str, set[str]] = defaultdict(set)
    for key, side in rows:
        if key is not None:
            sides[key].add(side)
    crossing = {key for key, on in sides.items() if len(on) > 1}
    leaks = find_leaks(
        Identities([str(at) for at in range(len(rows))], patients=[key for key, _ in rows]),
        [side for _, side in rows],
    )
    assert sum(leak.count for leak in leaks) == len(crossing)
    assert sum(leak.images for leak in leaks) == sum(key in crossing for key, _ in rows)


def test_only_what_is_accepted_by_name_passes() -> None:
    leaks = find_leaks(
        Identities(IDS, patients=["p"] * 4, groups=["g"] * 4), ["train", "test", "train", "train"]
    )
    assert [leak.kind for leak in refused(leaks, ["group"])] == ["patient"]
    assert refused(leaks, ["group", "patient"]) == ()
