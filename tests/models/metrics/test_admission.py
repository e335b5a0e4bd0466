"""Which classifiers may say pass: those that see what a requirement is about."""

from __future__ import annotations

import pytest

from monsoon.models.metrics.admission import BESIDES, LEVELS, NEEDED, flaws_of, missed, needed_flaws
from monsoon.models.metrics.classification import CLASSIFIERS
from monsoon.models.metrics.contest import GROUPS
from monsoon.models.metrics.flaws import FLAWS


def test_every_classifier_has_flaws_to_see_in_every_group() -> None:
    assert set(LEVELS) == set(CLASSIFIERS)
    assert set(NEEDED) == set(BESIDES) == set(GROUPS)
    for group in GROUPS:
        assert set(flaws_of(group)) <= set(FLAWS)
        assert len(flaws_of(group)) == len(set(flaws_of(group)))
        for classifier in CLASSIFIERS:
            assert needed_flaws(group, classifier)
            assert set(needed_flaws(group, classifier)) <= set(flaws_of(group))


@pytest.mark.parametrize("classifier", CLASSIFIERS)
@pytest.mark.parametrize("group", GROUPS)
def test_the_mirrored_angle_admits_no_classifier(group: str, classifier: str) -> None:
    assert "angle mirrored" in flaws_of(group)
    assert missed(group, classifier, ["angle mirrored"]) == list(needed_flaws(group, classifier))
    assert missed(group, classifier, BESIDES[group])


@pytest.mark.parametrize("classifier", CLASSIFIERS)
def test_a_classifier_is_admitted_only_by_all_of_its_flaws(classifier: str) -> None:
    needed = needed_flaws("egamma", classifier)
    assert missed("egamma", classifier, needed) == []
    for flaw in needed:
        assert missed("egamma", classifier, [other for other in needed if other != flaw]) == [flaw]
