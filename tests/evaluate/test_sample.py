"""How many texts of each stratum a person labels."""

from hypothesis import given
from hypothesis import strategies as st

from pipeline.evaluate.sample import Stratum, allocate, weights
from pipeline.records import Sentiment

POSITIVE, NEUTRAL, NEGATIVE, MIXED = Sentiment
POPULATIONS = st.dictionaries(
    st.tuples(st.sampled_from(["app", "shop", "site", "survey"]), st.sampled_from(list(Sentiment))), st.integers(0, 500)
)
SIZES = st.integers(0, 1500)


def by_sentiment(counts: dict[Stratum, int], one: Sentiment) -> int:
    return sum(count for (_, other), count in counts.items() if other is one)


def test_rare_classes_reach_fifty_labels_and_sources_are_in_proportion() -> None:
    populations = {("app", one): 3000 for one in Sentiment} | {("shop", one): 1000 for one in Sentiment}
    populations[("app", MIXED)], populations[("shop", MIXED)] = 40, 20
    found = allocate(populations, 300)
    assert by_sentiment(found, MIXED) == 60 and by_sentiment(found, POSITIVE) == 80
    assert (found["app", POSITIVE], found["shop", POSITIVE]) == (60, 20)


def test_a_label_stands_for_its_part_of_the_stratum() -> None:
    populations = {("app", POSITIVE): 100, ("shop", POSITIVE): 7}
    found = weights(populations, {("app", POSITIVE): 40, ("shop", POSITIVE): 0})
    assert found == {("app", POSITIVE): 2.5}


@given(POPULATIONS, SIZES)
def test_the_total_is_exact_and_no_stratum_gives_more_than_it_has(populations: dict[Stratum, int], size: int) -> None:
    found = allocate(populations, size)
    assert sum(found.values()) == min(size, sum(populations.values())) and found.keys() == populations.keys()
    assert all(0 <= count <= populations[stratum] for stratum, count in found.items())


@given(POPULATIONS, SIZES)
def test_sentiments_have_equal_parts_unless_one_is_used_up(populations: dict[Stratum, int], size: int) -> None:
    found = allocate(populations, size)
    left = [one for one in Sentiment if by_sentiment(found, one) < by_sentiment(populations, one)]
    most = max(by_sentiment(found, one) for one in Sentiment)
    assert all(by_sentiment(found, one) >= most - 1 for one in left)


@given(POPULATIONS, SIZES)
def test_each_source_has_one_before_another_has_two(populations: dict[Stratum, int], size: int) -> None:
    found = allocate(populations, size)
    for one in Sentiment:
        counts = [count for (_, other), count in found.items() if other is one]
        empty = any(not found[stratum] and populations[stratum] for stratum in found if stratum[1] is one)
        assert not empty or max(counts) <= 1


@given(POPULATIONS, SIZES)
def test_the_order_of_the_strata_does_not_matter(populations: dict[Stratum, int], size: int) -> None:
    assert allocate(dict(reversed(populations.items())), size) == allocate(populations, size)
